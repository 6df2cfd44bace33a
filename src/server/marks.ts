// The mark of each stream: the highest sequence that the store has of it (docs/protocol.md, "Ids"). Invariants:
//  - `committed` <= `mark`; they differ only while lines of the stream wait for their commit, and such a stream is not
//    evicted;
//  - the committed marks and `position` belong together: the store up to there holds all that they stand for;
//  - the table is in order of use, the least recently used stream first.

import type { Report } from "../observe/interfaces.ts";
import type { StoreStats } from "./stats.ts";

/** Lower than any sequence: nothing of the stream is known. */
export const NO_MARK = -1;

/** How far lines take their streams: the highest sequence of each. */
export type Advances = ReadonlyMap<string, number>;

export const NO_ADVANCES: Advances = new Map();

/** A place in the store: all segments before `segment`, and the first `offset` bytes of that one. */
export interface StorePosition {
  readonly segment: number;
  readonly offset: number;
}

/** The committed marks of one moment, the least recently used stream first. */
export interface MarkSnapshot {
  readonly position: StorePosition;
  readonly streams: readonly string[];
  readonly marks: readonly number[];
}

interface StreamMark {
  mark: number;
  committed: number;
}

export class MarkTable {
  readonly #streams = new Map<string, StreamMark>();
  readonly #streamsMax: number;
  readonly #stats: Pick<StoreStats, "streamsEvicted">;
  readonly #report: Report;
  #position: StorePosition = { segment: 1, offset: 0 };

  constructor(streamsMax: number, stats: Pick<StoreStats, "streamsEvicted">, report: Report) {
    this.#streamsMax = streamsMax;
    this.#stats = stats;
    this.#report = report;
  }

  /** What of the store the committed marks cover. */
  get position(): StorePosition {
    return this.#position;
  }

  /** The mark of a stream, `NO_MARK` if it is not known. Counts as a use of it. */
  markOf(stream: string): number {
    const known = this.#streams.get(stream);
    if (known === undefined) return NO_MARK;
    this.#use(stream, known);
    return known.mark;
  }

  /** Raises marks, for lines that were appended and now wait for their commit. */
  append(advances: Advances): void {
    for (const [stream, mark] of advances) {
      const known = this.#streams.get(stream) ?? { mark, committed: NO_MARK };
      known.mark = mark;
      this.#use(stream, known);
    }
  }

  /** Those lines are in the store, which now reaches to `position`. */
  commit(advances: Advances, position: StorePosition): void {
    for (const [stream, mark] of advances) this.#streams.get(stream)!.committed = mark;
    this.#position = position;
    this.#evict();
  }

  /** Those lines, and all that were appended after them, are not in the store. */
  revert(advances: Advances): void {
    for (const stream of advances.keys()) {
      const known = this.#streams.get(stream);
      if (known === undefined) continue; // reverted with an earlier commit
      if (known.committed === NO_MARK) this.#streams.delete(stream);
      else known.mark = known.committed;
    }
  }

  snapshot(): MarkSnapshot {
    const streams: string[] = [];
    const marks: number[] = [];
    for (const [stream, { committed }] of this.#streams) {
      if (committed === NO_MARK) continue;
      streams.push(stream);
      marks.push(committed);
    }
    return { position: this.#position, streams, marks };
  }

  #use(stream: string, known: StreamMark): void {
    this.#streams.delete(stream);
    this.#streams.set(stream, known);
  }

  #evict(): void {
    for (const [stream, { mark, committed }] of this.#streams) {
      if (this.#streams.size <= this.#streamsMax) return;
      if (mark !== committed) continue;
      this.#streams.delete(stream);
      if (this.#stats.streamsEvicted++ > 0) continue;
      const bound = `more than ${this.#streamsMax} streams: those unused the longest are forgotten`;
      this.#report("warn", `store: ${bound}, and what is sent again of them would be stored again`);
    }
  }
}
