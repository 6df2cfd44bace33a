// The audit against a plain reckoning: files of every kind, and stores that are damaged in every way.

import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { LineEncoder } from "../../src/event/line-encoder.ts";
import { SlabPool } from "../../src/pipeline/batch.ts";
import type { Content } from "../../src/source/content.ts";
import { type Cursor, LineReader, START } from "../../src/source/line-reader.ts";
import { fileOf, storeOf } from "../support/audit-store.ts";
import { encodePlainly, fileContent, type LineSetup, lineSetups, usual } from "../support/line-oracle.ts";

const STREAM = "AbCdEfGhIjKlMn-_";

/** What happens to one event: the copies that the store has of it, and whether the dead letters have it. */
interface Fate {
  readonly copies: readonly ("equal" | "altered")[];
  readonly isRefused: boolean;
  /** The store also has an event that starts one byte further on. */
  readonly hasStray: boolean;
}

const copy = fc.constantFrom<"equal" | "altered">("equal", "equal", "altered");
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fate>({ copies: ["equal"], isRefused: false, hasStray: false }) },
  fc.record({ copies: fc.array(copy, { maxLength: 3 }), isRefused: fc.boolean(), hasStray: fc.boolean() }),
);

interface Line {
  readonly event: string;
  readonly sequence: number;
  readonly end: number;
}

/** The events of the delivered part of a file, and which of its bytes each stands for. */
function linesOf(content: Buffer, start: number, setup: LineSetup): Line[] {
  const text = encodePlainly(content.subarray(start), { ...setup, stream: STREAM }, start);
  const events = text.split("\n").slice(0, -1);
  const sequences = events.map((event) => Number(/:(\d+)"}$/.exec(event)![1]));
  return events.map((event, index) => {
    const sequence = sequences[index]!;
    const newline = content.indexOf(10, sequence);
    const lineEnd = newline < 0 ? content.length : newline + 1;
    return { event, sequence, end: Math.min(lineEnd, sequences[index + 1] ?? lineEnd) };
  });
}

const altered = (event: string): string => event.replace(/("message":)/, '"x":1,$1');

/** What an audit has to find, told line by line. */
function reckon(lines: readonly Line[], fates: readonly Fate[], strays: ReadonlySet<number>): string[] {
  const found: string[] = [];
  for (const [index, { sequence, end }] of lines.entries()) {
    const { copies, isRefused } = fates[index]!;
    if (copies.length === 0) found.push(`${isRefused ? "refused" : "missing"} ${sequence}-${end}`);
    if (copies.includes("altered")) found.push(`altered ${sequence}-${end}`);
    if (copies.length > 1) found.push(`repeated ${sequence}-${end}`);
    if (strays.has(sequence + 1)) found.push(`unexpected ${sequence + 1}-${sequence + 2}`);
  }
  return found.sort();
}

test("an audit finds exactly what a plain reckoning finds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fileContent,
      lineSetups,
      fc.nat(),
      fc.array(fate, { minLength: 12, maxLength: 40 }),
      fc.boolean(),
      async (content, setup, seed, someFates, inOrder) => {
        // A part of the file was passed over by --start-at=end.
        const start =
          seed % 3 === 0 ? content.subarray(0, seed % (content.length + 1)).lastIndexOf(10) + 1 : 0;
        const record = await fileOf(content, STREAM, { start });
        const lines = linesOf(content, start, setup);
        const fates = lines.map((_, index) => someFates[index % someFates.length]!);
        const taken = new Set(lines.map(({ sequence }) => sequence));
        const strays = new Set<number>();
        const stored: string[] = [];
        const refused: string[] = [];
        for (const [index, { event, sequence, end }] of lines.entries()) {
          const { copies, isRefused, hasStray } = fates[index]!;
          stored.push(...copies.map((kind) => (kind === "equal" ? event : altered(event))));
          if (isRefused) refused.push(`{"time":"now","reason":"no, \\"event\\":","event":${event}}\n`);
          // Where the line itself is not there, it could be the further part of a line.
          if (!hasStray || !copies.includes("equal") || sequence + 1 >= end || taken.has(sequence + 1))
            continue;
          strays.add(sequence + 1);
          stored.push(`{"level":"INFO","message":"?","event_id":"${STREAM}:${sequence + 1}"}`);
        }
        if (!inOrder) stored.reverse();
        const middle = stored.length >> 1;
        const segments = [stored.slice(0, middle), stored.slice(middle)].map((part) =>
          part.map((event) => `${event}\n`).join(""),
        );
        const deadLetterPath = join(dirname(record.path), "dead-letter.ndjson");
        await writeFile(deadLetterPath, refused.join(""));

        const found: string[] = [];
        const stores = [await storeOf(...segments)];
        const shape = { ...setup, fileField: undefined };
        const counts = await audit(
          { stores, records: [record], deadLetterPath, shape },
          {
            finding: (what, path, from, to) => {
              expect(path).toBe(record.path);
              found.push(`${what} ${from}-${to}`);
            },
            unauditable: (path, why) => found.push(`${path} ${why}`),
          },
        );
        expect(found.sort()).toEqual(reckon(lines, fates, strays));
        expect(counts).toMatchObject({ lines: lines.length, otherEvents: 0, withoutId: 0 });
      },
    ),
    { numRuns: 300 },
  );
});

/** The events of a file that ended at each of these offsets for a while, as a client ships them that meets it so. */
async function shipInParts(content: Buffer, ends: readonly number[], setup: LineSetup): Promise<string> {
  const { format, fields, unparsed, lineBytesMax } = setup;
  let end = 0;
  const read: Content["read"] = async (target, targetStart, length, at) =>
    content.copy(target, targetStart, at, Math.max(at, Math.min(end, at + length)));
  const cursor: Cursor = {
    content: { read, close: async () => {} },
    encoder: new LineEncoder({ rules: { format, fields }, unparsed, lineBytesMax, stream: STREAM }),
    position: START,
    isComplete: true,
    began: () => {},
    settled: () => {},
    dropped: () => {},
  };
  const reader = new LineReader({ batchEventsMax: Number.POSITIVE_INFINITY, lineBytesMax }, new SlabPool(0));
  let events = "";
  for (end of [...ends, content.length].sort((a, b) => a - b)) {
    reader.forget(cursor);
    for (let batch = await reader.read(cursor); batch !== undefined; batch = await reader.read(cursor))
      events += batch.bytes.toString();
  }
  return events;
}

test("a file that was met while it grew is as it should be, wherever it ended then", async () => {
  await fc.assert(
    fc.asyncProperty(
      fileContent,
      lineSetups,
      fc.array(fc.nat(), { maxLength: 6 }),
      async (content, setup, seeds) => {
        const ends = seeds.map((seed) => seed % (content.length + 1));
        const record = await fileOf(content, STREAM);
        const stores = [await storeOf(await shipInParts(content, ends, setup))];
        const found: string[] = [];
        await audit(
          { stores, records: [record], deadLetterPath: "/none", shape: { ...setup, fileField: undefined } },
          {
            finding: (what, _path, start, end) => found.push(`${what} ${start}-${end}`),
            unauditable: (path, why) => found.push(`${path} ${why}`),
          },
        );
        expect(found).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test("what there is no room to look at is told as a range, and counts as a fault", async () => {
  const content = Buffer.from("one\ntwo\nthree\nfour\n");
  const record = await fileOf(content, STREAM);
  const events = linesOf(content, 0, usual).map(({ event }) => `${altered(event)}\n`);
  const stores = [await storeOf(events.join(""))];
  const deadLetterPath = join(dirname(record.path), "none");
  const options = { stores, records: [record], deadLetterPath, shape: { ...usual, fileField: undefined } };
  const found: string[] = [];
  const counts = await audit(
    { ...options, eventsMax: 2 },
    { finding: (what, _path, start, end) => found.push(`${what} ${start}-${end}`), unauditable: () => {} },
  );
  expect(found).toEqual(["altered 0-4", "altered 4-8", "unnamed 8-19"]);
  expect(counts).toMatchObject({ altered: 2, unnamed: 1, missing: 0 });
});
