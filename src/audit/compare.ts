// Names the lines in which a file and a store differ, once it is known in which blocks they do.

import { EVENT_ID, EventIdReader } from "../protocol/event-id.ts";
import type { BlockSums } from "./block-sums.ts";
import { EventHash } from "./event-hash.ts";
import type { EventIndex } from "./event-index.ts";
import type { Life, Walk } from "./life.ts";

/**
 * `unexpected`: the store has an event of this stream where the file has none. `unnamed`: something differs there, and
 * there was no room to find out which lines.
 */
export type Fault = "missing" | "repeated" | "altered" | "unexpected" | "unnamed";

/** Told of a range of bytes, line end included; `refused` lines are in the dead letters, which is no fault. */
export type OnFinding = (what: Fault | "refused", start: number, end: number) => void;

const CHARACTER_BYTES_MAX = 4;

/** What is known of one life that differs. */
export interface Evidence {
  readonly life: Life;
  readonly sums: BlockSums;
  /** What the store has of it, in the blocks that differ. */
  readonly stored: EventIndex;
  /** What the dead letters have of it. */
  readonly refused: EventIndex;
}

/** An event as the file has it. */
interface Event {
  readonly sequence: number;
  readonly end: number;
  readonly high: number;
  readonly low: number;
}

export async function compare(evidence: Evidence, onFinding: OnFinding): Promise<void> {
  const { life, sums } = evidence;
  const coarse = await life.walk();
  const fine = await life.walkByEvent();
  const comparison = new Comparison(evidence, fine, onFinding);
  try {
    for (;;) {
      const before = coarse.position;
      const batch = await coarse.next();
      const end = coarse.position.offset;
      if (end > before.offset && sums.differsIn(before.offset, end)) {
        // What is cut elsewhere than where the client usually does may have led the fine walk further.
        if (fine.position.offset < before.offset) fine.turnTo(before, life.record.offset);
        await comparison.advance(end);
      }
      if (batch === undefined) break;
    }
    comparison.finish();
  } finally {
    await coarse.close();
    await fine.close();
  }
}

class Comparison {
  readonly #evidence: Evidence;
  readonly #walk: Walk;
  readonly #onFinding: OnFinding;
  readonly #ids: EventIdReader = new EventIdReader();
  readonly #hash: EventHash = new EventHash();
  /** Every stored event below this sequence was looked at. */
  #seen: number;

  constructor(evidence: Evidence, walk: Walk, onFinding: OnFinding) {
    this.#evidence = evidence;
    this.#walk = walk;
    this.#onFinding = onFinding;
    this.#seen = evidence.life.record.start;
  }

  /** Compares the events up to an offset. */
  async advance(end: number): Promise<void> {
    const walk = this.#walk;
    const { record } = this.#evidence.life;
    for (;;) {
      const before = walk.position;
      const event = await this.#eventOf(walk);
      const cut = await this.#cutBehind(before.offset, event);
      if (cut !== undefined) walk.turnTo(before, cut);
      else if (event !== undefined) this.#judge(event);
      // The end of all, or of a part: the next one continues the line. A part that is cut short is a file that shrinks.
      else if (walk.end === record.offset || walk.position.offset < walk.end) return;
      else walk.turnTo(walk.position, record.offset);
      if (walk.position.offset >= end && walk.end === record.offset) return;
    }
  }

  /** From this sequence on it is not known what the store has. */
  get #limit(): number {
    return Math.min(this.#evidence.stored.limit, this.#evidence.refused.limit);
  }

  /** Tells of what the store has behind the last event of the file, and of what there was no room for. */
  finish(): void {
    const { offset } = this.#evidence.life.record;
    this.#tellUnexpected(offset);
    if (this.#limit < offset) this.#onFinding("unnamed", this.#limit, offset);
  }

  async #eventOf(walk: Walk): Promise<Event | undefined> {
    const batch = await walk.next();
    if (batch === undefined) return undefined;
    const { bytes, end } = batch;
    this.#ids.begin(bytes);
    this.#hash.begin(bytes);
    if (this.#ids.read(bytes.length - 1) === EVENT_ID.none)
      throw new Error("an event was made without an id");
    this.#hash.hash(0, bytes.length - 1);
    return { sequence: this.#ids.sequence, end, high: this.#hash.high, low: this.#hash.low };
  }

  /**
   * Where the client cut a line that it took for complete, as its file had ended there: what came later is an event of
   * its own. That shows where the store has an event inside a line that it does not have in one piece, or in lines of
   * which nothing should be there.
   */
  async #cutBehind(offset: number, event: Event | undefined): Promise<number | undefined> {
    const first = this.#nextKnown(offset + 1);
    if (first < (event?.sequence ?? this.#walk.end)) return first;
    if (event === undefined) return undefined;
    const cut = this.#nextKnown(event.sequence + 1);
    // The file may have ended inside a character, where a line over the limit is never cut.
    const end = this.#walk.encoder.isInLine ? event.end + CHARACTER_BYTES_MAX : event.end;
    if (cut === event.end || cut >= Math.min(end, this.#walk.end)) return undefined;
    return this.#isStored(event) && !(await this.#continuesAt(cut)) ? undefined : cut;
  }

  /** True if the store has the rest of a line from here on: what is before may look like all of it, but for a space. */
  async #continuesAt(cut: number): Promise<boolean> {
    const walk = await this.#evidence.life.walkByEvent();
    try {
      walk.turnTo({ offset: cut, isInLine: true, tail: Buffer.alloc(0) }, this.#walk.end);
      const event = await this.#eventOf(walk);
      return event?.sequence === cut && this.#isStored(event);
    } finally {
      await walk.close();
    }
  }

  /** The first sequence from this one on that the store or the dead letters have. */
  #nextKnown(sequence: number): number {
    const { stored, refused } = this.#evidence;
    return Math.min(stored.next(sequence), refused.next(sequence));
  }

  #isStored({ sequence, high, low }: Event): boolean {
    const { sums, stored } = this.#evidence;
    return !sums.differsAt(sequence) || stored.count(sequence, high, low).equal > 0;
  }

  #judge({ sequence, end, high, low }: Event): void {
    const { sums, stored, refused } = this.#evidence;
    this.#tellUnexpected(sequence);
    this.#seen = sequence + 1;
    if (!sums.differsAt(sequence) || sequence >= this.#limit) return;
    const { all, equal } = stored.count(sequence, high, low);
    if (all === 0)
      this.#onFinding(refused.next(sequence) === sequence ? "refused" : "missing", sequence, end);
    if (equal < all) this.#onFinding("altered", sequence, end);
    if (all > 1) this.#onFinding("repeated", sequence, end);
  }

  /** The stored events that were passed over, as the file has none of their sequence. */
  #tellUnexpected(end: number): void {
    const { stored } = this.#evidence;
    const limit = Math.min(end, this.#limit);
    for (let at = stored.next(this.#seen); at < limit; at = stored.next(at + 1))
      this.#onFinding("unexpected", at, at + 1);
    this.#seen = Math.max(this.#seen, end);
  }
}
