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
  /** Gives the memory back: every event is settled, and so is every batch before. Either this or `drop` is called, once. */
  release(): void;
  /** Gives the memory back: its events are not wanted any more. Batches before it may be unsettled. */
  drop(): void;
}

/** The same events in batches of at most `eventsMax` each, which share the memory. */
export function splitBatch(batch: Batch, eventsMax: number): readonly Batch[] {
  if (batch.count <= eventsMax) return [batch];
  const parts: Batch[] = [];
  let isSettled = false;
  let left = Math.ceil(batch.count / eventsMax);
  const done = (settled: boolean): void => {
    // A part that is settled has nothing unsettled before it, and nothing but dropped parts behind.
    isSettled ||= settled;
    if (--left > 0) return;
    if (isSettled) batch.release();
    else batch.drop();
  };
  for (let first = 0, at = 0; first < batch.count; first += eventsMax) {
    const count = Math.min(eventsMax, batch.count - first);
    const to = eventOffset(batch.bytes, count, at);
    const bytes = batch.bytes.subarray(at, to);
    const { start, end } = batch;
    parts.push({ bytes, count, start, end, release: () => done(true), drop: () => done(false) });
    at = to;
  }
  return parts;
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
