// Reads a store while it grows: the events of each stream, in the order stored, with the parts of a line put together.

import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

/** A line as it is in the store. */
export interface StoredLine {
  text: string;
  /** Segment and line number of its last part. */
  place: string;
}

const READ_BYTES = 1024 * 1024;
const EVENT_ID = /^([\w-]{16}):(\d+)$/;

export class StoreReader {
  readonly directory: string;
  /** The lines of each stream. */
  readonly streams: Map<string, StoredLine[]> = new Map();
  /** What is wrong with the store itself: a line that is no event, an id twice, ids that go back. */
  readonly faults: string[] = [];
  /** Events so far. */
  events = 0;
  readonly #lastSequences: Map<string, number> = new Map();
  #segment = "";
  #offset = 0;
  #lineNumber = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Reads what has come since. An unfinished line at the end waits: a crash may have left it, to be cut off. */
  poll(): void {
    for (const name of this.#segmentsFrom(this.#segment)) {
      if (name !== this.#segment) {
        this.#segment = name;
        this.#offset = 0;
        this.#lineNumber = 0;
      }
      this.#readSegment(join(this.directory, name));
    }
  }

  #segmentsFrom(first: string): string[] {
    try {
      const names = readdirSync(this.directory).filter((name) => /^\d{10}\.ndjson$/.test(name));
      return names.filter((name) => name >= first).sort();
    } catch {
      return []; // there is no store yet
    }
  }

  #readSegment(path: string): void {
    const file = openSync(path, "r");
    try {
      const block = Buffer.allocUnsafe(READ_BYTES);
      for (;;) {
        const length = readSync(file, block, 0, block.length, this.#offset);
        const end = block.subarray(0, length).lastIndexOf(10) + 1;
        if (end === 0 && length < block.length) return;
        // A line longer than the block is kept in pieces; everything else ends where a line ends.
        const taken = end === 0 ? length : end;
        this.#offset += taken;
        const bytes = Buffer.concat([this.#rest, block.subarray(0, taken)]);
        this.#rest = end === 0 ? bytes : Buffer.alloc(0);
        if (end > 0) for (const line of bytes.toString("utf8").slice(0, -1).split("\n")) this.#take(line);
      }
    } finally {
      closeSync(file);
    }
  }

  #take(line: string): void {
    this.events++;
    const place = `${this.#segment}:${++this.#lineNumber}`;
    const { message, continued, event_id } = parse(line);
    const [, stream, digits] = EVENT_ID.exec(event_id ?? "") ?? [];
    if (message === undefined || stream === undefined) {
      this.faults.push(`${place}: no event of ours: ${line.slice(0, 200)}`);
      return;
    }
    const sequence = Number(digits);
    if (sequence <= (this.#lastSequences.get(stream) ?? -1))
      this.faults.push(`${place}: ${event_id} comes again, or late: ${line.slice(0, 200)}`);
    this.#lastSequences.set(stream, sequence);
    const lines = this.streams.get(stream) ?? [];
    this.streams.set(stream, lines);
    const last = lines.at(-1);
    if (continued !== true) lines.push({ text: message, place });
    else if (last === undefined) this.faults.push(`${place}: continues nothing: ${line.slice(0, 200)}`);
    else {
      last.text += message;
      last.place = place;
    }
  }
}

function parse(line: string): { message?: string; continued?: boolean; event_id?: string } {
  try {
    return JSON.parse(line) as ReturnType<typeof parse>;
  } catch {
    return {};
  }
}
