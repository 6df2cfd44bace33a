// Tells for each line of a region whether it is an event, without making a string or an object of it. Invariant: the
// verdict is that of the plain reading (valid UTF-8, JSON.parse gives an object with own strings level and message).
// What the kernel does not recognise it never judges: that line goes to JSON.parse.

import { isUtf8 } from "node:buffer";
import { scanEvent } from "./event-scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What a line is. */
export const VERDICT = {
  /** An event. */
  ok: 0,
  /** Nothing but space, tab and CR: it is skipped, without an ack. */
  blank: 1,
  /** Not UTF-8, not JSON, or JSON that is no object. */
  invalidJson: 2,
  /** An object without a string `level` or a string `message`. */
  missingFields: 3,
  /** Longer than `eventBytesMax`, whatever it holds. */
  tooLong: 4,
} as const;

export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** Checks the lines of one region after the other. `begin` a region, then `check` from 0 on until `next` is its end. */
export class EventChecker {
  /** After `check`: where the next line begins; the region's length after the last. */
  next = 0;
  /** After `check`: the end of the line's content, before its `\n` or `\r\n`. */
  lineEnd = 0;
  readonly #eventBytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #utf8 = true;

  constructor(eventBytesMax: number) {
    this.#eventBytesMax = eventBytesMax;
  }

  /** Names the region that is to be checked. Lines already checked may be overwritten, the others must not change. */
  begin(region: Buffer): void {
    this.#bytes = region;
    this.#view = new DataView(region.buffer, region.byteOffset, region.length);
    this.#utf8 = isUtf8(region);
  }

  /** Lets go of the region. */
  end(): void {
    this.begin(Buffer.alloc(0));
  }

  /** Judges the line that starts at `pos`, and sets `next` and `lineEnd`. The region's last line may lack its `\n`. */
  check(pos: number): Verdict {
    const bytes = this.#bytes;
    const stop = scanEvent(bytes, this.#view, pos);
    if (stop < 0 || !this.#endsAt(stop)) {
      this.#findEnd(stop < 0 ? ~stop : stop);
      return this.#checkPlainly(pos);
    }
    if (stop - pos > this.#eventBytesMax) return VERDICT.tooLong;
    return this.#utf8 || isUtf8(bytes.subarray(pos, stop)) ? VERDICT.ok : VERDICT.invalidJson;
  }

  /** Whether the line ends at `pos`, where the scan has stopped. */
  #endsAt(pos: number): boolean {
    const bytes = this.#bytes;
    this.lineEnd = pos;
    if (pos === bytes.length) this.next = pos;
    else if (bytes[pos] === LF) this.next = pos + 1;
    else if (pos + 1 < bytes.length && bytes[pos] === CR && bytes[pos + 1] === LF) this.next = pos + 2;
    else return false;
    return true;
  }

  /** Finds the line's end from `pos` on, which is in the line. */
  #findEnd(pos: number): void {
    const bytes = this.#bytes;
    const newline = bytes.indexOf(LF, pos);
    this.next = newline === -1 ? bytes.length : newline + 1;
    this.lineEnd = newline === -1 ? bytes.length : newline;
    if (newline > 0 && bytes[newline - 1] === CR) this.lineEnd--;
  }

  #checkPlainly(lineStart: number): Verdict {
    const bytes = this.#bytes;
    if (this.lineEnd < lineStart) this.lineEnd = lineStart;
    if (this.lineEnd - lineStart > this.#eventBytesMax) return VERDICT.tooLong;
    let start = lineStart;
    let end = this.lineEnd;
    while (start < end && isSpace(bytes[start]!)) start++;
    if (start === end) return VERDICT.blank;
    while (isSpace(bytes[end - 1]!)) end--;
    // Most of what is no object shows here; an exception from JSON.parse costs a thousand times as much.
    if (bytes[start] !== OPEN_BRACE || bytes[end - 1] !== CLOSE_BRACE) return VERDICT.invalidJson;
    if (!this.#utf8 && !isUtf8(bytes.subarray(start, end))) return VERDICT.invalidJson;
    return checkJson(bytes.toString("utf8", start, end));
  }
}

function checkJson(text: string): Verdict {
  try {
    const event: unknown = JSON.parse(text);
    return hasString(event, "level") && hasString(event, "message") ? VERDICT.ok : VERDICT.missingFields;
  } catch {
    return VERDICT.invalidJson;
  }
}

function hasString(event: unknown, key: string): boolean {
  return Object.hasOwn(event as object, key) && typeof (event as Record<string, unknown>)[key] === "string";
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}
