// Reads one file from its start to its end and yields its lines as batches.
//
// The buffer holds, from 0 to #filled: lines that are consumed (before #at), complete lines not yet encoded (before
// #linesEnd), and the beginning of a line whose end has not been read.

import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { LineCounters, LineEncoder } from "../event/line-encoder.ts";
import type { Batch, SlabPool } from "../pipeline/batch.ts";
import type { Source } from "../pipeline/interfaces.ts";

const READ_BYTES = 256 * 1024;
/** A batch of a fixed number of events may grow to this: no more is sure to fit a frame of the wire contract. */
const FIXED_BATCH_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 10;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

export interface FileSourceOptions {
  readonly path: string;
  /** Events a batch holds at most; Infinity for as many as fit. */
  readonly batchEventsMax: number;
  /** Longer lines are split, in bytes. The encoder has the same limit. */
  readonly lineBytesMax: number;
}

export class FileSource implements Source {
  readonly #options: FileSourceOptions;
  readonly #encoder: LineEncoder;
  readonly #pool: SlabPool;
  #file: FileHandle | undefined;
  #buffer: Buffer = Buffer.allocUnsafeSlow(2 * READ_BYTES);
  #at = 0;
  #linesEnd = 0;
  #areLinesUtf8 = true;
  #filled = 0;
  /** The offset in the file of the buffer's first byte. */
  #bufferOffset = 0;
  /** How far the file has been read. */
  #readOffset = 0;
  #isAtEnd = false;
  /** The slab being filled; kept for the next batch when this one was small enough to copy. */
  #slab: Buffer | undefined;
  #sizeBytes = 0;

  constructor(options: FileSourceOptions, encoder: LineEncoder, pool: SlabPool) {
    this.#options = options;
    this.#encoder = encoder;
    this.#pool = pool;
  }

  /** The file's size when it was opened, in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get counters(): Readonly<LineCounters> {
    return this.#encoder.counters;
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    try {
      // Without O_NONBLOCK, opening a FIFO would wait for a writer that may never come.
      this.#file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stat = await this.#file.stat();
      if (stat.isDirectory()) throw noInput(`${path} is a directory; name a file in it`);
      if (!stat.isFile())
        throw noInput(`${path} is not a regular file; its lines can be redirected into one`);
      this.#sizeBytes = stat.size;
    } catch (error) {
      await this.close();
      throw error instanceof LogshipError
        ? error
        : noInput(`cannot read ${path}: ${describeSystemError(error)}`, error);
    }
  }

  async read(): Promise<Batch | undefined> {
    const { batchEventsMax } = this.#options;
    const encoder = this.#encoder;
    let out = this.#slab ?? this.#pool.take();
    this.#slab = undefined;
    let written = 0;
    let count = 0;
    const start = this.#offset;
    while (this.#at < this.#linesEnd || (await this.#fill())) {
      encoder.encode(
        this.#buffer,
        this.#at,
        this.#linesEnd,
        this.#areLinesUtf8,
        out,
        written,
        batchEventsMax - count,
      );
      this.#at = encoder.consumed;
      written = encoder.written;
      count += encoder.count;
      if (!encoder.isFull) this.#linesEnd = this.#at;
      else if (count === batchEventsMax) break;
      else {
        const larger = this.#largerOutput(out, written);
        if (larger === undefined) break;
        out = larger;
      }
    }
    return this.#batch(out, written, count, start);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Room for an event that is larger than the slab, or for as many events as were asked for; undefined if the batch is full. */
  #largerOutput(out: Buffer, written: number): Buffer | undefined {
    const { bytesNeeded } = this.#encoder;
    let bytes = bytesNeeded;
    if (written > 0) {
      bytes = Math.max(2 * out.length, written + bytesNeeded);
      if (this.#options.batchEventsMax === Number.POSITIVE_INFINITY || bytes > FIXED_BATCH_BYTES_MAX)
        return undefined;
      this.#pool.growTo(bytes);
    }
    const larger = Buffer.allocUnsafeSlow(bytes);
    out.copy(larger, 0, 0, written);
    this.#pool.give(out);
    return larger;
  }

  /** The offset in the file of the next byte to encode. */
  get #offset(): number {
    // The newline that is added to a last line without one is no byte of the file.
    return Math.min(this.#bufferOffset + this.#at, this.#readOffset);
  }

  #batch(out: Buffer, written: number, count: number, start: number): Batch | undefined {
    const isSmall = written <= out.length / 2;
    if (isSmall) this.#slab = out;
    if (count === 0) return undefined;
    const bytes = out.subarray(0, written);
    const span = { count, start, end: this.#offset };
    // A small batch is copied, so that it does not hold a whole slab.
    if (isSmall) return { bytes: Buffer.from(bytes), ...span, release: () => {} };
    return { bytes, ...span, release: () => this.#pool.give(out) };
  }

  /** Reads until there is something to encode; false at the end of the file. */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#linesEnd) {
      if (this.#isAtEnd) return false;
      this.#makeRoom();
      const searchFrom = this.#filled;
      const bytesRead = await this.#readSome();
      if (bytesRead === 0) this.#closeLastLine();
      else if (searchFrom === 0 && this.#readOffset === bytesRead) this.#skipByteOrderMark();
      this.#findLines(searchFrom);
    }
    this.#areLinesUtf8 = isUtf8(this.#buffer.subarray(this.#at, this.#linesEnd));
    return true;
  }

  /** Moves what is left to the front; a line longer than the buffer makes it grow up to the limit of a line. */
  #makeRoom(): void {
    if (this.#at > 0) {
      this.#buffer.copyWithin(0, this.#at, this.#filled);
      this.#bufferOffset += this.#at;
      this.#filled -= this.#at;
      this.#at = 0;
      this.#linesEnd = 0;
    }
    if (this.#filled + READ_BYTES < this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * this.#buffer.length);
    this.#buffer.copy(grown, 0, 0, this.#filled);
    this.#buffer = grown;
  }

  async #readSome(): Promise<number> {
    const { path } = this.#options;
    try {
      const file = this.#file!;
      const { bytesRead } = await file.read(this.#buffer, this.#filled, READ_BYTES, this.#readOffset);
      this.#filled += bytesRead;
      this.#readOffset += bytesRead;
      return bytesRead;
    } catch (error) {
      throw noInput(`cannot read ${path} at byte ${this.#readOffset}: ${describeSystemError(error)}`, error);
    }
  }

  #closeLastLine(): void {
    this.#isAtEnd = true;
    if (this.#filled > this.#at) this.#buffer[this.#filled++] = NEWLINE;
  }

  #skipByteOrderMark(): void {
    if (byteOrderMark.equals(this.#buffer.subarray(0, byteOrderMark.length))) {
      this.#at = byteOrderMark.length;
      this.#linesEnd = this.#at;
    }
  }

  #findLines(searchFrom: number): void {
    const newline = this.#buffer.subarray(searchFrom, this.#filled).lastIndexOf(NEWLINE);
    if (newline >= 0) this.#linesEnd = searchFrom + newline + 1;
    // An open line over the limit is encoded in parts; one byte more, as the last may be the first half of a CRLF.
    else if (this.#filled - this.#at > this.#options.lineBytesMax + 1) this.#linesEnd = this.#filled;
  }
}

function noInput(message: string, cause?: unknown): LogshipError {
  return new LogshipError("ERR_NO_INPUT", EXIT.noInput, message, { cause });
}
