import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ConfigError, LogshipError } from "../../src/errors.ts";
import { Store, type StoreOptions } from "../../src/server/store.ts";
import { FaultyFileSystem } from "../support/faulty-file-system.ts";
import { readStore, segmentsOf, temporaryDirectory, until } from "../support/server.ts";
import { eventLine } from "../support/wire.ts";

interface Setup {
  readonly store: Store;
  readonly storeDir: string;
  readonly disk: FaultyFileSystem;
  readonly log: string[];
  append(...lines: string[]): Promise<void>;
}

async function openStore(options: Partial<StoreOptions> = {}): Promise<Setup> {
  const storeDir = options.storeDir ?? join(await temporaryDirectory(), "a", "store");
  const disk = new FaultyFileSystem();
  const log: string[] = [];
  const store = new Store({
    segmentBytes: 1024 * 1024,
    durability: "disk",
    fileSystem: disk,
    report: (level, message) => log.push(`${level}: ${message}`),
    onRoom: () => {},
    ...options,
    storeDir,
  });
  onTestFinished(() => {
    disk.mend();
    return store.close();
  });
  await store.open();
  const append = (...lines: string[]): Promise<void> => {
    const buffers = lines.map((line) => Buffer.from(line));
    return store.append(buffers, Buffer.concat(buffers).length, lines.length);
  };
  return { store, storeDir, disk, log, append };
}

/** What a promise came to so far. */
function watch(promise: Promise<void>): { state: "pending" | "resolved" | "rejected" } {
  const watched: { state: "pending" | "resolved" | "rejected" } = { state: "pending" };
  promise.then(
    () => (watched.state = "resolved"),
    () => (watched.state = "rejected"),
  );
  return watched;
}

const line = (name: string): string => eventLine(name);

describe("committing", () => {
  test("an append resolves only when it is synced", async () => {
    const { disk, append, storeDir } = await openStore();
    const release = disk.hold("sync");
    const appended = append(line("a"));
    const watched = watch(appended);
    await until(
      async () => disk.calls.at(-1) === "sync 0000000001.ndjson" && (await readStore(storeDir)) === line("a"),
    );
    expect(watched.state).toBe("pending");
    release();
    await appended;
  });

  test("what comes during a commit is the next commit, in one go and with one promise", async () => {
    const { store, disk, append, storeDir } = await openStore();
    const release = disk.hold("sync");
    const first = append(line("a"));
    await until(() => disk.calls.at(-1) === "sync 0000000001.ndjson");
    const second = append(line("b"));
    expect(append(line("c"), line("d"))).toBe(second);
    expect(second).not.toBe(first);
    release();
    await second;
    expect(store.stats).toMatchObject({ commits: 2, linesStored: 4, bytesStored: 4 * line("a").length });
    expect(await readStore(storeDir)).toBe(["a", "b", "c", "d"].map(line).join(""));
  });

  test("appends of one turn are one commit", async () => {
    const { store, append } = await openStore();
    await Promise.all([append(line("a")), append(line("b")), append(line("c"))]);
    expect(store.stats.commits).toBe(1);
  });

  test("short writes are carried on with", async () => {
    const { disk, append, storeDir } = await openStore();
    disk.writeBytesMax = 7;
    await append(line("a"), line("b"), line("c"));
    expect(await readStore(storeDir)).toBe(line("a") + line("b") + line("c"));
  });

  test("more buffers than one write takes", async () => {
    const { append, storeDir, store } = await openStore();
    const lines = Array.from({ length: 5000 }, (_, index) => line(`${index}`));
    await append(...lines);
    expect(await readStore(storeDir)).toBe(lines.join(""));
    expect(store.stats.commits).toBe(1);
  });

  test("`write` does not wait for a sync", async () => {
    const { disk, append, storeDir } = await openStore({ durability: "write" });
    disk.hold("sync");
    await append(line("a"));
    expect(await readStore(storeDir)).toBe(line("a"));
  });

  test("`memory` does not wait for the write, until too much waits", async () => {
    let rooms = 0;
    const { store, disk, append } = await openStore({ durability: "memory", onRoom: () => rooms++ });
    const release = disk.hold("write");
    await append(line("a"));
    const big = Buffer.alloc(33 * 1024 * 1024, "\n");
    await store.append([big], big.length, 1);
    expect(store.isFull).toBe(false);
    const waits = store.append([big], big.length, 1);
    expect(store.isFull).toBe(true);
    const watched = watch(waits);
    await until(() => disk.calls.at(-1) === "write 0000000001.ndjson");
    expect(watched.state).toBe("pending");
    release();
    await waits;
    expect([store.isFull, rooms]).toEqual([false, 1]);
  });

  test("close commits what waits, and takes nothing more", async () => {
    const { store, append, storeDir } = await openStore();
    const appended = append(line("a"));
    await store.close();
    await appended;
    expect(await readStore(storeDir)).toBe(line("a"));
    await expect(append(line("b"))).rejects.toThrow("closed");
    await store.close();
  });
});

describe("segments", () => {
  const size = line("a").length;

  test("an append that would pass the limit begins the next, and none is split", async () => {
    const { append, storeDir } = await openStore({ segmentBytes: 2 * size });
    const appends = [
      append(line("a")),
      append(line("b")),
      append(line("c"), line("d"), line("e")),
      append(line("f")),
    ];
    await Promise.all(appends);
    await append(line("g"));
    await append(line("h"));
    const names = await segmentsOf(storeDir);
    expect(names).toEqual([1, 2, 3, 4].map((number) => `000000000${number}.ndjson`));
    const texts = await Promise.all(names.map((name) => readFile(join(storeDir, name), "utf8")));
    expect(texts).toEqual(
      [["a", "b"], ["c", "d", "e"], ["f", "g"], ["h"]].map((names) => names.map(line).join("")),
    );
  });

  test("the directory is synced before the first ack from a new segment", async () => {
    const { append, disk } = await openStore({ segmentBytes: size });
    await append(line("a"));
    disk.calls.length = 0;
    await append(line("b"));
    expect(disk.calls).toEqual([
      "open 0000000002.ndjson",
      "size 0000000002.ndjson",
      "syncDirectory store",
      "write 0000000002.ndjson",
      "sync 0000000002.ndjson",
    ]);
  });

  test("a store goes on where it stopped", async () => {
    const first = await openStore({ segmentBytes: 2 * size });
    for (const name of ["a", "b", "c"]) await first.append(line(name));
    await first.store.close();
    const { append, storeDir } = await openStore({ storeDir: first.storeDir, segmentBytes: 2 * size });
    await append(line("d"));
    await append(line("e"));
    expect(await segmentsOf(storeDir)).toHaveLength(3);
    expect(await readStore(storeDir)).toBe(["a", "b", "c", "d", "e"].map(line).join(""));
  });
});

describe("repair on opening", () => {
  const big = "x".repeat(200_000);
  test.each([
    ["nothing is torn", line("a") + line("b"), ""],
    ["half a line", line("a"), '{"level":"I'],
    ["only half a line", "", '{"lev'],
    ["half a line longer than a block", line("a"), big],
    ["zeros, as a power cut leaves them", line("a"), "\0".repeat(70_000)],
    ["an empty file", "", ""],
  ])("%s", async (_name, whole, torn) => {
    const storeDir = await temporaryDirectory();
    await writeFile(join(storeDir, "0000000003.ndjson"), line("before"));
    await writeFile(join(storeDir, "0000000004.ndjson"), whole + torn);
    const { append, store, log } = await openStore({ storeDir });
    expect(store.stats.bytesRepaired).toBe(torn.length);
    const report = `warn: store: cut ${torn.length} bytes of an unfinished, unacked line off the end of ${storeDir}/0000000004.ndjson`;
    expect(log.filter((entry) => entry.startsWith("warn"))).toEqual(torn === "" ? [] : [report]);
    await append(line("after"));
    expect(await readStore(storeDir)).toBe(line("before") + whole + line("after"));
  });
});

describe("opening", () => {
  test("makes the directory and syncs its parents", async () => {
    const { disk } = await openStore();
    expect(disk.calls.slice(0, 3)).toEqual([
      "makeDirectory store",
      "syncDirectory a",
      expect.stringMatching("^syncDirectory logship"),
    ]);
  });

  test("refuses a directory that another has, and takes it when that one has closed", async () => {
    const { store, storeDir } = await openStore();
    const second = openStore({ storeDir });
    await expect(second).rejects.toMatchObject({ code: "ERR_LOCKED", exitCode: 75 });
    await expect(second).rejects.toThrow("is in use by another running process");
    await store.close();
    await openStore({ storeDir });
  });

  test("knows a directory under another name", async () => {
    const { storeDir } = await openStore();
    await expect(openStore({ storeDir: join(storeDir, "..", "store") })).rejects.toBeInstanceOf(LogshipError);
  });

  test("names a place where no store can be", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "file"), "");
    const opened = openStore({ storeDir: join(directory, "file", "store") });
    await expect(opened).rejects.toBeInstanceOf(ConfigError);
    await expect(opened).rejects.toThrow(
      `the store ${directory}/file/store cannot be used: not a directory (ENOTDIR)`,
    );
  });

  test.each(["open", "size", "list", "makeDirectory", "syncDirectory"] as const)(
    "fails clearly when %s does, and lets the lock go",
    async (operation) => {
      const storeDir = await temporaryDirectory();
      const fileSystem = new FaultyFileSystem();
      fileSystem.fail(operation, "EACCES");
      const opened = openStore({ storeDir, fileSystem });
      await expect(opened).rejects.toMatchObject({ exitCode: 78 });
      await expect(opened).rejects.toThrow("permission denied (EACCES)");
      await openStore({ storeDir });
    },
  );

  test("says so where directories cannot be locked", async () => {
    const platform = Object.getOwnPropertyDescriptor(process, "platform")!;
    Object.defineProperty(process, "platform", { ...platform, value: "darwin" });
    onTestFinished(() => void Object.defineProperty(process, "platform", platform));
    const { log, storeDir } = await openStore();
    expect(log).toEqual([`warn: store: ${storeDir} cannot be locked on this system: run one server only`]);
  });

  test("leaves other files alone", async () => {
    const storeDir = await temporaryDirectory();
    await writeFile(join(storeDir, "99.ndjson"), "mine");
    await mkdir(join(storeDir, "folder"));
    const { append } = await openStore({ storeDir });
    await append(line("a"));
    expect((await readdir(storeDir)).sort()).toEqual(["0000000001.ndjson", "99.ndjson", "folder"]);
    expect(await readFile(join(storeDir, "99.ndjson"), "utf8")).toBe("mine");
  });
});

describe("faults", () => {
  test.each([
    ["write", "ENOSPC", "no space left on device (ENOSPC)", 2],
    ["write", "EIO", "input/output error (EIO)", 2],
    ["sync", "EIO", "input/output error (EIO)", 4], // each time in the commit and in the cut
  ] as const)(
    "%s fails with %s: rejected, cut off, reported once, and over by itself",
    async (operation, code, words, times) => {
      const { disk, append, storeDir, store, log } = await openStore();
      await append(line("a"));
      disk.fail(operation, code, times, 9);
      await expect(append(line("b"))).rejects.toThrow(code);
      expect(await readStore(storeDir)).toBe(line("a"));
      await expect(append(line("c"))).rejects.toThrow(code);
      await append(line("d"));
      expect(await readStore(storeDir)).toBe(line("a") + line("d"));
      expect(log).toEqual([
        `error: store: ${storeDir} cannot be written: ${words}; nothing is acked until it can`,
        `info: store: ${storeDir} can be written again`,
      ]);
      expect(store.stats).toMatchObject({ commitsFailed: 2, linesStored: 2, linesLost: 0 });
    },
  );

  test("a failed sync abandons the segment", async () => {
    const { disk, append, storeDir } = await openStore();
    await append(line("a"));
    disk.fail("sync", "EIO", 1);
    await expect(append(line("b"))).rejects.toThrow("EIO");
    await append(line("c"));
    expect(await readFile(join(storeDir, "0000000001.ndjson"), "utf8")).toBe(line("a"));
    expect(await readFile(join(storeDir, "0000000002.ndjson"), "utf8")).toBe(line("c"));
  });

  test("all that wait behind a failure are rejected, in order, and stored nowhere", async () => {
    const { disk, append, storeDir } = await openStore();
    const release = disk.hold("write");
    const settled: string[] = [];
    const first = append(line("a")).catch(() => settled.push("a"));
    await until(() => disk.calls.at(-1) === "write 0000000001.ndjson");
    const second = append(line("b")).catch(() => settled.push("b"));
    disk.fail("write", "EIO", 1);
    release();
    await Promise.all([first, second]);
    expect(settled).toEqual(["a", "b"]);
    await append(line("c"));
    expect(await readStore(storeDir)).toBe(line("c"));
  });

  test("while the cut fails nothing is written behind the torn line", async () => {
    const { disk, append, storeDir } = await openStore({ segmentBytes: 3 * line("a").length });
    await append(line("a"));
    disk.fail("write", "ENOSPC", 1, 9);
    disk.fail("truncate", "EIO", 3);
    await expect(append(line("b"))).rejects.toThrow("ENOSPC");
    expect(await readStore(storeDir)).toBe(line("a") + line("b").slice(0, 9));
    await expect(append(line("c"), line("c"), line("c"))).rejects.toThrow("EIO");
    expect(await readdir(storeDir)).toHaveLength(1);
    await append(line("d"));
    expect(await readStore(storeDir)).toBe(line("a") + line("d"));
  });

  test("a cut that failed is tried once more on closing", async () => {
    const { disk, append, storeDir, store } = await openStore();
    await append(line("a"));
    disk.fail("write", "ENOSPC", 1, 9);
    disk.fail("truncate", "EIO", 1);
    await expect(append(line("b"))).rejects.toThrow("ENOSPC");
    await store.close();
    expect(await readStore(storeDir)).toBe(line("a"));
  });

  test.each(["open", "syncDirectory"] as const)(
    "a new segment that cannot be begun (%s) is tried again",
    async (operation) => {
      const { disk, append, storeDir } = await openStore({ segmentBytes: line("a").length });
      await append(line("a"));
      disk.fail(operation, "ENOSPC", 1);
      await expect(append(line("b"))).rejects.toThrow("ENOSPC");
      await append(line("c"));
      expect(await segmentsOf(storeDir)).toEqual(["0000000001.ndjson", "0000000002.ndjson"]);
      expect(await readStore(storeDir)).toBe(line("a") + line("c"));
    },
  );

  test("a write that takes nothing is a failure, not a hang", async () => {
    const { disk, append } = await openStore();
    disk.writeBytesMax = 0;
    await expect(append(line("a"))).rejects.toThrow("takes no more bytes");
  });

  test("with `memory` what could not be written is counted as lost", async () => {
    const { disk, append, store } = await openStore({ durability: "memory" });
    disk.fail("write", "ENOSPC", 1);
    await append(line("a"), line("b"));
    await until(() => store.stats.commitsFailed === 1);
    expect(store.stats).toMatchObject({ linesLost: 2, linesStored: 0 });
    disk.fail("write", "ENOSPC", 1);
    await expect(append(line("c"))).rejects.toThrow("ENOSPC"); // in trouble nothing more is promised early
    await append(line("d"));
    expect(store.stats).toMatchObject({ linesLost: 2, linesStored: 1 });
  });
});
