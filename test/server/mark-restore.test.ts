import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { FileSystem, OpenFile } from "../../src/disk/file-system.ts";
import { restoreMarks } from "../../src/server/mark-restore.ts";
import { MarkTable, NO_MARK } from "../../src/server/marks.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { openMemoryStore } from "../support/memory-store.ts";
import { until } from "../support/server.ts";
import { eventLine, idLine, streamName } from "../support/wire.ts";

const a = streamName("a");
const b = streamName("b");
const unseen = streamName("unseen");
const FIRST = "0000000001.ndjson";
const SECOND = "0000000002.ndjson";
const MARKS = "marks.json";

/** Puts an id of another stream in the place of the first line, to see whether that is read. */
function poison(disk: MemoryDisk): void {
  disk.put(FIRST, disk.get(FIRST).toString().replace(a, unseen));
}

/** A disk with lines of `a` up to 2, left by a store that was closed. */
async function leftClosed(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { store, commit } = await openMemoryStore(disk);
  await commit(idLine(a, 0), idLine(a, 1), idLine(a, 2));
  await store.close();
  return disk;
}

describe("with a snapshot", () => {
  test("nothing is read but what comes after it", async () => {
    const disk = await leftClosed();
    poison(disk);
    const { store, log, commit } = await openMemoryStore(disk);
    expect(store.marks.markOf(a)).toBe(2);
    expect(store.marks.markOf(unseen)).toBe(NO_MARK);
    await commit(idLine(a, 3), idLine(b, 0));
    disk.kill();
    const again = await openMemoryStore(disk);
    expect([a, b, unseen].map((stream) => again.store.marks.markOf(stream))).toEqual([3, 0, NO_MARK]);
    expect([...log, ...again.log]).toEqual([]);
  });

  test("segments after the one that it names are read too", async () => {
    const disk = await leftClosed();
    poison(disk);
    disk.put(FIRST, disk.get(FIRST).toString() + idLine(a, 3));
    disk.put(SECOND, idLine(b, 7));
    disk.put("0000000005.ndjson", idLine(a, 4));
    const { store } = await openMemoryStore(disk);
    expect([a, b, unseen].map((stream) => store.marks.markOf(stream))).toEqual([4, 7, NO_MARK]);
  });

  test("marks outlive the lines that they stand for", async () => {
    const disk = await leftClosed();
    const { store, commit } = await openMemoryStore(disk, { segmentBytes: 1 });
    await commit(idLine(b, 0));
    await store.close();
    disk.put(FIRST, "");
    const { store: again } = await openMemoryStore(disk);
    expect([a, b].map((stream) => again.marks.markOf(stream))).toEqual([2, 0]);
  });
});

describe("without one", () => {
  test("an empty store is opened without a word", async () => {
    const disk = new MemoryDisk();
    const { store, log } = await openMemoryStore(disk);
    await store.close();
    expect(log).toEqual([]);
    expect(disk.get(MARKS)).toHaveLength(0);
  });

  test("the whole store is read, which is said, and saved at once", async () => {
    const disk = new MemoryDisk();
    disk.put(FIRST, idLine(a, 5) + eventLine("no id") + idLine(b, 1));
    disk.put(SECOND, idLine(a, 9) + idLine(a, 7));
    const { store, log } = await openMemoryStore(disk);
    expect([a, b].map((stream) => store.marks.markOf(stream))).toEqual([9, 1]);
    expect(log).toEqual(["info: store: reading all 0.0 MiB of it for event ids"]);
    await until(() => disk.get(MARKS).length > 0);
    disk.kill();
    poison(disk);
    const again = await openMemoryStore(disk);
    expect([a, unseen].map((stream) => again.store.marks.markOf(stream))).toEqual([9, NO_MARK]);
    expect(again.log).toEqual([]);
  });

  test("progress is told after every GiB", async () => {
    const sizeBytes = 1025 * 1024 ** 2;
    const zeros: OpenFile = {
      ...(await new MemoryDisk().start().open(FIRST)),
      size: async () => sizeBytes,
      read: async (target, position) => target.fill(0).subarray(0, sizeBytes - position).length,
    };
    const disk = new MemoryDisk();
    disk.put(FIRST, "");
    disk.put(SECOND, idLine(a, 9));
    const real = disk.start();
    const open: FileSystem["open"] = async (path) => (path.endsWith(FIRST) ? zeros : real.open(path));
    const log: string[] = [];
    const report = (_level: string, message: string): void => void log.push(message);
    const marks = new MarkTable(10, { streamsEvicted: 0 }, report);
    const place = { directory: "/store", fileSystem: { ...real, open }, report };
    expect(await restoreMarks(marks, place)).toBeUndefined();
    expect(log).toEqual([
      "store: reading all 1025.0 MiB of it for event ids",
      "store: 1024.0 MiB of 1025.0 MiB read",
    ]);
    expect(marks.markOf(a)).toBe(9);
  });
});

describe("a snapshot that cannot be used is named, and the whole store read", () => {
  const withCrc = (text: string): string => `${text}"crc32":${crc32(text)}}\n`;
  const good = `{"version":1,"segment":"${FIRST}","offset":0,"streams":[\n["${b}",3]\n],`;
  test.each<[name: string, text: string, reason: string]>([
    ["empty", "", "it is damaged"],
    ["something else", "{}\n", "it is damaged"],
    ["cut short", withCrc(good).slice(0, -2), "it is damaged"],
    ["changed", withCrc(good).replace(",3]", ",4]"), "it is damaged"],
    ["of another version", withCrc(good.replace(":1,", ":2,")), "its version 2 is not 1"],
    [
      "of more than there is",
      withCrc(good.replace('"offset":0', '"offset":100000')),
      "it covers 100000 bytes of 0000000001.ndjson, which has 189",
    ],
    [
      "of a segment that is gone",
      withCrc(good.replace('01.ndjson","offset":0', '04.ndjson","offset":1')),
      "it covers 1 bytes of 0000000004.ndjson, which has 0",
    ],
  ])("%s", async (_name, text, reason) => {
    const disk = await leftClosed();
    disk.put(MARKS, text);
    const { store, log } = await openMemoryStore(disk);
    expect([a, b].map((stream) => store.marks.markOf(stream))).toEqual([2, NO_MARK]);
    expect(log).toEqual([
      `warn: store: marks.json cannot be used: ${reason}`,
      "info: store: reading all 0.0 MiB of it for event ids",
    ]);
    await until(() => disk.get(MARKS).toString() !== text);
  });

  test("and one that is good is used", async () => {
    const disk = await leftClosed();
    disk.put(MARKS, withCrc(good));
    const { store, log } = await openMemoryStore(disk);
    expect([a, b].map((stream) => store.marks.markOf(stream))).toEqual([2, 3]);
    expect(log).toEqual([]);
  });

  test("one that cannot be read", async () => {
    const disk = await leftClosed();
    disk.fault = async (operation, name) => {
      if (operation === "read" && name === MARKS) throw Object.assign(new Error("staged"), { code: "EIO" });
    };
    const { store, log } = await openMemoryStore(disk);
    expect(store.marks.markOf(a)).toBe(2);
    expect(log[0]).toBe("warn: store: marks.json cannot be used: input/output error (EIO)");
  });
});

describe("what counts as stored", () => {
  test("an unfinished line does not, though its id is whole", async () => {
    const disk = await leftClosed();
    disk.put(FIRST, disk.get(FIRST).toString() + idLine(a, 3).trim());
    const { store } = await openMemoryStore(disk);
    expect(store.marks.markOf(a)).toBe(2);
  });

  test("a snapshot does not, where the store was cut before its end", async () => {
    const disk = await leftClosed();
    disk.put(FIRST, disk.get(FIRST).subarray(0, -1));
    const { store } = await openMemoryStore(disk);
    expect(store.marks.markOf(a)).toBe(1);
  });

  test("what only looks like an id when a `\\r` is taken off does not, neither when it comes nor afterwards", async () => {
    const disk = new MemoryDisk();
    const { store, take, commit } = await openMemoryStore(disk);
    await commit(idLine(a, 5).replace("\n", "\r\r\n"), idLine(b, 5).replace("\n", "\r\n"));
    expect([a, b].map((stream) => store.marks.markOf(stream))).toEqual([NO_MARK, 5]);
    disk.kill();
    const again = await openMemoryStore(disk);
    expect([a, b].map((stream) => again.store.marks.markOf(stream))).toEqual([NO_MARK, 5]);
    expect(take(idLine(b, 5)).intake.duplicates).toBe(1);
  });

  test("lines that a killed server has left unsynced do, when they are synced", async () => {
    const disk = new MemoryDisk();
    const first = await openMemoryStore(disk);
    let reached = false;
    disk.fault = async (operation) => {
      if (operation !== "sync") return;
      reached = true;
      await new Promise(() => {});
    };
    void first.commit(idLine(a, 0));
    await until(() => reached);
    disk.kill();
    disk.fault = async () => {};
    const second = await openMemoryStore(disk);
    expect(second.take(idLine(a, 0)).intake.duplicates).toBe(1);
    disk.cutPower(0, false);
    expect(disk.storedLines()).toEqual([idLine(a, 0).trim()]);
  });
});
