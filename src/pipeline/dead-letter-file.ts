// Refused events, kept as NDJSON with the reason and the time.
//
// Invariant: when `flush` resolves, everything added before is on disk.

import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { makeDirectory } from "../disk/file-system.ts";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import { deadLetterHead } from "../event/dead-letter.ts";
import type { DeadLetters } from "./delivery.ts";

export class DeadLetterFile implements DeadLetters {
  readonly path: string;
  readonly #now: () => Date;
  #file: FileHandle | undefined;
  #pending: Buffer[] = [];
  #flushing: Promise<void> = Promise.resolve();

  /** Nothing is created before the first event is refused. */
  constructor(path: string, now: () => Date = () => new Date()) {
    this.path = path;
    this.#now = now;
  }

  /** Takes a copy of one event, which is a JSON text. */
  add(event: Buffer, reason: string): void {
    this.#pending.push(
      Buffer.from(deadLetterHead(this.#now(), reason)),
      Buffer.from(event),
      Buffer.from("}\n"),
    );
  }

  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    try {
      this.#file ??= await this.#open();
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
    } catch (error) {
      const why = describeSystemError(error);
      throw new LogshipError(
        "ERR_DEAD_LETTERS",
        EXIT.temporary,
        `cannot keep refused lines in ${this.path}: ${why}; they count as undelivered`,
        { cause: error },
      );
    }
  }

  async #open(): Promise<FileHandle> {
    await makeDirectory(dirname(this.path));
    const file = await open(this.path, "a+");
    // A crash may have left half a record, which must not swallow the next one.
    const { size } = await file.stat();
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer[0] !== 10) await file.appendFile("\n");
    }
    return file;
  }
}
