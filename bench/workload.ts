// The seeded workload: lines of about 90 bytes from ten templates with random ids, 0.5 % of them stack traces, some
// with non-ASCII letters. The same seed gives the same bytes on every machine.

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

const templates: readonly string[] = [
  "application started in # ms with # workers",
  "user # signed in from 10.0.#.#",
  "GET /api/v1/items/# answered 200 in # ms",
  "cache miss for key session:#",
  "payment # accepted for order #",
  "connection to db-# established after # tries",
  "worker # finished job # with # retries",
  "Größe überschritten für Gerät #: 温度 # °C",
  "slow query # took # ms on table orders",
  "request # rejected: invalid token #",
];
const levels: readonly string[] = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"];
const STACK_SHARE = 0.005;
const LINES_PER_WRITE = 10_000;

/** A linear congruential generator with the constants of Numerical Recipes: quick, and good enough for log lines. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes the file; resolves with its size in bytes. */
export async function writeWorkload(path: string, lines: number, seed: number): Promise<number> {
  const random = seeded(seed);
  const stream = createWriteStream(path);
  const clock = { ms: Date.UTC(2024, 0, 15, 8) };
  for (let written = 0; written < lines; written += LINES_PER_WRITE) {
    const count = Math.min(LINES_PER_WRITE, lines - written);
    const text = Array.from({ length: count }, () => `${line(random, clock)}\n`).join("");
    if (!stream.write(text)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
  return stream.bytesWritten;
}

function line(random: () => number, clock: { ms: number }): string {
  const below = (limit: number): number => Math.floor(random() * limit);
  if (random() < STACK_SHARE) {
    return `    at Handler.run (/srv/app/handlers/item-${below(1e6)}.js:${below(500)}:17)`;
  }
  clock.ms += below(20);
  const time = new Date(clock.ms).toISOString().slice(0, 19).replace("T", " ");
  const message = templates[below(templates.length)]!.replaceAll("#", () => below(1e9).toString(36));
  const trace = below(2 ** 32).toString(16) + below(2 ** 32).toString(16);
  return `${time} ${levels[below(levels.length)]!} ${message} trace=${trace}`;
}
