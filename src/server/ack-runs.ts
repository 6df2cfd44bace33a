// Acks as runs of equal ones: a commit of 60 000 lines is one entry here and a few writes of a repeated pattern.

import type { Writable } from "node:stream";

const PATTERN_BYTES = 64 * 1024;

/** So many of the same ack in a row. */
interface AckRun {
  readonly ack: Buffer;
  count: number;
}

/** A list of acks in order. */
export class AckRuns {
  readonly #runs: AckRun[] = [];

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  add(ack: Buffer, count = 1): void {
    if (count === 0) return;
    const last = this.#runs.at(-1);
    if (last?.ack === ack) last.count += count;
    else this.#runs.push({ ack, count });
  }

  addAll(other: AckRuns): void {
    for (const { ack, count } of other.#runs) this.add(ack, count);
  }

  /** Writes all of them; the caller corks the stream. Nothing is copied. */
  writeTo(stream: Writable): void {
    for (const { ack, count } of this.#runs) writeRepeated(stream, ack, count);
  }
}

const patterns = new WeakMap<Buffer, Buffer>();

function writeRepeated(stream: Writable, ack: Buffer, count: number): void {
  if (count === 1) {
    stream.write(ack);
    return;
  }
  const pattern = patternOf(ack);
  const perPattern = pattern.length / ack.length;
  for (let left = count; left > 0; left -= perPattern) {
    stream.write(left < perPattern ? pattern.subarray(0, left * ack.length) : pattern);
  }
}

/** The ack repeated up to 64 KiB, made once for each ack. */
function patternOf(ack: Buffer): Buffer {
  let pattern = patterns.get(ack);
  if (pattern === undefined) {
    pattern = Buffer.alloc(Math.max(1, Math.floor(PATTERN_BYTES / ack.length)) * ack.length, ack);
    patterns.set(ack, pattern);
  }
  return pattern;
}
