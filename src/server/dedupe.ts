// Tells which lines of a region the store has already. It changes no mark: what a region adds is told by `end`, and
// counts when the lines are appended. A change of stream costs a look-up, a line of the same stream a comparison.

import { EVENT_ID, EventIdReader } from "../protocol/event-id.ts";
import { type Advances, type MarkTable, NO_ADVANCES, NO_MARK } from "./marks.ts";

const NO_BYTES = Buffer.alloc(0);

/** Checks the events of one region after the other. Between `begin` and the append nothing else may be appended. */
export class DuplicateCheck {
  readonly #marks: Pick<MarkTable, "markOf">;
  readonly #ids = new EventIdReader();
  #advances: Map<string, number> | undefined;
  #stream = "";
  /** The mark of the stream as the region has found it, and as it is with the lines so far. */
  #markBefore = NO_MARK;
  #mark = NO_MARK;

  constructor(marks: Pick<MarkTable, "markOf">) {
    this.#marks = marks;
  }

  begin(region: Buffer): void {
    this.#ids.begin(region);
    this.#advances = undefined;
    this.#mark = NO_MARK;
    this.#markBefore = NO_MARK;
  }

  /** Whether the event whose line ends at `lineEnd` is in the store, on its way there, or earlier in the region. */
  isDuplicate(lineEnd: number): boolean {
    const found = this.#ids.read(lineEnd);
    if (found === EVENT_ID.none) return false;
    if (found === EVENT_ID.otherStream) this.#turnTo(this.#ids.stream);
    if (this.#ids.sequence <= this.#mark) return true;
    this.#mark = this.#ids.sequence;
    return false;
  }

  /** Lets go of the region. Returns how far its new lines take their streams. */
  end(): Advances {
    this.#noteAdvance();
    const advances = this.#advances ?? NO_ADVANCES;
    this.begin(NO_BYTES);
    return advances;
  }

  #turnTo(stream: string): void {
    this.#noteAdvance();
    this.#stream = stream;
    this.#markBefore = this.#advances?.get(stream) ?? this.#marks.markOf(stream);
    this.#mark = this.#markBefore;
  }

  #noteAdvance(): void {
    if (this.#mark === this.#markBefore) return;
    this.#advances ??= new Map();
    this.#advances.set(this.#stream, this.#mark);
  }
}
