import { appendFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DeadLetterFile } from "../../src/pipeline/dead-letter-file.ts";
import { temporaryDirectory } from "../support/server.ts";

const now = (): Date => new Date("2024-01-15T08:23:45.678Z");

async function deadLetters(path?: string): Promise<DeadLetterFile> {
  const file = new DeadLetterFile(
    path ?? join(await temporaryDirectory(), "state", "dead-letter.ndjson"),
    now,
  );
  onTestFinished(() => file.close());
  return file;
}

const record = (reason: string, event: string): string =>
  `{"time":"2024-01-15T08:23:45.678Z","reason":${reason},"event":${event}}\n`;

test("a refused event is kept as it was, with the time and the reason, each a line", async () => {
  const file = await deadLetters();
  const bytes = Buffer.from('{"message":"x"}');
  file.add(bytes, 'no "level"\n');
  bytes.fill(32); // the batch's memory is used again
  await file.flush();
  file.add(Buffer.from("[1]"), "no");
  file.add(Buffer.from("2"), "no");
  await file.flush();
  expect(await readFile(file.path, "utf8")).toBe(
    record('"no \\"level\\"\\n"', '{"message":"x"}') + record('"no"', "[1]") + record('"no"', "2"),
  );
});

test("nothing is created before the first one", async () => {
  const file = await deadLetters();
  await file.flush();
  await expect(stat(file.path)).rejects.toThrow("ENOENT");
});

test("what an earlier run kept stays, and half a record that it left swallows none", async () => {
  const path = join(await temporaryDirectory(), "dead-letter.ndjson");
  await writeFile(path, `${record('"old"', "1")}{"time":"20`);
  const file = await deadLetters(path);
  file.add(Buffer.from("2"), "new");
  await file.flush();
  await appendFile(path, "behind\n");
  expect(await readFile(path, "utf8")).toBe(
    `${record('"old"', "1")}{"time":"20\n${record('"new"', "2")}behind\n`,
  );
});

test("flushes that overlap keep the order", async () => {
  const file = await deadLetters();
  const flushes = [];
  for (let event = 0; event < 20; event++) {
    file.add(Buffer.from(String(event)), "no");
    flushes.push(file.flush());
  }
  await Promise.all(flushes);
  const kept = (await readFile(file.path, "utf8")).split("\n").slice(0, -1);
  expect(kept.map((line) => JSON.parse(line).event)).toEqual([...Array(20).keys()]);
});

test("where nothing can be kept, it says so", async () => {
  const path = join(await temporaryDirectory(), "dead-letter.ndjson");
  await mkdir(path);
  const file = await deadLetters(path);
  file.add(Buffer.from("1"), "no");
  await expect(file.flush()).rejects.toMatchObject({
    code: "ERR_DEAD_LETTERS",
    exitCode: 75,
    message: `cannot keep refused lines in ${path}: is a directory (EISDIR); they count as undelivered`,
  });
});
