// Recognises an event id where the client writes it: `,"event_id":"<stream>:<sequence>"}` as the last bytes of a line.
// Invariants: at the end of a valid JSON object these bytes are its last member, for no quote in them can be an escaped
// one; what differs by a single byte (white space, a leading zero, 2^53) is ordinary data. It scans backwards from the
// line's end, so it need not know where the line starts; and it makes no string or object, but for `stream`.

const QUOTE = 0x22;
const ZERO = 0x30;
const COLON = 0x3a;
const CLOSE_BRACE = 0x7d;

const HEAD = Buffer.from(',"event_id":"');
const STREAM_BYTES = 16;
const SEQUENCE_DIGITS_MAX = 16;
const SEQUENCE_END = 2 ** 53;

/** The longest that an id can be, from its comma to the closing brace: what a scan in blocks must keep of the last. */
export const EVENT_ID_BYTES_MAX: number = HEAD.length + STREAM_BYTES + 1 + SEQUENCE_DIGITS_MAX + 2;

// The head read as little-endian numbers of four bytes; the last overlaps.
const HEAD_0 = HEAD.readInt32LE(0);
const HEAD_4 = HEAD.readInt32LE(4);
const HEAD_8 = HEAD.readInt32LE(8);
const HEAD_9 = HEAD.readInt32LE(9);

const BASE64URL = new Uint8Array(256);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
  BASE64URL[char.charCodeAt(0)] = 1;
}

/** What stands at the end of a line. */
export const EVENT_ID = {
  none: 0,
  /** An id of the stream that was found last. */
  sameStream: 1,
  /** An id of another one. */
  otherStream: 2,
} as const;

export type EventIdFound = (typeof EVENT_ID)[keyof typeof EVENT_ID];

/** Reads the ids of the lines of one region after the other. */
export class EventIdReader {
  /** After an id was found: its sequence. */
  sequence = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #stream = 0;
  // The stream that was found last.
  #hasStream = false;
  #stream0 = 0;
  #stream4 = 0;
  #stream8 = 0;
  #stream12 = 0;

  /** Names the region to read, and forgets which stream was found last. */
  begin(region: Buffer): void {
    this.#bytes = region;
    this.#view = new DataView(region.buffer, region.byteOffset, region.length);
    this.#hasStream = false;
  }

  /** After an id was found, until the region changes: the stream that it names. */
  get stream(): string {
    return this.#bytes.toString("latin1", this.#stream, this.#stream + STREAM_BYTES);
  }

  /** Looks for an id in front of `lineEnd`, where a line's content ends. */
  read(lineEnd: number): EventIdFound {
    const bytes = this.#bytes;
    const view = this.#view;
    const end = lineEnd - 2;
    if (end < 0 || bytes[end + 1] !== CLOSE_BRACE || bytes[end] !== QUOTE) return EVENT_ID.none;
    const start = this.#readDigits(end);
    const digits = end - start;
    const stream = start - 1 - STREAM_BYTES;
    const head = stream - HEAD.length;
    if (
      head < 0 ||
      bytes[start - 1] !== COLON ||
      view.getInt32(head, true) !== HEAD_0 ||
      view.getInt32(head + 4, true) !== HEAD_4 ||
      view.getInt32(head + 8, true) !== HEAD_8 ||
      view.getInt32(head + 9, true) !== HEAD_9 ||
      digits === 0 ||
      digits > SEQUENCE_DIGITS_MAX ||
      (digits > 1 && bytes[start] === ZERO) ||
      this.sequence >= SEQUENCE_END
    ) {
      return EVENT_ID.none;
    }
    this.#stream = stream;
    return this.#hasStream &&
      view.getInt32(stream, true) === this.#stream0 &&
      view.getInt32(stream + 4, true) === this.#stream4 &&
      view.getInt32(stream + 8, true) === this.#stream8 &&
      view.getInt32(stream + 12, true) === this.#stream12
      ? EVENT_ID.sameStream
      : this.#turnTo(stream);
  }

  /** Reads the digits that end at `end`, four a step, into `sequence`. Returns where they begin. */
  #readDigits(end: number): number {
    const bytes = this.#bytes;
    const view = this.#view;
    let sequence = 0;
    let scale = 1;
    let start = end;
    for (; start >= 4; start -= 4) {
      const four = view.getInt32(start - 4, true);
      if (!areDigits(four)) break;
      sequence += valueOfDigits(four) * scale;
      scale *= 10_000;
    }
    for (; start > 0; start--) {
      const digit = bytes[start - 1]! - ZERO;
      if (digit < 0 || digit > 9) break;
      sequence += digit * scale;
      scale *= 10;
    }
    this.sequence = sequence;
    return start;
  }

  /** Only of another stream need the characters be looked at. */
  #turnTo(start: number): EventIdFound {
    for (let pos = start; pos < start + STREAM_BYTES; pos++) {
      if (BASE64URL[this.#bytes[pos]!] === 0) return EVENT_ID.none;
    }
    const view = this.#view;
    this.#hasStream = true;
    this.#stream0 = view.getInt32(start, true);
    this.#stream4 = view.getInt32(start + 4, true);
    this.#stream8 = view.getInt32(start + 8, true);
    this.#stream12 = view.getInt32(start + 12, true);
    return EVENT_ID.otherStream;
  }
}

/** Whether all of the four bytes are digits: `3` in the upper half, and no carry from the lower when 6 is added. */
function areDigits(four: number): boolean {
  return (((four & 0xf0f0f0f0) ^ 0x30303030) | (((four & 0x0f0f0f0f) + 0x06060606) & 0xf0f0f0f0)) === 0;
}

/** The number that four digits are. The first is the lowest byte; every other byte becomes the value of a pair. */
function valueOfDigits(four: number): number {
  const digits = four & 0x0f0f0f0f;
  const pairs = digits * 10 + (digits >> 8);
  return (pairs & 0xff) * 100 + ((pairs >> 16) & 0xff);
}
