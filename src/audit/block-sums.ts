// Tells where a file and a store differ, in the space of a few bytes for each block of a file. A block's sum is of the
// hashes of its events, so neither their order nor where the store has them matters.
//
// Invariant: a block that `differs` returns false for has, but for a chance of 2^-64, the same events on both sides,
// each as often.

import type { EventTaker } from "./event-scanner.ts";

const BLOCK_BITS = 16;
const BLOCK_BYTES = 2 ** BLOCK_BITS;

export class BlockSums {
  /** Takes the events of the file. */
  readonly file: EventTaker;
  /** Takes those of the store. */
  readonly store: EventTaker;
  /** Events of the file. */
  events = 0;
  readonly #start: number;
  readonly #end: number;
  readonly #counts: Int32Array;
  readonly #high: Int32Array;
  readonly #low: Int32Array;

  /** Only events from the sequence `start` to before `end` count. */
  constructor(start: number, end: number) {
    const blocks = Math.ceil((end - start) / BLOCK_BYTES);
    this.#start = start;
    this.#end = end;
    this.#counts = new Int32Array(blocks);
    this.#high = new Int32Array(blocks);
    this.#low = new Int32Array(blocks);
    this.file = {
      take: (sequence, high, low) => {
        this.events++;
        this.#add(sequence, 1, high, low);
      },
    };
    this.store = { take: (sequence, high, low) => this.#add(sequence, -1, -high, -low) };
  }

  /** True if the events of the block that holds this sequence are not the same. */
  differsAt(sequence: number): boolean {
    return this.#holds(sequence) && this.#blockDiffers(this.#blockOf(sequence));
  }

  /** True if any block differs that has bytes in `[start, end)`. */
  differsIn(start: number, end: number): boolean {
    const last = this.#blockOf(Math.min(end, this.#end) - 1);
    for (let block = this.#blockOf(Math.max(start, this.#start)); block <= last; block++)
      if (this.#blockDiffers(block)) return true;
    return false;
  }

  get differs(): boolean {
    return this.differsIn(this.#start, this.#end);
  }

  #add(sequence: number, count: number, high: number, low: number): void {
    if (!this.#holds(sequence)) return;
    const block = this.#blockOf(sequence);
    this.#counts[block]! += count;
    this.#high[block]! += high;
    this.#low[block]! += low;
  }

  #holds(sequence: number): boolean {
    return sequence >= this.#start && sequence < this.#end;
  }

  #blockOf(sequence: number): number {
    return Math.floor((sequence - this.#start) / BLOCK_BYTES);
  }

  #blockDiffers(block: number): boolean {
    return this.#counts[block] !== 0 || this.#high[block] !== 0 || this.#low[block] !== 0;
  }
}
