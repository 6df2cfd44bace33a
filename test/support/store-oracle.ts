// Compares what is stored with what was written: every line exactly once, in file order, unaltered.

import { type FileModel, type Life, lifeOf } from "./file-model.ts";
import type { StoredLine, StoreReader } from "./store-reader.ts";

export interface Verdict {
  readonly written: number;
  readonly stored: number;
  readonly missing: number;
  readonly repeated: number;
  readonly disordered: number;
  /** Stored, but never written so. */
  readonly altered: number;
  /** Not stored, and destroyed before anybody could have read it. */
  readonly destroyed: number;
  /** What is wrong, for people; empty if nothing is. */
  readonly complaints: readonly string[];
}

const COMPLAINTS_MAX = 40;

/** Which streams hold lines of which life. A stream without any label is under `undefined`. */
function streamsByLife(reader: StoreReader): Map<number | undefined, StoredLine[][]> {
  const byLife = new Map<number | undefined, StoredLine[][]>();
  for (const lines of reader.streams.values()) {
    const labelled = lines.find(({ text }) => lifeOf(text) !== undefined);
    const life = labelled && lifeOf(labelled.text);
    byLife.set(life, [...(byLife.get(life) ?? []), lines]);
  }
  return byLife;
}

/** True once all that must be stored of these lives is. */
export function areDelivered(lives: readonly Life[], reader: StoreReader): boolean {
  const byLife = streamsByLife(reader);
  return lives.every(({ number, expected, linesRequired }) => {
    if (linesRequired === 0) return true;
    const last = expected[linesRequired - 1];
    return (byLife.get(number) ?? []).some((lines) => lines[linesRequired - 1]?.text === last);
  });
}

/** How many of a life's first lines are stored. */
export function linesDelivered(life: Life, reader: StoreReader): number {
  const streams = streamsByLife(reader).get(life.number) ?? [];
  const stored = Math.max(0, ...streams.map((lines) => lines.length));
  const last = streams.find((lines) => lines.length === stored)?.at(-1);
  // The last line may be stored in part.
  return last !== undefined && last.text !== life.expected[stored - 1] ? stored - 1 : stored;
}

export function judge(model: FileModel, reader: StoreReader): Verdict {
  const sums = { missing: 0, repeated: 0, disordered: 0, altered: 0, destroyed: 0 };
  const complaints: string[] = reader.faults.slice(0, COMPLAINTS_MAX);
  const byLife = streamsByLife(reader);
  for (const life of model.lives) judgeLife(life, byLife.get(life.number) ?? [], sums, complaints);
  for (const lines of byLife.get(undefined) ?? []) {
    sums.altered += lines.length;
    complaints.push(`a stream of no known file at ${lines[0]!.place}: ${shorten(lines[0]!.text)}`);
  }
  if (complaints.length > COMPLAINTS_MAX) complaints.splice(COMPLAINTS_MAX, Number.POSITIVE_INFINITY, "…");
  return { written: model.linesWritten, stored: reader.events, ...sums, complaints };
}

type Sums = { -readonly [K in "missing" | "repeated" | "disordered" | "altered" | "destroyed"]: number };

function judgeLife(life: Life, streams: readonly StoredLine[][], sums: Sums, complaints: string[]): void {
  const { expected, linesRequired } = life;
  const indexes = new Map(expected.map((text, index) => [text, index]));
  const places = new Map<number, string>();
  const found: string[] = [];
  for (const lines of streams) {
    let before = -1;
    for (const { text, place } of lines) {
      const index = indexes.get(text);
      if (index === undefined) {
        if (isPartOfLost(life, text, before + 1)) continue;
        sums.altered++;
        found.push(`altered at ${place}: ${shorten(text)}`);
        continue;
      }
      const earlier = places.get(index);
      if (earlier !== undefined) {
        sums.repeated++;
        found.push(`repeated at ${place}, first at ${earlier}: ${shorten(text)}`);
      } else if (index < before) {
        sums.disordered++;
        found.push(`out of order at ${place}, behind line ${before}: ${shorten(text)}`);
      }
      places.set(index, place);
      before = Math.max(before, index);
    }
  }
  const required = Math.max(linesRequired, ...[...places.keys()].map((index) => index + 1));
  const missing = expected.flatMap((text, index) => (places.has(index) ? [] : [{ text, index }]));
  for (const { text, index } of missing) {
    if (index >= required) sums.destroyed++;
    else {
      sums.missing++;
      found.push(`missing, line ${index} of ${expected.length}: ${shorten(text)}`);
    }
  }
  if (found.length === 0) return;
  const shown =
    found.length > 8 ? [...found.slice(0, 5), `… ${found.length - 7} more …`, ...found.slice(-2)] : found;
  complaints.push(
    `${life.family}#${life.number} (${expected.length} lines, ${linesRequired} required, ${streams.length} streams):`,
    ...shown.map((line) => `  ${line}`),
    ...life.history.slice(-12).map((line) => `    ${line}`),
  );
}

/** The end of a life may have been read in the middle of a line before it was destroyed. */
function isPartOfLost(life: Life, text: string, index: number): boolean {
  const whole = index < life.lines.length ? life.lines[index]! : life.tail;
  return index >= life.linesRequired && whole.startsWith(text);
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 60)}…${text.slice(-30)}` : text);
}
