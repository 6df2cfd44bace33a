// Finds the ids and hashes of events in NDJSON, whether it comes from a store or has just been made of a file.

import { EVENT_ID, EventIdReader } from "../protocol/event-id.ts";
import { EventHash } from "./event-hash.ts";

/** Takes the events of one stream. */
export interface EventTaker {
  /** `high` and `low` are the hash of the event's bytes. */
  take(sequence: number, high: number, low: number): void;
}

const NEWLINE = 10;

export class EventScanner {
  /** Events without an id of ours. */
  withoutId = 0;
  readonly #takerOf: (stream: string) => EventTaker;
  readonly #ids: EventIdReader = new EventIdReader();
  readonly #hash: EventHash = new EventHash();

  constructor(takerOf: (stream: string) => EventTaker) {
    this.#takerOf = takerOf;
  }

  /** Looks at every event of a region, which is whole lines. */
  scan(region: Buffer): void {
    let taker: EventTaker | undefined;
    this.#ids.begin(region);
    this.#hash.begin(region);
    let start = 0;
    for (let end = region.indexOf(NEWLINE); end >= 0; end = region.indexOf(NEWLINE, start)) {
      const found = this.#ids.read(end);
      if (found === EVENT_ID.none) this.withoutId++;
      else {
        if (found === EVENT_ID.otherStream || taker === undefined) taker = this.#takerOf(this.#ids.stream);
        this.#hash.hash(start, end);
        taker.take(this.#ids.sequence, this.#hash.high, this.#hash.low);
      }
      start = end + 1;
    }
  }
}
