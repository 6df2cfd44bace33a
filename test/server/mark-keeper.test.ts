import { describe, expect, test } from "vitest";
import { readMarksFile, writeMarksFile } from "../../src/server/marks-file.ts";
import { type DiskFault, MemoryDisk } from "../support/memory-disk.ts";
import { openMemoryStore } from "../support/memory-store.ts";
import { until } from "../support/server.ts";
import { idLine, streamName } from "../support/wire.ts";

const a = streamName("a");
const b = streamName("b");
const FIRST = "0000000001.ndjson";
const MARKS = "marks.json";
const DRAFT = "marks.json.tmp";
const onLine = { segmentBytes: 1 };

/** Holds an operation until the returned function is called. */
function hold(disk: MemoryDisk, operation: string, name: string): { release(): void; reached: boolean } {
  let release = (): void => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  const gate = { release, reached: false };
  const before: DiskFault = disk.fault;
  disk.fault = async (...operated) => {
    await before(...operated);
    if (operated[0] !== operation || operated[1] !== name) return;
    gate.reached = true;
    await opened;
  };
  return gate;
}

function failing(operation: string, name: string, times: number): DiskFault {
  let left = times;
  return async (...operated) => {
    if (operated[0] === operation && operated[1] === name && left-- > 0) {
      throw Object.assign(new Error("staged"), { code: "ENOSPC" });
    }
  };
}

const snapshotOf = (disk: MemoryDisk) => readMarksFile(disk.start(), "/store");

describe("a snapshot is written", () => {
  test("at close, human-readable, and not again when nothing has come", async () => {
    const disk = new MemoryDisk();
    const { store, commit } = await openMemoryStore(disk);
    await commit(idLine(a, 3), idLine(b, 4), idLine(a, 5));
    await store.close();
    const text = disk.get(MARKS).toString();
    const offset = disk.get(FIRST).length;
    expect(text).toMatch(
      `{"version":1,"segment":"${FIRST}","offset":${offset},"streams":[\n["${a}",5],\n["${b}",4]\n],"crc32":`,
    );
    expect(JSON.parse(text)).toMatchObject({ version: 1, segment: FIRST });
    const again = await openMemoryStore(disk);
    disk.fault = failing("open", DRAFT, 1);
    await again.store.close();
    expect(again.log).toEqual([]);
  });

  test("at the beginning of each segment", async () => {
    const disk = new MemoryDisk();
    const { commit } = await openMemoryStore(disk, onLine);
    await commit(idLine(a, 1));
    await commit(idLine(a, 2));
    await until(() => disk.get(MARKS).length > 0);
    disk.kill();
    expect(await snapshotOf(disk)).toMatchObject({ position: { segment: 2 }, streams: [a], marks: [2] });
  });

  test("after 64 MiB", async () => {
    const disk = new MemoryDisk();
    const { commit } = await openMemoryStore(disk, { segmentBytes: 2 ** 30 });
    const mib = 1024 ** 2;
    await commit(idLine(a, 1, "x".repeat(8 * mib - 200)));
    await commit(...Array.from({ length: 7 }, (_, index) => idLine(a, 2 + index, "x".repeat(8 * mib - 200))));
    await commit(idLine(a, 20));
    expect(disk.get(DRAFT)).toHaveLength(0);
    await commit(idLine(a, 21, "x".repeat(2000)));
    await until(() => disk.get(MARKS).length > 0);
    disk.kill();
    expect(await snapshotOf(disk)).toMatchObject({ streams: [a], marks: [21] });
  });
});

describe("what a snapshot holds", () => {
  test("committed marks only", async () => {
    const disk = new MemoryDisk();
    const { commit } = await openMemoryStore(disk, onLine);
    await commit(idLine(a, 1));
    const draft = hold(disk, "open", DRAFT);
    const third = hold(disk, "write", "0000000003.ndjson");
    await commit(idLine(a, 2));
    void commit(idLine(a, 3), idLine(b, 3)).catch(() => {});
    await until(() => third.reached && draft.reached);
    draft.release();
    await until(() => disk.get(MARKS).length > 0);
    disk.kill();
    expect(await snapshotOf(disk)).toMatchObject({ position: { segment: 2 }, streams: [a], marks: [2] });
  });

  test.each(["write", "memory"] as const)("with durability `%s`, lines on disk only", async (durability) => {
    const disk = new MemoryDisk();
    const { store, commit } = await openMemoryStore(disk, { ...onLine, durability });
    for (let sequence = 0; sequence < 5; sequence++) await commit(idLine(a, sequence));
    await store.close();
    disk.cutPower(0, false);
    const { position, marks } = await snapshotOf(disk);
    expect(marks).toEqual([4]);
    expect(disk.storedLines()).toEqual([0, 1, 2, 3, 4].map((sequence) => idLine(a, sequence).trim()));
    expect(position.offset).toBeGreaterThan(0);
  });

  test("any streams, whatever part of it is lost or changed", async () => {
    const disk = new MemoryDisk();
    const place = disk.start();
    const count = 10_000;
    const streams = Array.from({ length: count }, (_, index) => streamName(`${index}-`));
    const marks = streams.map((_, index) => index * 1e11);
    const snapshot = { position: { segment: 12, offset: 2 ** 40 }, streams, marks };
    await writeMarksFile(place, "/store", snapshot);
    expect(await readMarksFile(place, "/store")).toEqual(snapshot);
    const whole = disk.get(MARKS);
    for (let at = 0; at < whole.length; at += 997) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      for (const damaged of [changed, whole.subarray(0, at)]) {
        disk.put(MARKS, damaged);
        await expect(readMarksFile(place, "/store")).rejects.toThrow();
      }
    }
  });

  test("no stream at all", async () => {
    const place = new MemoryDisk().start();
    const snapshot = { position: { segment: 1, offset: 9 }, streams: [], marks: [] };
    await writeMarksFile(place, "/store", snapshot);
    expect(await readMarksFile(place, "/store")).toEqual(snapshot);
  });
});

describe("a snapshot that hangs or fails", () => {
  test("holds up no commit, and the next waits for it", async () => {
    const disk = new MemoryDisk();
    const drafts: string[] = [];
    const draft = hold(disk, "sync", DRAFT);
    const before = disk.fault;
    disk.fault = async (operation, name) => {
      if (operation === "open" && name === DRAFT) drafts.push(name);
      await before(operation, name);
    };
    const { store, commit } = await openMemoryStore(disk, onLine);
    for (let sequence = 0; sequence < 10; sequence++) await commit(idLine(a, sequence));
    expect(draft.reached).toBe(true);
    expect(drafts).toHaveLength(1);
    draft.release();
    await until(() => drafts.length === 2);
    await store.close();
    expect(await snapshotOf(disk)).toMatchObject({ position: { segment: 10 }, marks: [9] });
  });

  test.each(["open", "write", "sync", "rename"])(
    "%s: said once, the last one stays, and it is tried again",
    async (operation) => {
      const disk = new MemoryDisk();
      const first = await openMemoryStore(disk);
      await first.commit(idLine(a, 0));
      await first.store.close();
      const last = disk.get(MARKS);
      const { store, commit, log } = await openMemoryStore(disk, onLine);
      disk.fault = failing(operation, DRAFT, Number.POSITIVE_INFINITY);
      for (let sequence = 1; sequence < 10; sequence++) await commit(idLine(a, sequence));
      await until(() => log.length > 0);
      expect(disk.get(MARKS)).toEqual(last);
      disk.fault = async () => {};
      await store.close();
      expect(log).toEqual([
        "warn: store: marks.json cannot be written: no space left on device (ENOSPC); the next start must read more of the store",
      ]);
      expect((await snapshotOf(disk)).marks).toEqual([9]);
    },
  );

  test("is replaced whole by the next: what a killed server has left beside it does no harm", async () => {
    const disk = new MemoryDisk();
    disk.put(DRAFT, "x".repeat(100_000));
    const { store, commit } = await openMemoryStore(disk);
    await commit(idLine(a, 1));
    await store.close();
    expect((await snapshotOf(disk)).marks).toEqual([1]);
  });

  test("when the disk is written to by a killed server, the last one stays", async () => {
    const disk = new MemoryDisk();
    const first = await openMemoryStore(disk);
    await first.commit(idLine(a, 0));
    await first.store.close();
    const { commit } = await openMemoryStore(disk, onLine);
    const draft = hold(disk, "rename", DRAFT);
    await commit(idLine(a, 1));
    await until(() => draft.reached);
    disk.cutPower(0, false);
    expect((await snapshotOf(disk)).marks).toEqual([0]);
  });
});
