// Reads the server's acks. Nearly all are the same bytes, so runs of them are compared with a repeated pattern and
// only counted; anything else is parsed as JSON, of which only `status` and `message` matter.

import { ACK_DUPLICATE, ACK_RECEIVED } from "./ack.ts";

/** What an ack says; calls come in the order of the acks. */
export interface AckHandler {
  /** So many lines were stored. */
  received(lines: number): void;
  /** So many lines had been stored before. */
  duplicate(lines: number): void;
  /** One line, or one whole frame, was refused. */
  refused(reason: string): void;
  /** What came is no ack: nothing that follows can be trusted. Reading ends here. */
  garbage(text: string): void;
}

/** An ack is a short line; without a line end after so many bytes it is none. */
const ACK_BYTES_MAX = 64 * 1024;
const PATTERN_ACKS = 1024;
const NEWLINE = 10;

const receivedPattern = Buffer.from(ACK_RECEIVED.toString().repeat(PATTERN_ACKS));
const duplicatePattern = Buffer.from(ACK_DUPLICATE.toString().repeat(PATTERN_ACKS));

/** A decoder without I/O. Between calls it holds less than one ack. */
export class AckReader {
  readonly #handler: AckHandler;
  #partial: Buffer = Buffer.alloc(0);
  #isBroken = false;

  constructor(handler: AckHandler) {
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk]);
    let at = 0;
    while (at < bytes.length && !this.#isBroken) {
      const received = countPattern(bytes, at, receivedPattern, ACK_RECEIVED.length);
      if (received > 0) {
        this.#handler.received(received);
        at += received * ACK_RECEIVED.length;
        continue;
      }
      const duplicate = countPattern(bytes, at, duplicatePattern, ACK_DUPLICATE.length);
      if (duplicate > 0) {
        this.#handler.duplicate(duplicate);
        at += duplicate * ACK_DUPLICATE.length;
        continue;
      }
      const end = bytes.indexOf(NEWLINE, at);
      if (end < 0) break;
      this.#readOne(bytes.toString("utf8", at, end));
      at = end + 1;
    }
    // A copy: a slice would keep the whole chunk alive.
    this.#partial = Buffer.from(bytes.subarray(at));
    if (this.#partial.length > ACK_BYTES_MAX && !this.#isBroken)
      this.#fail(this.#partial.toString("utf8", 0, 100));
  }

  #readOne(line: string): void {
    const ack = parseAck(line);
    if (ack === undefined) this.#fail(line.slice(0, 100));
    else if (ack.status !== "ok") this.#handler.refused(ack.message);
    else if (ack.message === "duplicate") this.#handler.duplicate(1);
    else this.#handler.received(1);
  }

  #fail(text: string): void {
    this.#isBroken = true;
    this.#handler.garbage(text);
  }
}

/** How many whole acks of a pattern stand at `from`: by halves, so that a mismatch late in a run costs little. */
function countPattern(bytes: Buffer, from: number, pattern: Buffer, ackBytes: number): number {
  let whole = Math.min(Math.floor((bytes.length - from) / ackBytes), PATTERN_ACKS);
  while (whole > 0 && bytes.compare(pattern, 0, whole * ackBytes, from, from + whole * ackBytes) !== 0) {
    whole >>= 1;
  }
  return whole;
}

function parseAck(line: string): { status: string; message: string } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { status, message } = parsed as { status?: unknown; message?: unknown };
  if (status !== "ok" && status !== "error") return undefined;
  return { status, message: typeof message === "string" ? message : "" };
}
