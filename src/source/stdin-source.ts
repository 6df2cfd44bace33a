// Lines from a pipe, which can be read once: whatever was taken from it must be yielded, also after `stop`.

import type { LineEncoder } from "../event/line-encoder.ts";
import type { Batch, SlabPool } from "../pipeline/batch.ts";
import type { Source } from "../pipeline/interfaces.ts";
import { unreadable } from "./input-check.ts";
import { type Cursor, LineReader, type LineReaderOptions, type Mark, START } from "./line-reader.ts";
import type { Pipe } from "./pipe.ts";

export class StdinSource implements Source {
  readonly #pipe: Pipe;
  readonly #reader: LineReader;
  readonly #cursor: PipeCursor;

  /** The encoder's stream must be new: the pipe's bytes are counted from 0. */
  constructor(pipe: Pipe, options: LineReaderOptions, encoder: LineEncoder, pool: SlabPool) {
    this.#pipe = pipe;
    this.#reader = new LineReader(options, pool);
    this.#cursor = new PipeCursor(this.#pipe, encoder);
  }

  async open(): Promise<void> {
    this.#pipe.open();
  }

  async read(): Promise<Batch | undefined> {
    for (;;) {
      const { isComplete } = this.#cursor;
      const batch = await this.#reader.read(this.#cursor);
      if (batch !== undefined) return batch;
      if (this.#pipe.error !== undefined) throw unreadable("standard input", this.#pipe.error);
      if (isComplete) return undefined;
      await this.#pipe.change();
    }
  }

  stop(): void {
    this.#pipe.end();
  }

  async close(): Promise<void> {
    this.#pipe.end();
  }

  /** Bytes taken from the pipe. */
  get takenBytes(): number {
    return this.#pipe.takenBytes;
  }

  get readBytes(): number {
    return this.#cursor.position.offset;
  }

  get settledBytes(): number {
    return this.#cursor.settledOffset;
  }
}

class PipeCursor implements Cursor {
  readonly content: Pipe;
  readonly encoder: LineEncoder;
  position: Mark = START;
  #settledOffset = 0;
  #unsettled = 0;

  constructor(content: Pipe, encoder: LineEncoder) {
    this.content = content;
    this.encoder = encoder;
  }

  get isComplete(): boolean {
    return this.content.isAtEnd;
  }

  /** Lines that make no event are settled with those before. */
  get settledOffset(): number {
    return this.#unsettled === 0 ? this.position.offset : this.#settledOffset;
  }

  began(): void {
    this.#unsettled++;
  }

  settled(mark: Mark): void {
    this.#unsettled--;
    this.#settledOffset = mark.offset;
  }

  dropped(): void {
    this.#unsettled--;
  }
}
