import type { Readable } from "node:stream";
import { STDIN } from "../config/client-options.ts";
import type { Batch } from "../pipeline/batch.ts";
import { unreadable } from "../source/input-check.ts";
import { openStdin, StreamPipe } from "../source/pipe.ts";
import { StdinSource } from "../source/stdin-source.ts";
import { newStream } from "../source/tracked-file.ts";
import type { Extent, Input, InputContext } from "./interfaces.ts";
import { createEncoder, lineReaderOptions } from "./line-setup.ts";

/** What a pipe brings, without a checkpoint: it cannot be read again. */
export class StdinInput implements Input {
  readonly isOpenEnded = true;
  readonly #context: InputContext;
  readonly #stream: Readable | undefined;
  #source: StdinSource | undefined;

  /** Without a stream it is the process's own standard input. */
  constructor(context: InputContext, stream: Readable | undefined) {
    this.#context = context;
    this.#stream = stream;
  }

  async open(): Promise<void> {
    const encoder = createEncoder(this.#context, newStream(), STDIN);
    try {
      const pipe = this.#stream === undefined ? openStdin() : new StreamPipe(this.#stream);
      this.#source = new StdinSource(pipe, lineReaderOptions(this.#context), encoder, this.#context.pool);
      await this.#source.open();
    } catch (error) {
      throw unreadable("standard input", error);
    }
  }

  async read(): Promise<Batch | undefined> {
    return this.#source?.read();
  }

  stop(): void {
    this.#source?.stop();
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  extent(): Extent {
    const { takenBytes: sizeBytes = 0, readBytes = 0, settledBytes = 0 } = this.#source ?? {};
    return { sizeBytes, readBytes, settledBytes };
  }
}
