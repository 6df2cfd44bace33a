// The events of a stream that need a closer look: sequence and hash, 16 bytes each, in typed arrays.
//
// Invariant: everything taken below `limit` can be found; `limit` is Infinity unless the budget ran out.

import type { EventTaker } from "./event-scanner.ts";

/** How many events all indexes of an audit may hold together; shared, and counted down. */
export interface Budget {
  eventsLeft: number;
}

const FIRST_CAPACITY = 64;

export class EventIndex implements EventTaker {
  /** From this sequence on, events are missing from the index, for want of room. */
  limit: number = Number.POSITIVE_INFINITY;
  readonly #budget: Budget;
  readonly #isWanted: (sequence: number) => boolean;
  #sequences: Float64Array = new Float64Array(FIRST_CAPACITY);
  #hashes: Int32Array = new Int32Array(2 * FIRST_CAPACITY);
  #length = 0;
  #isSorted = true;

  constructor(budget: Budget, isWanted: (sequence: number) => boolean) {
    this.#budget = budget;
    this.#isWanted = isWanted;
  }

  take(sequence: number, high: number, low: number): void {
    if (!this.#isWanted(sequence)) return;
    if (this.#budget.eventsLeft === 0) {
      this.limit = Math.min(this.limit, sequence);
      return;
    }
    this.#budget.eventsLeft--;
    if (this.#length === this.#sequences.length) this.#grow();
    const at = this.#length++;
    if (at > 0 && sequence < this.#sequences[at - 1]!) this.#isSorted = false;
    this.#sequences[at] = sequence;
    this.#hashes[2 * at] = high;
    this.#hashes[2 * at + 1] = low;
  }

  /** The first sequence in the index that is not below the given one; Infinity if there is none. */
  next(sequence: number): number {
    const at = this.#find(sequence);
    return at === this.#length ? Number.POSITIVE_INFINITY : this.#sequences[at]!;
  }

  /** How many events have this sequence, and how many of these the hash. */
  count(sequence: number, high: number, low: number): { all: number; equal: number } {
    let [all, equal] = [0, 0];
    for (let at = this.#find(sequence); at < this.#length && this.#sequences[at] === sequence; at++) {
      all++;
      if (this.#hashes[2 * at] === high && this.#hashes[2 * at + 1] === low) equal++;
    }
    return { all, equal };
  }

  /** The place of the first event whose sequence is not below the given one. */
  #find(sequence: number): number {
    if (!this.#isSorted) this.#sort();
    let [from, to] = [0, this.#length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#sequences[middle]! < sequence) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #grow(): void {
    const sequences = new Float64Array(2 * this.#sequences.length);
    sequences.set(this.#sequences);
    this.#sequences = sequences;
    const hashes = new Int32Array(2 * this.#hashes.length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  /** A store has a stream in order, so this is rare: events that are there twice, or in two stores. */
  #sort(): void {
    const [sequences, hashes] = [this.#sequences, this.#hashes];
    const order = Uint32Array.from({ length: this.#length }, (_, at) => at);
    order.sort((a, b) => sequences[a]! - sequences[b]!);
    this.#sequences = Float64Array.from(order, (at) => sequences[at]!);
    this.#hashes = new Int32Array(2 * this.#length);
    for (const [to, at] of order.entries()) this.#hashes.set(hashes.subarray(2 * at, 2 * at + 2), 2 * to);
    this.#isSorted = true;
  }
}
