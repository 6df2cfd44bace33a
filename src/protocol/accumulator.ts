// Collects the pieces of one message that TCP has cut. Invariant: a buffer that was handed out by `take` is never
// written again, and no more than about twice the bytes that have really arrived is ever allocated.

const EMPTY = Buffer.alloc(0);
const CAPACITY_BYTES_MIN = 256;

/** A growing buffer. It doubles, so that feeding it byte by byte is linear in all. */
export class Accumulator {
  #buffer: Buffer = EMPTY;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** The bytes held, valid until the next `append`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The last byte, or `undefined` when it is empty. */
  get lastByte(): number | undefined {
    return this.#buffer[this.#length - 1];
  }

  /** Copies `source[from, to)` to the end. */
  append(source: Buffer, from: number, to: number): void {
    const length = this.#length + (to - from);
    if (length > this.#buffer.length) this.#grow(length);
    source.copy(this.#buffer, this.#length, from, to);
    this.#length = length;
  }

  /** Hands out the bytes and starts afresh. */
  take(): Buffer {
    const taken = this.bytes;
    this.clear();
    return taken;
  }

  clear(): void {
    this.#buffer = EMPTY;
    this.#length = 0;
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(CAPACITY_BYTES_MIN, length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
