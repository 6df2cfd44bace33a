// `logship audit` as a person runs it, on what a real client delivered to a real server.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startLogServer } from "../support/log-server.ts";
import { logship, mainScript, startLogship, tidy } from "../support/logship.ts";
import { type Finished, runNode } from "../support/run-node.ts";
import { readStore, segmentsOf, temporaryDirectory, until } from "../support/server.ts";
import { numberedLines } from "../support/shipment.ts";

/** A folder with logs, a client's state and a server's store, and what can be done with them. */
interface Scene {
  readonly folder: string;
  readonly log: string;
  readonly store: string;
  readonly port: number;
  ship(...flags: string[]): Promise<void>;
  audit(...flags: string[]): Promise<Finished>;
  /** Changes the lines of the store. */
  damage(change: (lines: string[]) => void): Promise<void>;
}

async function scene(serverFlags: string[] = []): Promise<Scene> {
  const folder = await temporaryDirectory();
  const [log, store, state] = ["app.log", "store", "state"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const { port } = await startLogServer(store, 0, ...serverFlags);
  const common = ["--state-dir", state];
  return {
    folder,
    log,
    store,
    port,
    ship: async (...flags) => {
      const args = ["--server-port", `${port}`, "--log-file", `${folder}/*.log`, "--no-id=false"];
      const { code, stderr } = await logship([...common, ...args, ...flags]);
      expect({ code, stderr }).toMatchObject({ code: stderr.includes("refused") ? 65 : 0 });
    },
    audit: async (...flags) =>
      tidy(await runNode(mainScript, ["audit", ...common, "--store", store, ...flags])),
    damage: async (change) => {
      const lines = (await readStore(store)).split("\n").slice(0, -1);
      change(lines);
      const [first, ...others] = await segmentsOf(store);
      await writeFile(join(store, first!), lines.map((line) => `${line}\n`).join(""));
      for (const name of others) await writeFile(join(store, name), "");
    },
  };
}

/** The last line of an audit, with the figures that are not zero. */
function sum({ stdout }: Finished): string {
  const [, figures] = /^Audit finished: (.*)\n$/m.exec(stdout) ?? [];
  return figures!
    .split(", ")
    .filter((figure) => !figure.endsWith("=0"))
    .join(", ");
}

/** What an audit names. */
function findings({ stdout }: Finished): string[] {
  return stdout.split("\n").filter((line) => line.includes(" bytes "));
}

const HUNDRED = numberedLines(100); // 7 bytes each up to line 9, then 8, then one of 9
const at = (line: number): number => numberedLines(line - 1).length;
const bytes = (line: number): string => `${at(line)}-${at(line + 1)}`;

test("what was delivered is there: nothing to say, exit code 0", async () => {
  const { log, ship, audit } = await scene();
  await writeFile(log, `${HUNDRED}\n \n${HUNDRED}the end`);
  await ship();
  const audited = await audit();
  expect(audited).toMatchObject({ code: 0, stderr: "" });
  expect(findings(audited)).toEqual([]);
  expect(sum(audited)).toBe("files=1, lines=201");
});

describe("a damaged store", () => {
  test("each line is named by file and bytes, exit code 65", async () => {
    const { folder, log, ship, audit, damage } = await scene();
    const other = join(folder, "other.log");
    await writeFile(log, HUNDRED);
    await writeFile(other, HUNDRED);
    await ship();
    await damage((lines) => {
      const of = (file: number, line: number): number => 100 * file + line - 1;
      lines.push(lines[of(0, 7)]!);
      lines[of(0, 20)] = lines[of(0, 20)]!.replace("line 20", "line 21");
      lines.splice(of(1, 99), 1);
      lines.splice(of(0, 3), 2);
    });
    const audited = await audit();
    expect(audited.code).toBe(65);
    expect(findings(audited)).toEqual([
      `missing ${log} bytes ${bytes(3)}`,
      `missing ${log} bytes ${bytes(4)}`,
      `repeated ${log} bytes ${bytes(7)}`,
      `altered ${log} bytes ${bytes(20)}`,
      `missing ${other} bytes ${bytes(99)}`,
    ]);
    expect(sum(audited)).toBe("files=2, lines=200, missing=3, repeated=1, altered=1");
  });

  test("a large one, of which the most is well", async () => {
    const { log, ship, audit, damage } = await scene();
    await writeFile(log, numberedLines(100_000));
    await ship();
    await damage((lines) => lines.splice(77_776, 1));
    const audited = await audit();
    expect(findings(audited)).toEqual([`missing ${log} bytes ${bytes(77_777)}`]);
    expect(sum(audited)).toBe("files=1, lines=100000, missing=1");
  });

  test("what comes behind the checkpoint is not judged", async () => {
    const { log, ship, audit, damage } = await scene();
    await writeFile(log, HUNDRED);
    await ship();
    await appendFile(log, "not delivered yet\n");
    await damage((lines) => lines.push(lines.at(-1)!.replace(/:\d+"}$/, `:${HUNDRED.length}"}`)));
    expect(await audit()).toMatchObject({ code: 0 });
  });

  test("a line that is being written to the store is not looked at", async () => {
    const { log, store, ship, audit } = await scene();
    await writeFile(log, HUNDRED);
    await ship();
    await appendFile(join(store, "0000000001.ndjson"), '{"level":"INFO"');
    expect(await audit()).toMatchObject({ code: 0 });
  });
});

describe("files that have moved", () => {
  test.each<[string, (log: string) => Promise<string>]>([
    [
      "renamed",
      async (log) => {
        await rename(log, `${log}.1`);
        return `${log}.1`;
      },
    ],
    [
      "compressed",
      async (log) => {
        execFileSync("gzip", [log]);
        return `${log}.gz`;
      },
    ],
  ])("%s: found by its content", async (_name, move) => {
    const { log, ship, audit, damage } = await scene();
    await writeFile(log, HUNDRED);
    await ship();
    const path = await move(log);
    await writeFile(log, "another file\n");
    await damage((lines) => lines.splice(49, 1));
    expect(findings(await audit())).toEqual([`missing ${path} bytes ${bytes(50)}`]);
  });

  test("one that is gone cannot be audited, which is no fault of the store", async () => {
    const { folder, log, ship, audit } = await scene();
    await writeFile(log, HUNDRED);
    await writeFile(join(folder, "b.log"), HUNDRED);
    await ship();
    await rm(log);
    const audited = await audit();
    expect(audited.code).toBe(0);
    expect(audited.stdout).toContain(`unauditable ${log}: its content is neither there`);
    expect(sum(audited)).toBe("files=1, lines=100, unauditable=1");
  });
});

test("a line that was shipped in two parts, as its file ended in between", async () => {
  const { log, ship, audit, damage } = await scene();
  await writeFile(log, `${HUNDRED}the first half`);
  await ship();
  await appendFile(log, ", the second\nand more\n");
  await ship();
  const audited = await audit();
  expect(audited.code).toBe(0);
  expect(sum(audited)).toBe("files=1, lines=102");

  const cut = HUNDRED.length + "the first half".length;
  await damage((lines) => lines.splice(100, 1));
  expect(findings(await audit())).toEqual([`missing ${log} bytes ${HUNDRED.length}-${cut}`]);
});

test("refused lines are in the dead letters, and not missing", async () => {
  const { log, ship, audit } = await scene(["--event-bytes-max", "1K"]);
  await writeFile(log, `short\n${"x".repeat(2000)}\nshort\n`);
  await ship();
  const audited = await audit();
  expect(audited.code).toBe(0);
  expect(findings(audited)).toEqual([`refused ${log} bytes 6-2007`]);
  expect(sum(audited)).toBe("files=1, lines=3, refused=1");
});

test("what was there before --start-at=end is not expected", async () => {
  const { log, store, folder, port, audit } = await scene();
  const state = join(folder, "state");
  await writeFile(log, HUNDRED);
  const flags = ["--mode", "continuous", "--state-dir", state, "--log-file", log, "--no-id=false"];
  const client = await startLogship([...flags, "--server-port", `${port}`]);
  await until(() => existsSync(join(state, "checkpoint.json")));
  await appendFile(log, "new\n");
  await until(async () => (await readStore(store)) !== "");
  client.child.kill("SIGTERM");
  await client.finished;
  const audited = await audit();
  expect(audited.code).toBe(0);
  expect(sum(audited)).toBe("files=1, lines=1");
});

describe("settings that shape events", () => {
  test("must be the ones of the client", async () => {
    const { log, ship, audit } = await scene();
    const flags = ["--field", "service=shop", "--file-field", "--format", "text", "--unparsed", "skip"];
    await writeFile(log, `2024-01-15 08:23:45 INFO one\nno format\n2024-01-15 08:23:45 INFO two\n`);
    await ship(...flags, "--line-bytes-max", "64");
    expect(sum(await audit(...flags, "--line-bytes-max", "64"))).toBe("files=1, lines=2");
    const others = await audit("--format", "text");
    expect(others.code).toBe(65);
    expect(sum(others)).toBe("files=1, lines=3, missing=1, altered=2");
    expect(others.stdout).toContain("--field");
  });
});

describe("several streams and stores", () => {
  test("streams that the state folder does not know are counted, not judged", async () => {
    const { log, ship, audit } = await scene();
    await writeFile(log, HUNDRED);
    await ship("--no-id");
    await ship("--again");
    await ship("--again");
    const audited = await audit();
    expect(audited.code).toBe(0);
    expect(audited.stdout).toContain(
      "not judged: 100 events of 1 streams that the state folder does not know\n",
    );
    expect(audited.stdout).toContain("not judged: 100 events without an id ");
  });

  test("two stores together hold every line once; one named twice is still one", async () => {
    const { folder, log, store, ship, audit, damage } = await scene();
    await writeFile(log, HUNDRED);
    await ship();
    const second = join(folder, "second");
    await mkdir(second);
    let moved = "";
    await damage((lines) => {
      moved = lines.splice(40, 10).join("\n");
    });
    await writeFile(join(second, "0000000001.ndjson"), `${moved}\n`);
    expect(sum(await audit())).toContain("missing=10");
    expect(await audit("--store", second, "--store", `${store}/../store`)).toMatchObject({ code: 0 });
  });
});

describe("what there is not", () => {
  test.each<[string, string[], number, RegExp]>([
    ["no --store", [], 64, /^logship audit: --store is missing/],
    [
      "a store that does not exist",
      ["--store", "/nowhere"],
      66,
      /cannot read the store \/nowhere: no such file/,
    ],
    ["a folder that is no store", ["--store", "."], 66, / is no store: no segment such as 0000000001.ndjson/],
  ])("%s", async (_name, flags, code, message) => {
    const { folder, log, ship } = await scene();
    await writeFile(log, HUNDRED);
    await ship();
    const audited = tidy(
      await runNode(mainScript, ["audit", "--state-dir", join(folder, "state"), ...flags]),
    );
    expect(audited).toMatchObject({ code, stdout: "" });
    expect(audited.stderr).toMatch(message);
  });

  test("a state folder that no client has used", async () => {
    const { audit } = await scene();
    const audited = await audit();
    expect(audited.code).toBe(66);
    expect(audited.stderr).toMatch(
      /^logship audit: nothing is known in the state folder .*--state-dir names another\n$/,
    );
  });
});
