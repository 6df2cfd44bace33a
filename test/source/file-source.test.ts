import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Batch } from "../../src/pipeline/batch.ts";
import type { FileSource } from "../../src/source/file-source.ts";
import { inodesOf } from "../../src/source/file-stat.ts";
import { createSource } from "../support/file-source.ts";
import { encodePlainly, fileContent, type LineSetup, lineSetups, usual } from "../support/line-oracle.ts";
import { seededRandom } from "../support/random.ts";
import { temporaryDirectory } from "../support/server.ts";

const READ_BYTES = 256 * 1024;
const byteOrderMark = Buffer.from("\ufeff");

function sourceOf(
  path: string,
  setup: LineSetup = usual,
  batchEventsMax = Number.POSITIVE_INFINITY,
): FileSource {
  return createSource({ patterns: [path], lines: setup, batchEventsMax }).source;
}

function sizeOf(source: FileSource): number {
  return [...source.files].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/**
 * Reads a file as the queue does: some batches are held before the first is released. Returns the events of each.
 * Checks what holds of every batch: it counts its events, goes on where the one before it ended, and stays as it was
 * while it is held.
 */
async function readBatches(source: FileSource, held: number): Promise<string[]> {
  const texts: string[] = [];
  const holding: { batch: Batch; text: string }[] = [];
  let offset = 0;
  const release = (): void => {
    const { batch, text } = holding.shift()!;
    expect(batch.bytes.toString()).toBe(text);
    batch.release();
  };
  await source.open();
  try {
    for (let batch = await source.read(); batch !== undefined; batch = await source.read()) {
      const text = batch.bytes.toString();
      expect(text.split("\n").length - 1).toBe(batch.count);
      expect(text.endsWith("\n")).toBe(true);
      expect(batch.start).toBe(offset);
      expect(batch.end).toBeGreaterThan(offset);
      offset = batch.end;
      texts.push(text);
      holding.push({ batch, text });
      if (holding.length > held) release();
    }
    while (holding.length > 0) release();
    expect(offset).toBeLessThanOrEqual(sizeOf(source));
    expect(await source.read()).toBeUndefined();
  } finally {
    await source.close();
  }
  return texts;
}

async function shipped(
  content: Buffer,
  setup: LineSetup = usual,
  batchEventsMax?: number,
): Promise<string[]> {
  const path = join(await temporaryDirectory(), "app.log");
  await writeFile(path, content);
  return readBatches(sourceOf(path, setup, batchEventsMax), 2);
}

/** Usual lines that make up exactly so many bytes. */
function filler(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed);
  const lines: string[] = [];
  let left = bytes;
  while (left > 0) {
    const length = Math.min(left, 60 + Math.floor(random() ** 4 * 30_000));
    const line = "2024-01-15 08:23:45 INFO ".padEnd(length - 1, "x").slice(0, length - 1);
    lines.push(`${line}\n`);
    left -= length;
  }
  return Buffer.from(lines.join(""));
}

/** What a file holds and how it is read. */
interface Case {
  readonly content: Buffer;
  readonly setup: LineSetup;
  readonly batchEventsMax: number;
  /** How many batches are held while the next is read. */
  readonly held: number;
  readonly hasMark: boolean;
  readonly lastLineIsOpen: boolean;
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  content: fileContent,
  setup: lineSetups,
  batchEventsMax: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  held: fc.constantFrom(0, 1, 5),
  hasMark: fc.boolean(),
  lastLineIsOpen: fc.boolean(),
});

/** The same around the place where the first read ends, with lines that are short and long. */
const caseAtReadEnd: fc.Arbitrary<Case> = fc
  .tuple(anyCase, fc.nat({ max: 400 }), fc.integer())
  .map(([each, before, seed]) => ({
    ...each,
    content: Buffer.concat([filler(READ_BYTES - before, seed), each.content, filler(3000, seed)]),
    setup: { ...each.setup, lineBytesMax: Math.max(each.setup.lineBytesMax, 1000) },
  }));

test.each<[string, fc.Arbitrary<Case>, number]>([
  ["whatever they are", anyCase, 300],
  ["wherever a read ends in them", caseAtReadEnd, 40],
])("the batches of a file together are the events of its lines, %s", async (_, cases, numRuns) => {
  const path = join(await temporaryDirectory(), "app.log");
  const property = fc.asyncProperty(
    cases,
    async ({ content, setup, batchEventsMax, held, hasMark, lastLineIsOpen }) => {
      const lines = lastLineIsOpen && content.at(-1) === 10 ? content.subarray(0, -1) : content;
      await writeFile(path, hasMark ? Buffer.concat([byteOrderMark, lines]) : lines);
      const texts = await readBatches(sourceOf(path, setup, batchEventsMax), held);
      expect(texts.join("")).toBe(encodePlainly(lines, setup, hasMark ? byteOrderMark.length : 0));
      if (batchEventsMax === Number.POSITIVE_INFINITY) return;
      // Only the last one may hold fewer than it should.
      const counts = texts.map((text) => text.split("\n").length - 1);
      expect(counts.slice(0, -1)).toEqual(counts.slice(0, -1).fill(batchEventsMax));
      expect(counts.at(-1) ?? 0).toBeLessThanOrEqual(batchEventsMax);
    },
  );
  await fc.assert(property, { numRuns });
});

describe("how a file is cut into batches", () => {
  test("as many events as are ready, up to 256 KiB", async () => {
    const content = filler(3 * READ_BYTES, 1);
    const texts = await shipped(content);
    expect(texts.join("")).toBe(encodePlainly(content, usual));
    expect(texts.length).toBeLessThan(10);
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(READ_BYTES);
  });

  test.each([1, 7, 5000])(
    "%i events each if so configured, the last may hold fewer",
    async (batchEventsMax) => {
      const content = Buffer.from(
        "2024-01-15 08:23:45 INFO an event of some ninety bytes, more or less\n".repeat(12_002),
      );
      const texts = await shipped(content, usual, batchEventsMax);
      const last = 12_002 % batchEventsMax || batchEventsMax;
      const counts = texts.map((text) => text.split("\n").length - 1);
      expect(counts).toEqual([...Array(Math.ceil(12_002 / batchEventsMax) - 1).fill(batchEventsMax), last]);
    },
  );

  test("no batch so configured grows beyond what a frame can carry", async () => {
    const content = filler(20 * 1024 * 1024, 4);
    const texts = await shipped(content, usual, 1_000_000);
    expect(texts.join("").length).toBeGreaterThan(16 * 1024 * 1024);
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  });
});

describe("a line of 3 MiB", () => {
  const line = Buffer.from("é".repeat(1.5 * 1024 * 1024));

  test("is one event where that is within the limit, alone in its batch", async () => {
    const setup = { ...usual, lineBytesMax: 4 * 1024 * 1024 };
    const content = Buffer.concat([Buffer.from("before\n"), line, Buffer.from("\nbehind")]);
    const texts = await shipped(content, setup);
    const event = (message: string): string => `{"level":"UNKNOWN","message":"${message}"}\n`;
    expect(texts).toEqual([event("before"), event(line.toString()), event("behind")]);
  });

  test("is three where the limit is 1 MiB", async () => {
    const texts = await shipped(line);
    expect(texts.join("")).toBe(encodePlainly(line, usual));
    expect(texts).toHaveLength(3);
  });
});

describe("the length of the file", () => {
  test("counts a line that was added since it was opened, when it is read", async () => {
    const path = join(await temporaryDirectory(), "app.log");
    await writeFile(path, "one\n");
    const source = sourceOf(path);
    onTestFinished(() => source.close());
    await source.open();
    await writeFile(path, "one\ntwo\n");
    expect(sizeOf(source)).toBe(4);
    expect((await source.read())!.end).toBe(8);
  });

  test.each([
    ["an empty file", ""],
    ["nothing but blank lines", "\n \r\n\t\n"],
    ["nothing but a byte order mark", "\ufeff"],
  ])("%s holds no batch", async (_, text) => {
    expect(await shipped(Buffer.from(text))).toEqual([]);
  });

  test("a last line without a newline ends where the file does", async () => {
    const path = join(await temporaryDirectory(), "app.log");
    await writeFile(path, "one\ntwo");
    const source = sourceOf(path);
    onTestFinished(() => source.close());
    await source.open();
    expect(await source.read()).toMatchObject({ count: 2, start: 0, end: 7 });
  });
});

test("what is counted of the lines", async () => {
  const path = join(await temporaryDirectory(), "app.log");
  await writeFile(path, Buffer.from("2024-01-15 08:23:45 INFO x\n\n\xff\n0123456789\n", "latin1"));
  const { source, counters } = createSource({ patterns: [path], lines: { ...usual, lineBytesMax: 30 } });
  await readBatches(source, 0);
  expect(counters).toEqual({
    events: 3,
    blank: 1,
    unparsed: 2,
    invalidUtf8: 1,
    split: 0,
    continued: 0,
  });
});

test("a file that takes our own messages is not shipped, and that is said", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "app.log"), "one\n");
  const own = await open(join(folder, "own.log"), "w");
  onTestFinished(() => own.close());
  await own.write("two\n");
  const patterns = [join(folder, "*.log")];
  const { source, messages } = createSource({ patterns, ownInodes: inodesOf([own.fd]) });
  const texts = await readBatches(source, 0);
  expect(texts).toEqual(['{"level":"UNKNOWN","message":"one"}\n']);
  expect(messages).toEqual([
    `warn: ${join(folder, "own.log")} takes this program's own messages: it is not shipped`,
  ]);
});

describe("what cannot be read is named", () => {
  test.each<[string, (folder: string) => string, string]>([
    [
      "no such file",
      (folder) => join(folder, "none"),
      "cannot read PATH: no such file or directory (ENOENT)",
    ],
    ["a folder", (folder) => folder, "PATH is a directory; name a file in it"],
    ["a device", () => "/dev/null", "PATH is not a regular file; its lines can be redirected into one"],
    ["a path through a file", () => `${process.execPath}/x`, "cannot read PATH: not a directory (ENOTDIR)"],
  ])("%s", async (_, pathIn, message) => {
    const path = pathIn(await temporaryDirectory());
    await expect(sourceOf(path).open()).rejects.toMatchObject({
      code: "ERR_NO_INPUT",
      exitCode: 66,
      message: message.replace("PATH", path),
    });
  });
});

// Where the first page of a process's memory should be there is nothing to read.
test.skipIf(process.platform !== "linux")("a file that breaks when it is read is named", async () => {
  const source = sourceOf("/proc/self/mem");
  onTestFinished(() => source.close());
  await expect(source.open()).rejects.toMatchObject({
    exitCode: 66,
    message: "cannot read /proc/self/mem: input/output error (EIO)",
  });
});
