/** One contiguous run of events of one source. */
export interface Batch {
  /** NDJSON: each event ended by a newline. Not to be used after `release`. */
  readonly bytes: Buffer;
  /** How many events `bytes` holds; never 0. */
  readonly count: number;
  /** The source's bytes that it covers, skipped lines included: from this offset … */
  readonly start: number;
  /** … to before this one. */
  readonly end: number;
  /** Gives the memory back; called once, when every event is settled. */
  release(): void;
}

/**
 * The position in `bytes` of the event that is `events` behind the one at `from`. Used only off the hot path: after a
 * cut or a refusal.
 */
export function eventOffset(bytes: Buffer, events: number, from = 0): number {
  let at = from;
  for (let passed = 0; passed < events; passed++) at = bytes.indexOf(10, at) + 1;
  return at;
}

/** How much a batch holds at most, unless a single event is larger. */
export const BATCH_BYTES_MAX: number = 256 * 1024;

/**
 * Buffers for batches that are used again. Without it every batch would be fresh memory, freed whenever the garbage
 * collector gets to it, and the process would grow to several times its window.
 */
export class SlabPool {
  #free: Buffer[] = [];
  #slabBytes: number = BATCH_BYTES_MAX;
  readonly #freeBytesMax: number;

  /** Keeps at most `freeBytesMax` bytes in unused slabs. */
  constructor(freeBytesMax: number) {
    this.#freeBytesMax = freeBytesMax;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#slabBytes);
  }

  give(slab: Buffer): void {
    const isKept =
      slab.length === this.#slabBytes && (this.#free.length + 1) * slab.length <= this.#freeBytesMax;
    if (isKept) this.#free.push(slab);
  }

  /** From now on slabs have this size: batches are to hold more than one of them did. */
  growTo(slabBytes: number): void {
    this.#slabBytes = slabBytes;
    this.#free = [];
  }
}
