// Cuts the byte stream of one connection into messages. Pure: no socket, no clock. Invariants:
//  - what the handler is told depends on the bytes alone, never on where TCP has cut them (a run of plain lines may
//    come as one region or as several);
//  - a region or payload handed out is never written again by the decoder: the store keeps it until its commit;
//  - held are at most one line or one frame under its limit, and never memory for bytes that have not arrived.

import { Accumulator } from "./accumulator.ts";
import type { WireLimits } from "./limits.ts";
import { classifyHead, FRAME_PREFIX_BYTES } from "./message-head.ts";

const LF = 0x0a;
const CR = 0x0d;

/** What the decoder finds, in the order of the stream. The handler may keep the buffers, and write to them. */
export interface DecoderHandler {
  /** One or more complete plain lines, each ended by `\n`; nothing about them has been checked, nor their length. */
  lines(region: Buffer): void;
  /** The payload of a frame: it begins with the magic of gzip or zstd, the rest has not been checked. */
  frame(payload: Buffer): void;
  /** An unfinished plain line is over `eventBytesMax`: told once, as soon as that is known; its rest is skipped. */
  lineTooLong(): void;
  /** There is no way to find the next message. Nothing is decoded after this. */
  unframeable(reason: string): void;
}

//  state   what is held                               goes to
//  head    the first bytes of a message, undecided    line, frame, dead
//  line    the start of a plain line                  head (at its \n), skip (over the limit)
//  skip    nothing: an over-long line's rest          head (at its \n)
//  frame   length prefix and the payload's start      head (when complete)
//  dead    nothing                                    -
type State = "head" | "line" | "skip" | "frame" | "dead";

export class Decoder {
  readonly #handler: DecoderHandler;
  readonly #limits: WireLimits;
  readonly #held = new Accumulator();
  #state: State = "head";

  constructor(limits: WireLimits, handler: DecoderHandler) {
    this.#limits = limits;
    this.#handler = handler;
  }

  /** Bytes held of a message that is not complete yet. */
  get buffered(): number {
    return this.#held.length;
  }

  /** Takes the next bytes of the stream, and the ownership of `chunk` with them. */
  push(chunk: Buffer): void {
    const pos = this.#finishHeld(chunk);
    if (pos < chunk.length && this.#state === "head") this.#walk(chunk, pos);
  }

  /** Completes the message that an earlier chunk began. Returns where the next message begins in `chunk`. */
  #finishHeld(chunk: Buffer): number {
    let pos = 0;
    if (this.#state === "head" && this.#held.length > 0) pos = this.#finishHead(chunk);
    if (this.#state === "line") return this.#finishLine(chunk, pos);
    if (this.#state === "frame") return this.#finishFrame(chunk, pos);
    if (this.#state === "skip") return this.#finishSkip(chunk);
    return pos;
  }

  /** Moves bytes to the held head one by one until it is decided; eight are always enough. */
  #finishHead(chunk: Buffer): number {
    for (let pos = 0; pos < chunk.length; pos++) {
      this.#held.append(chunk, pos, pos + 1);
      const head = classifyHead(this.#held.bytes, 0, this.#held.length, this.#limits.frameBytesMax);
      if (head === "more") continue;
      if (typeof head === "object") this.#die(head.unframeable);
      else this.#state = head === "plain" ? "line" : "frame";
      return pos + 1;
    }
    return chunk.length;
  }

  #finishLine(chunk: Buffer, pos: number): number {
    const newline = this.#held.lastByte === LF ? pos - 1 : chunk.indexOf(LF, pos);
    const next = newline === -1 ? chunk.length : newline + 1;
    this.#held.append(chunk, pos, next);
    if (newline === -1) {
      this.#limitLine();
    } else {
      this.#state = "head";
      this.#handler.lines(this.#held.take());
    }
    return next;
  }

  #finishFrame(chunk: Buffer, pos: number): number {
    const prefix = this.#held.bytes.readUInt32BE(0);
    const missing = FRAME_PREFIX_BYTES + prefix - this.#held.length;
    const next = Math.min(pos + missing, chunk.length);
    this.#held.append(chunk, pos, next);
    if (next - pos === missing) {
      this.#state = "head";
      this.#handler.frame(this.#held.take().subarray(FRAME_PREFIX_BYTES));
    }
    return next;
  }

  #finishSkip(chunk: Buffer): number {
    const newline = chunk.indexOf(LF);
    if (newline === -1) return chunk.length;
    this.#state = "head";
    return newline + 1;
  }

  /** Decodes whole messages from `pos`, a message's head, and holds the beginning of one at the end of the chunk. */
  #walk(chunk: Buffer, pos: number): void {
    let start = pos;
    let at = mayHoldFrames(chunk, pos) ? pos : Math.max(pos, chunk.lastIndexOf(LF) + 1);
    while (at < chunk.length) {
      const head = classifyHead(chunk, at, chunk.length, this.#limits.frameBytesMax);
      const next = head === "plain" ? chunk.indexOf(LF, at) + 1 : 0;
      if (next > 0) {
        at = next;
        continue;
      }
      this.#flush(chunk, start, at);
      if (typeof head === "object") {
        this.#die(head.unframeable);
        return;
      }
      const end =
        head === "frame" ? at + FRAME_PREFIX_BYTES + chunk.readUInt32BE(at) : Number.POSITIVE_INFINITY;
      if (end > chunk.length) {
        this.#hold(chunk, at, head);
        return;
      }
      this.#handler.frame(chunk.subarray(at + FRAME_PREFIX_BYTES, end));
      start = end;
      at = end;
    }
    this.#flush(chunk, start, at);
  }

  #flush(chunk: Buffer, start: number, end: number): void {
    if (start < end) this.#handler.lines(chunk.subarray(start, end));
  }

  #hold(chunk: Buffer, pos: number, head: "more" | "plain" | "frame"): void {
    this.#held.append(chunk, pos, chunk.length);
    this.#state = head === "more" ? "head" : head === "plain" ? "line" : "frame";
    if (this.#state === "line") this.#limitLine();
  }

  /** A `\r` in the one place over the limit may still be the line end's. */
  #limitLine(): void {
    const over = this.#held.length - this.#limits.eventBytesMax;
    if (over < 1 || (over === 1 && this.#held.lastByte === CR)) return;
    this.#held.clear();
    this.#state = "skip";
    this.#handler.lineTooLong();
  }

  #die(reason: string): void {
    this.#held.clear();
    this.#state = "dead";
    this.#handler.unframeable(reason);
  }
}

/** Without one of these bytes no head in the chunk can be a frame's: it is plain lines from `pos` to its last `\n`. */
function mayHoldFrames(chunk: Buffer, pos: number): boolean {
  return (
    chunk.indexOf(0x00, pos) !== -1 || chunk.indexOf(0x01, pos) !== -1 || chunk.indexOf(0x1f, pos) !== -1
  );
}
