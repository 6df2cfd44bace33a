// Log files, with their checkpoint and what is told of them to whoever looks.

import { dirname, resolve } from "node:path";
import { StatusFile } from "../observe/status-file.ts";
import type { Batch } from "../pipeline/batch.ts";
import { Checkpointer } from "../source/checkpointer.ts";
import { FileSource } from "../source/file-source.ts";
import type { Extent, Input, InputContext } from "./interfaces.ts";
import { createEncoder, lineReaderOptions } from "./line-setup.ts";

export class FileInput implements Input {
  readonly isOpenEnded: boolean;
  readonly status: StatusFile;
  readonly #source: FileSource;
  readonly #checkpointer: Checkpointer;
  #isOpen = false;

  constructor(context: InputContext, ownInodes: ReadonlySet<string>) {
    const { settings, destination, state, checkpoint, pool, report } = context;
    this.isOpenEnded = settings.mode === "continuous";
    this.#source = new FileSource(
      {
        ...settings,
        ...lineReaderOptions(context),
        patterns: settings.logFile,
        follow: settings.mode === "continuous",
        isOwn: (path) => dirname(path) === state.path,
        ownInodes,
      },
      {
        createEncoder: (stream, path) => createEncoder(context, stream, path),
        pool,
        report,
        checkpoint,
        save: () => this.#checkpointer.save(),
        onSettled: () => {
          this.#checkpointer.schedule();
          this.status.changed();
        },
      },
    );
    this.#checkpointer = new Checkpointer(state, destination, () => this.#source.records(), report);
    this.status = new StatusFile(
      state.path,
      {
        patterns: settings.logFile.map((pattern) => resolve(pattern)),
        server: destination,
        stallAfterMs: settings.stallAfterMs,
        isConnected: context.isConnected,
        files: () => this.#source.files,
        problems: () => this.#source.problems,
      },
      report,
    );
    const before = checkpoint?.destination ?? "";
    if (before !== "" && before !== destination) {
      const message = `lines were delivered to ${before} before; ${destination} gets what comes after them`;
      report("warn", `${message} (--again ships files from their beginning)`);
    }
  }

  async open(): Promise<void> {
    await this.#source.open();
    this.#isOpen = true;
    this.status.changed();
  }

  async read(): Promise<Batch | undefined> {
    const batch = await this.#source.read();
    this.status.changed();
    return batch;
  }

  stop(): void {
    this.#source.stop();
  }

  async close(): Promise<void> {
    // A run that did not come about leaves no trace: the next one may be the state directory's first.
    if (this.#isOpen) {
      await this.#checkpointer.close();
      await this.status.close();
    }
    await this.#source.close();
  }

  extent(): Extent {
    let [sizeBytes, readBytes, settledBytes] = [0, 0, 0];
    for (const file of this.#source.files) {
      sizeBytes += Math.max(file.sizeBytes, file.position.offset);
      readBytes += file.position.offset;
      settledBytes += file.settledMark.offset;
    }
    return { sizeBytes, readBytes, settledBytes };
  }
}
