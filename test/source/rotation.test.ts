import { appendFile, copyFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { fingerprint, GzipContent, readFully } from "../../src/source/content.ts";
import { findMoved, isNumberedName, isRotatedName, originalNames } from "../../src/source/rotation.ts";
import { temporaryDirectory } from "../support/server.ts";

test.each([
  ["app.log.1", "app.log", true],
  ["app.log.12.gz", "app.log", true],
  ["app.log-20240115", "app.log", true],
  ["app.log-20240115.gz", "app.log", true],
  ["app.log.gz", "app.log", true],
  ["app-20240115.log", "app.log", true],
  ["app.1.log.gz", "app.log", true],
  ["app.log~", "app.log", true],
  ["app.log", "app.log", false],
  ["apple.log", "app.log", false],
  ["app.logs", "app.log", false],
  ["other.log.1", "app.log", false],
])("%s may come from a rotation of %s: %s", (name, original, expected) => {
  expect(isRotatedName(name, original)).toBe(expected);
  expect(originalNames(name).includes(original)).toBe(expected);
});

test.each([
  ["app.log.1", true],
  ["app.log.12.gz", true],
  ["app.log-20240115", true],
  ["app.log.2024-01-15T08:00", true],
  ["app.log.gz", true],
  ["app.log.old", true],
  ["app-20240115.log", true],
  ["app.1.log.gz", true],
  ["app.log.offset", false],
  ["app.log.lock", false],
  ["app.log~", false],
  ["app-error.log", false],
  ["app.log", false],
])("%s has a name that only a rotation of app.log gives: %s", (name, expected) => {
  expect(isNumberedName(name, "app.log")).toBe(expected);
});

describe("a file that is not at its path", () => {
  const text = Buffer.from("first line\nsecond line\n");
  const position = { offset: text.length, head: fingerprint(text), tail: fingerprint(text.subarray(-12)) };

  async function where(act: (path: string) => Promise<void>): Promise<string | undefined> {
    const path = join(await temporaryDirectory(), "app.log");
    await writeFile(path, text);
    await act(path);
    const moved = await findMoved(path, "0:0", position);
    await moved?.content.close();
    return moved?.sibling.path.slice(path.length);
  }

  test.each<[string, (path: string) => Promise<void>, string | undefined]>([
    ["renamed", (path) => rename(path, `${path}.1`), ".1"],
    ["copied and truncated", (path) => copyFile(path, `${path}.1`).then(() => truncate(path)), ".1"],
    ["compressed", (path) => writeFile(`${path}.1.gz`, gzipSync(text)), ".1.gz"],
    [
      "raw before compressed",
      (path) => writeFile(`${path}.1.gz`, gzipSync(text)).then(() => copyFile(path, `${path}.2`)),
      ".2",
    ],
    [
      "grown after it was read",
      (path) => rename(path, `${path}.1`).then(() => appendFile(`${path}.1`, "third\n")),
      ".1",
    ],
    ["half compressed", (path) => writeFile(`${path}.1.gz`, gzipSync(text).subarray(0, 20)), undefined],
    ["another beginning", (path) => writeFile(`${path}.1`, "First line\nsecond line\n"), undefined],
    ["another end", (path) => writeFile(`${path}.1`, "first line\nsecond lime\n"), undefined],
    ["shorter", (path) => writeFile(`${path}.1`, "first line\n"), undefined],
  ])("%s", async (_, act, expected) => {
    expect(await where(act)).toBe(expected);
  });
});

test("a compressed file reads like what was compressed, forward and again from the start", async () => {
  const path = join(await temporaryDirectory(), "app.log.gz");
  const bytes = Buffer.alloc(700_000, "0123456789\n");
  await writeFile(path, gzipSync(bytes));
  const content = await GzipContent.open(path);
  try {
    for (const [start, length] of [
      [0, 100],
      [300_000, 300_000],
      [5, 700_000],
      [699_999, 10],
      [700_000, 1],
    ] as const) {
      expect(await readFully(content, start, length)).toEqual(bytes.subarray(start, start + length));
    }
  } finally {
    await content.close();
  }
});
