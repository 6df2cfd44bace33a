// Turns the bytes of files into batches of events. One buffer serves all files of a source: what it holds of one file
// is read again if another comes between.
//
// The buffer holds, from 0 to #filled: bytes that are consumed (before #at), complete lines not yet encoded (before
// #linesEnd), and the beginning of a line whose end has not been read.

import { isUtf8 } from "node:buffer";
import type { LineEncoder } from "../event/line-encoder.ts";
import { BATCH_BYTES_MAX, type Batch, type SlabPool } from "../pipeline/batch.ts";
import { type Content, TAIL_BYTES_MAX } from "./content.ts";

const READ_BYTES = 256 * 1024;
/** A batch of a fixed number of events may grow to this: no more is sure to fit a frame of the wire contract. */
const FIXED_BATCH_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 10;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** How far a file is: what is before `offset` is done with. */
export interface Mark {
  readonly offset: number;
  /** The offset is inside a line: what follows up to the next newline continues an event. */
  readonly isInLine: boolean;
  /** The last bytes before the offset, at most TAIL_BYTES_MAX. */
  readonly tail: Buffer;
}

export const START: Mark = { offset: 0, isInLine: false, tail: Buffer.alloc(0) };

/** A file that is being read. */
export interface Cursor {
  readonly content: Content;
  readonly encoder: LineEncoder;
  /** How far it has been encoded; moved by the reader. */
  position: Mark;
  /** No more will come: a last line without a newline is taken as it is. */
  readonly isComplete: boolean;
  /** An offset at which a line ends although no newline does; what stands behind it continues the line. */
  readonly cut?: number | undefined;
  /** A batch was made of what is before its position; it is settled or dropped later. */
  began(): void;
  /** Every event before the mark is settled. */
  settled(mark: Mark): void;
  /** A batch is not wanted any more; events before it may be unsettled. */
  dropped(): void;
}

export interface LineReaderOptions {
  /** Events a batch holds at most; Infinity for as many as fit. */
  readonly batchEventsMax: number;
  /** Longer lines are split, in bytes. The encoders have the same limit. */
  readonly lineBytesMax: number;
}

export class LineReader {
  /** After `read` that returned nothing: where the content ended. */
  end = 0;
  readonly #options: LineReaderOptions;
  readonly #pool: SlabPool;
  #cursor: Cursor | undefined;
  #buffer: Buffer = Buffer.allocUnsafeSlow(2 * READ_BYTES);
  #at = 0;
  #linesEnd = 0;
  #areLinesUtf8 = true;
  #filled = 0;
  /** What is right before the buffer's first byte in the file; as long as it matters, nothing is dropped from the buffer. */
  #tailBefore: Buffer = START.tail;
  /** The offset in the file of the buffer's first byte. */
  #bufferOffset = 0;
  /** A newline that is no byte of the file ends the buffer. */
  #isLastLineClosed = false;
  /** The slab being filled; kept for the next batch when this one was small enough to copy. */
  #slab: Buffer | undefined;

  constructor(options: LineReaderOptions, pool: SlabPool) {
    this.#options = options;
    this.#pool = pool;
  }

  /** The next batch of a file; undefined if it holds no further complete line for now. */
  async read(cursor: Cursor): Promise<Batch | undefined> {
    const { batchEventsMax } = this.#options;
    const { encoder } = cursor;
    this.#turnTo(cursor);
    const start = cursor.position.offset;
    let out = this.#slab ?? this.#pool.take();
    this.#slab = undefined;
    let written = 0;
    let count = 0;
    while (this.#at < this.#linesEnd || (await this.#fill(cursor))) {
      const limit = batchEventsMax - count;
      encoder.encode(
        this.#buffer,
        this.#at,
        this.#linesEnd,
        this.#areLinesUtf8,
        out,
        written,
        limit,
        this.#bufferOffset,
      );
      this.#at = encoder.consumed;
      written = encoder.written;
      count += encoder.count;
      if (!encoder.isFull) this.#linesEnd = this.#at;
      else if (count === batchEventsMax) break;
      else {
        const larger = this.#largerOutput(out, written, encoder.bytesNeeded);
        if (larger === undefined) break;
        out = larger;
      }
    }
    this.#advance(cursor);
    return this.#batch(cursor, out, written, count, start);
  }

  /** Forgets what it holds of a file whose content is another now. */
  forget(cursor: Cursor): void {
    if (this.#cursor === cursor) this.#cursor = undefined;
  }

  #turnTo(cursor: Cursor): void {
    if (this.#cursor === cursor && this.#bufferOffset + this.#at === cursor.position.offset) return;
    this.#cursor = cursor;
    this.#bufferOffset = cursor.position.offset;
    this.#tailBefore = cursor.position.tail;
    this.#at = 0;
    this.#linesEnd = 0;
    this.#filled = 0;
    this.#isLastLineClosed = false;
    cursor.encoder.isInLine = cursor.position.isInLine;
  }

  /** Room for an event that is larger than the slab, or for as many as were asked for; undefined if the batch is full. */
  #largerOutput(out: Buffer, written: number, bytesNeeded: number): Buffer | undefined {
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

  /** Moves the cursor to what has been encoded. */
  #advance(cursor: Cursor): void {
    let end = this.#at;
    let { isInLine } = cursor.encoder;
    if (this.#isLastLineClosed && this.#at === this.#filled) {
      // If more of the last line comes after all, it continues the event that was made of it.
      end--;
      isInLine = true;
      this.#cursor = undefined;
    }
    const offset = this.#bufferOffset + end;
    if (offset === cursor.position.offset) return;
    const consumed = this.#buffer.subarray(Math.max(0, end - TAIL_BYTES_MAX), end);
    const missing = TAIL_BYTES_MAX - consumed.length;
    const before = missing === 0 ? [] : [this.#tailBefore.subarray(-missing)];
    cursor.position = { offset, isInLine, tail: Buffer.concat([...before, consumed]) };
  }

  #batch(cursor: Cursor, out: Buffer, written: number, count: number, start: number): Batch | undefined {
    const isSmall = written <= out.length / 2;
    if (isSmall && out.length === BATCH_BYTES_MAX) this.#slab = out;
    const mark = cursor.position;
    if (count === 0) {
      // Lines that were skipped are settled with the batch before; without one there is nothing to wait for.
      return undefined;
    }
    // At once: what settles while the batch is on its way to the queue must not pass it.
    cursor.began();
    const bytes = out.subarray(0, written);
    const giveBack = (): void => {
      if (!isSmall) this.#pool.give(out);
    };
    const release = (): void => {
      giveBack();
      cursor.settled(mark);
    };
    const drop = (): void => {
      giveBack();
      cursor.dropped();
    };
    // A small batch is copied, so that it does not hold a whole slab.
    return { bytes: isSmall ? Buffer.from(bytes) : bytes, count, start, end: mark.offset, release, drop };
  }

  /** Reads until there is something to encode; false if there is nothing more for now. */
  async #fill(cursor: Cursor): Promise<boolean> {
    while (this.#at === this.#linesEnd) {
      if (this.#isLastLineClosed) return false;
      this.#makeRoom();
      const searchFrom = this.#filled;
      const position = this.#bufferOffset + this.#filled;
      const isCut = position === cursor.cut && this.#filled > this.#at;
      const length = cursor.cut !== undefined && cursor.cut > position ? cursor.cut - position : READ_BYTES;
      const bytesRead = isCut
        ? 0
        : await cursor.content.read(this.#buffer, this.#filled, Math.min(length, READ_BYTES), position);
      this.#filled += bytesRead;
      if (bytesRead === 0) {
        this.end = position;
        const closes = (isCut || cursor.isComplete) && this.#filled > this.#at;
        if (!closes) return false;
        this.#buffer[this.#filled++] = NEWLINE;
        this.#isLastLineClosed = true;
      } else if (position === 0) this.#skipByteOrderMark();
      this.#findLines(searchFrom);
    }
    this.#areLinesUtf8 = isUtf8(this.#buffer.subarray(this.#at, this.#linesEnd));
    return true;
  }

  /** Moves what is left to the front; a line longer than the buffer makes it grow up to the limit of a line. */
  #makeRoom(): void {
    const kept = Math.min(this.#at, TAIL_BYTES_MAX);
    const dropped = this.#at - kept;
    if (dropped > 0) {
      this.#buffer.copyWithin(0, dropped, this.#filled);
      this.#bufferOffset += dropped;
      this.#filled -= dropped;
      this.#at = kept;
      this.#linesEnd = kept;
    }
    if (this.#filled + READ_BYTES < this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * this.#buffer.length);
    this.#buffer.copy(grown, 0, 0, this.#filled);
    this.#buffer = grown;
  }

  #skipByteOrderMark(): void {
    if (!byteOrderMark.equals(this.#buffer.subarray(0, byteOrderMark.length))) return;
    this.#at = byteOrderMark.length;
    this.#linesEnd = this.#at;
  }

  #findLines(searchFrom: number): void {
    const newline = this.#buffer.subarray(searchFrom, this.#filled).lastIndexOf(NEWLINE);
    if (newline >= 0) this.#linesEnd = searchFrom + newline + 1;
    // An open line over the limit is encoded in parts; one byte more, as the last may be the first half of a CRLF.
    else if (this.#filled - this.#at > this.#options.lineBytesMax + 1) this.#linesEnd = this.#filled;
  }
}
