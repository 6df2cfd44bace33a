// The hot path of the client: raw lines in, NDJSON bytes out.
//
// Invariant: for every line the bytes written are those that `formatLine` and `eventTail` give for it. The kernel
// below only recognises the usual shapes and copies bytes; it returns NOT_FAST for everything else.

import { isUtf8 } from "node:buffer";
import {
  BACKSLASH,
  characterCut,
  copyShort,
  isBlank,
  isSurelyRaw,
  mayBeginSpace,
  mayEndSpace,
  NEWLINE,
  NOT_FAST,
  plainInAscii,
  plainInUtf8,
  QUOTE,
  RETURN,
  SPACE,
  shortEscape,
  timestampEnd,
  upperLetter,
  writeDecimal,
} from "./line-bytes.ts";
import type { LineRules } from "./line-format.ts";
import { eventTail, formatLine, formatRaw } from "./line-format.ts";

/** What happened to the lines of one source so far. */
export interface LineCounters {
  /** Events encoded, the further parts of long lines included. */
  events: number;
  /** Lines of nothing but blanks, skipped. */
  blank: number;
  /** Lines that fit no format: shipped under level `UNKNOWN`, or skipped if so configured. */
  unparsed: number;
  /** Lines, or parts of lines, whose bytes were not UTF-8: shipped with U+FFFD in the place of the bad bytes. */
  invalidUtf8: number;
  /** Lines over the limit. */
  split: number;
  /** Their further parts. */
  continued: number;
}

export interface LineEncoderOptions {
  readonly rules: LineRules;
  /** What becomes of a line that fits no format. */
  readonly unparsed: "ship" | "skip";
  /** A longer line, without its line end, is split; bytes, at least 4. */
  readonly lineBytesMax: number;
  /** The stream that the events' ids name; without one they get no `event_id`. */
  readonly stream?: string | undefined;
  /** Counted into; the encoders of one source may share it. */
  readonly counters?: LineCounters;
}

export function newLineCounters(): LineCounters {
  return { events: 0, blank: 0, unparsed: 0, invalidUtf8: 0, split: 0, continued: 0 };
}

/** What the plain code made of a line or of a part of one. */
interface Piece {
  /** Undefined for a line that is not shipped. */
  readonly event: Buffer | undefined;
  /** How many bytes of the source it takes. */
  readonly bytes: number;
  readonly continues: boolean;
}

/** Room that must be left in the output before a line is tried fast: more than a usual line takes. */
const FAST_ROOM_BYTES = 8192;

const timestampHead = Buffer.from('{"timestamp":"');
const levelHead = Buffer.from('","level":"');
const messageHead = Buffer.from('","message":"');
const unknownHead = Buffer.from('{"level":"UNKNOWN","message":"');
const controlEscape = Buffer.from("\\u00");
const idEnd = Buffer.from('"}\n');
/** The digits of 2^53 and the end of an id. */
const SEQUENCE_BYTES_MAX = 16 + idEnd.length;
const hexDigits = Buffer.from("0123456789abcdef");

/** Encodes the lines of one source, in order. */
export class LineEncoder {
  readonly counters: LineCounters;
  /** After `encode`: the position behind the last line taken. */
  consumed = 0;
  /** After `encode`: the position behind the last byte written. */
  written = 0;
  /** After `encode`: how many events were written. */
  count = 0;
  /** After `encode`: it stopped because `out` is full or holds as many events as it should. */
  isFull = false;
  /** After `encode`: how large an empty output must be at least for the event that found no room; 0 if none did. */
  bytesNeeded = 0;

  /** The next bytes continue a line of which a part was taken: what comes of it is marked as `continued`. */
  isInLine = false;

  readonly #rules: LineRules;
  readonly #skipsUnparsed: boolean;
  readonly #lineBytesMax: number;
  readonly #hasIds: boolean;
  /** What follows a message up to the sequence, or to the line's end where events get no ids. */
  readonly #tail: Buffer;
  readonly #continuedTail: Buffer;
  /** The piece that found no room: it comes first next time, and is not formatted twice. */
  #held: Piece | undefined;
  #contentEnd = 0;
  #lineEnd = 0;

  constructor(options: LineEncoderOptions) {
    this.counters = options.counters ?? newLineCounters();
    this.#rules = options.rules;
    this.#skipsUnparsed = options.unparsed === "skip";
    this.#lineBytesMax = options.lineBytesMax;
    this.#hasIds = options.stream !== undefined;
    this.#tail = eventTail(options.rules.fields, false, options.stream);
    this.#continuedTail = eventTail(options.rules.fields, true, options.stream);
  }

  /**
   * Encodes `source[start, end)` into `out` from `outStart` on. The bytes are complete lines, each ended by a newline,
   * or one open line that is longer than the limit; `isValid` says that they are UTF-8. It stops when all is taken,
   * when `out` is full, when `countMax` events are written, or when what is left of an open line is within the limit.
   * `sourceOffset` is where the first byte of `source` stands in the file: ids count from there.
   */
  encode(
    source: Buffer,
    start: number,
    end: number,
    isValid: boolean,
    out: Buffer,
    outStart: number,
    countMax: number,
    sourceOffset = 0,
  ): void {
    const plain = isValid ? plainInUtf8 : plainInAscii;
    const hasLineEnds = source[end - 1] === NEWLINE;
    const fastUntil = out.length - FAST_ROOM_BYTES - this.#tail.length;
    let at = start;
    let to = outStart;
    let count = 0;
    this.isFull = false;
    this.bytesNeeded = 0;
    while (at < end) {
      if (count === countMax || (to >= fastUntil && to > 0)) {
        this.isFull = true;
        break;
      }
      let next = NOT_FAST;
      if (hasLineEnds && !this.isInLine && this.#held === undefined) {
        next = this.#fast(source, at, out, to, plain, sourceOffset + at);
      }
      if (next !== NOT_FAST) {
        at = this.#lineEnd;
        to = next;
        count++;
        continue;
      }
      const piece = this.#held ?? this.#nextPiece(source, at, end, sourceOffset);
      this.#held = undefined;
      if (piece === undefined) break;
      if (piece.event !== undefined) {
        if (to + piece.event.length > out.length) {
          this.#held = piece;
          this.bytesNeeded = piece.event.length;
          this.isFull = true;
          break;
        }
        to += piece.event.copy(out, to);
        count++;
      }
      this.isInLine = piece.continues;
      at += piece.bytes;
    }
    this.consumed = at;
    this.written = to;
    this.count = count;
    this.counters.events += count;
  }

  /** The next line or part of a line by the plain code; undefined if an open line must be read further first. */
  #nextPiece(source: Buffer, start: number, end: number, sourceOffset: number): Piece | undefined {
    const newline = source.indexOf(NEWLINE, start);
    const isOpen = newline < 0 || newline >= end;
    let contentEnd = isOpen ? end : newline;
    // Of an open line the last byte may be the first half of a CRLF.
    if (contentEnd > start && source[contentEnd - 1] === RETURN) contentEnd--;
    const isFirst = !this.isInLine;
    const sequence = sourceOffset + start;
    if (contentEnd - start > this.#lineBytesMax) {
      const cut = characterCut(source, start, this.#lineBytesMax);
      if (isFirst) this.counters.split++;
      return {
        event: this.#part(source.subarray(start, cut), isFirst, sequence),
        bytes: cut - start,
        continues: true,
      };
    }
    if (isOpen) return undefined;
    const content = source.subarray(start, contentEnd);
    const bytes = newline + 1 - start;
    if (!isFirst) return { event: this.#part(content, false, sequence), bytes, continues: false };
    if (isBlank(content)) {
      this.counters.blank++;
      return { event: undefined, bytes, continues: false };
    }
    return { event: this.#part(content, true, sequence), bytes, continues: false };
  }

  /** The event of a line, or of a part of one, of which only the first is parsed. */
  #part(bytes: Buffer, isFirst: boolean, sequence: number): Buffer | undefined {
    if (bytes.length === 0) return undefined;
    if (!isUtf8(bytes)) this.counters.invalidUtf8++;
    const text = bytes.toString();
    if (!isFirst) {
      this.counters.continued++;
      return this.#event(formatRaw(text), this.#continuedTail, sequence);
    }
    const { json, parsed } = formatLine(text, this.#rules);
    if (!parsed) {
      this.counters.unparsed++;
      if (this.#skipsUnparsed) return undefined;
    }
    return this.#event(json, this.#tail, sequence);
  }

  #event(json: string, tail: Buffer, sequence: number): Buffer {
    const end = Buffer.from(this.#hasIds ? `${sequence}"}\n` : "");
    return Buffer.concat([Buffer.from(json), tail, end]);
  }

  #fast(
    source: Buffer,
    start: number,
    out: Buffer,
    outStart: number,
    plain: Uint8Array,
    sequence: number,
  ): number {
    const { format } = this.#rules;
    if (format === "auto" || format === "text") {
      const to = this.#textLine(source, start, out, outStart, plain);
      if (to !== NOT_FAST) return this.#close(out, to, sequence);
    }
    if (format === "json" || this.#skipsUnparsed) return NOT_FAST;
    const isRaw = format === "raw" ? source[start]! > SPACE : isSurelyRaw(source, start);
    if (!isRaw) return NOT_FAST;
    const to = this.#rawLine(source, start, out, outStart, plain);
    const next = to === NOT_FAST ? NOT_FAST : this.#close(out, to, sequence);
    if (next !== NOT_FAST) this.counters.unparsed++;
    return next;
  }

  /** `2024-01-15 08:23:45 INFO message` and `2024-01-15T08:23:45.123Z INFO message`, one space between. */
  #textLine(source: Buffer, start: number, out: Buffer, outStart: number, plain: Uint8Array): number {
    const timeEnd = timestampEnd(source, start);
    if (timeEnd === NOT_FAST) return NOT_FAST;
    let to = copyShort(timestampHead, out, outStart);
    for (let at = start; at < timeEnd; at++) out[to++] = source[at]!;
    to = copyShort(levelHead, out, to);
    const levelStart = timeEnd + 1;
    let at = levelStart;
    for (let letter = upperLetter[source[at]!]!; letter !== 0; letter = upperLetter[source[++at]!]!) {
      out[to++] = letter;
    }
    if (at === levelStart || source[at] !== SPACE || mayBeginSpace[source[at + 1]!] === 1) return NOT_FAST;
    to = copyShort(messageHead, out, to);
    to = this.#message(source, at + 1, out, to, plain);
    if (to === NOT_FAST || this.#contentEnd - start > this.#lineBytesMax) return NOT_FAST;
    return mayEndSpace[source[this.#contentEnd - 1]!] === 1 ? NOT_FAST : to;
  }

  #rawLine(source: Buffer, start: number, out: Buffer, outStart: number, plain: Uint8Array): number {
    const to = this.#message(source, start, out, copyShort(unknownHead, out, outStart), plain);
    return this.#contentEnd - start > this.#lineBytesMax ? NOT_FAST : to;
  }

  /**
   * Copies bytes up to the line's end as the inside of a JSON string. A store behind the end of a typed array does
   * nothing, so the loop needs no bounds check: `#close` sees that the position ran over.
   */
  #message(source: Buffer, start: number, out: Buffer, outStart: number, plain: Uint8Array): number {
    let at = start;
    let to = outStart;
    for (;;) {
      let byte = source[at]!;
      while (plain[byte] === 1) {
        out[to++] = byte;
        byte = source[++at]!;
      }
      if (byte === NEWLINE || (byte === RETURN && source[at + 1] === NEWLINE)) break;
      if (byte >= 128) return NOT_FAST;
      const letter = shortEscape[byte]!;
      if (letter !== 0) {
        out[to++] = BACKSLASH;
        out[to++] = letter;
      } else {
        to = copyShort(controlEscape, out, to);
        out[to++] = hexDigits[byte >> 4]!;
        out[to++] = hexDigits[byte & 15]!;
      }
      at++;
    }
    this.#contentEnd = at;
    this.#lineEnd = source[at] === RETURN ? at + 2 : at + 1;
    return to;
  }

  /** Ends the message and the event; NOT_FAST if any of it ran over the end of `out`. */
  #close(out: Buffer, outStart: number, sequence: number): number {
    const tail = this.#tail;
    if (outStart + 1 + tail.length + SEQUENCE_BYTES_MAX > out.length) return NOT_FAST;
    out[outStart] = QUOTE;
    const to = copyShort(tail, out, outStart + 1);
    return this.#hasIds ? copyShort(idEnd, out, writeDecimal(sequence, out, to)) : to;
  }
}
