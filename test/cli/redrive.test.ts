import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closedPort } from "../support/listen.ts";
import { lastLine, mainScript, tidy } from "../support/logship.ts";
import { type Finished, type RunningNode, startNode } from "../support/run-node.ts";
import { acksLines, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { startServer, temporaryDirectory } from "../support/server.ts";
import { MISSING_FIELDS, OK } from "../support/wire.ts";

const OLD_ID = '"event_id":"AAAAAAAAAAAAAAAA:77"';

/** A dead letter as the client writes it. */
function record(message: string, reason = "no"): string {
  const event = `{"level":"INFO","message":"${message}","big":12345678901234567890.10,${OLD_ID}}`;
  return `{"time":"2024-03-04T06:58:14.012Z","reason":"${reason}","event":${event}}\n`;
}

interface Setup {
  readonly stateDir: string;
  /** The state folder's own dead-letter file. */
  readonly own: string;
  start(file: string, ...flags: string[]): RunningNode;
  run(file: string, ...flags: string[]): Promise<Finished>;
  /** What is in the state folder, but for what every client leaves there. */
  kept(): Promise<Record<string, string>>;
}

/** A state folder with dead letters, and a redrive to the port. */
async function setUp(port: number, content: string): Promise<Setup> {
  const stateDir = join(await temporaryDirectory(), "state");
  const own = join(stateDir, "dead-letter.ndjson");
  await mkdir(stateDir);
  await writeFile(own, content);
  const usual = ["--state-dir", stateDir, "--server-host", "127.0.0.1", "--server-port", `${port}`];
  const start = (file: string, ...flags: string[]): RunningNode =>
    startNode(mainScript, ["redrive", file, ...usual, "--backoff-base", "0.001", ...flags]);
  const kept = async (): Promise<Record<string, string>> => {
    const names = (await readdir(stateDir)).filter((name) => name.startsWith("dead-letter")).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(stateDir, name), "utf8")));
    return Object.fromEntries(names.map((name, index) => [name, texts[index]!]));
  };
  const run = async (file: string, ...flags: string[]): Promise<Finished> =>
    tidy(await start(file, ...flags).finished);
  return { stateDir, own, start, run, kept };
}

test("events are sent as they were, under ids of a new stream that count the bytes of the file", async () => {
  const server = await startServer();
  const content = `${record("one")}\n${record('q\\"uote')}`;
  const { own, run, kept } = await setUp(server.port, content);
  const finished = await run(own);
  expect(lastLine(finished)).toBe("Shipper finished: sent=2, failed=0, duplicate=0");
  expect(finished.code).toBe(0);
  const [first, second] = (await server.readStore()).trimEnd().split("\n");
  const stream = /"event_id":"([\w-]{16}):0"}$/.exec(first!)?.[1];
  expect(stream).not.toBe("AAAAAAAAAAAAAAAA");
  const event = (message: string, at: number): string =>
    `{"level":"INFO","message":"${message}","big":12345678901234567890.10,"event_id":"${stream}:${at}"}`;
  expect(first).toBe(event("one", 0));
  expect(second).toBe(event('q\\"uote', record("one").length + 1));
  expect(await kept()).toEqual({});
});

test("what is refused again is kept again, and the rest is done with: 65", async () => {
  const server = await scriptedServer(async (visit) => {
    await visit.lines(3);
    visit.send(OK + MISSING_FIELDS + OK);
  });
  const { own, run, kept } = await setUp(server.port, record("one") + record("two") + record("three"));
  const finished = await run(own, "--no-id");
  expect(finished.code).toBe(65);
  expect(lastLine(finished)).toBe("Shipper finished: sent=2, failed=1, duplicate=0");
  const [name, ...others] = Object.keys(await kept());
  expect([name, others]).toEqual(["dead-letter.ndjson", []]);
  expect(JSON.parse((await kept())["dead-letter.ndjson"]!)).toMatchObject({
    reason: "missing required fields: level, message",
    event: { message: "two" },
  });
  expect(server.visits[0]!.received.toString()).not.toContain("event_id");
});

test("another file stays as it is; refused events go to the state folder's", async () => {
  const { port } = await scriptedServer(async (visit) => {
    await visit.lines(1);
    visit.send(MISSING_FIELDS);
  });
  const { run, kept, stateDir } = await setUp(port, record("old"));
  const file = join(stateDir, "..", "saved.ndjson");
  await writeFile(file, record("one"));
  expect((await run(file)).code).toBe(65);
  expect(await readFile(file, "utf8")).toBe(record("one"));
  expect((await kept())["dead-letter.ndjson"]).toMatch(/"message":"old".*\n.*"message":"one".*\n$/);
});

test("the state folder's file is known under any name", async () => {
  const { port } = await scriptedServer(acksLines);
  const { run, kept, own, stateDir } = await setUp(port, record("one"));
  const alias = join(stateDir, "..", "alias");
  await symlink(own, alias);
  expect((await run(alias)).code).toBe(0);
  expect(await kept()).toEqual({});
});

describe("what is undelivered", () => {
  test("69: all of it, and it is named where it is", async () => {
    const { own, run, kept } = await setUp(await closedPort(), record("one"));
    const finished = await run(own);
    expect(finished.code).toBe(69);
    expect(finished.stderr).toContain(`what is left to be sent again is in ${own}.redriving-1\n`);
    expect(await kept()).toEqual({ "dead-letter.ndjson.redriving-1": record("one") });
  });

  test("75: what is settled is cut off, and the next redrive goes on there", async () => {
    const server = await scriptedServer(async (visit) => {
      await visit.lines(2);
      visit.ack(1);
    }, acksLines);
    const { own, start, run, kept } = await setUp(server.port, record("one") + record("two"));
    const flags = ["--batch-size", "1", "--ack-timeout", "600", "--drain-timeout", "0.05"];
    const { child, finished, says } = start(own, ...flags);
    await (await server.visit(1)).lines(2);
    child.kill("SIGTERM");
    await says(/SIGTERM/);
    expect(tidy(await finished).code).toBe(75);
    expect(await kept()).toEqual({ "dead-letter.ndjson.redriving-1": record("two") });
    expect((await run(`${own}.redriving-1`)).code).toBe(0);
    expect(server.visits[1]!.received.toString()).toContain('"message":"two"');
    expect(server.visits[1]!.newlines).toBe(1);
    expect(await kept()).toEqual({});
  });

  test("a file that was left behind is named, and no other takes its place", async () => {
    const { port } = await scriptedServer(acksLines);
    const { own, run, kept } = await setUp(port, record("one"));
    await writeFile(`${own}.redriving-1`, record("left"));
    const finished = await run(own);
    expect(finished.stderr).toContain(`warning: ${own}.redriving-1 was left behind by a redrive`);
    expect(finished.code).toBe(0);
    expect(await kept()).toEqual({ "dead-letter.ndjson.redriving-1": record("left") });
  });
});

test("lines that are no dead letters are told of and kept", async () => {
  const { port } = await scriptedServer(acksLines);
  const damaged = ['{"time":"2024', "[]", '{"event":7}', "null"];
  const { own, run, kept } = await setUp(port, `${damaged.join("\n")}\n${record("one")}`);
  const finished = await run(own);
  expect(finished.stderr).toContain(`warning: ${own} at byte 0: no dead letter\n`);
  expect(finished.stderr).toContain(`warning: 4 lines are no dead letter: kept in ${own}.damaged\n`);
  expect(lastLine(finished)).toBe("Shipper finished: sent=1, failed=0, duplicate=0");
  expect(await kept()).toEqual({ "dead-letter.ndjson.damaged": `${damaged.join("\n")}\n` });
});

test("records longer than a read come through", async () => {
  const server = await scriptedServer(acksLines);
  const long = "x".repeat(700_000);
  const { own, run } = await setUp(server.port, record("one") + record(long) + record("three").trimEnd());
  expect(lastLine(await run(own))).toBe("Shipper finished: sent=3, failed=0, duplicate=0");
  const messages = server.visits[0]!.received.toString().trimEnd().split("\n");
  expect(messages.map((line) => JSON.parse(line).message)).toEqual(["one", long, "three"]);
});

describe("what it does not take", () => {
  test.each<[string, number, string[], RegExp]>([
    ["no file", 64, ["redrive"], /^logship redrive: takes a FILE: logship redrive FILE\n$/],
    [
      "two files",
      64,
      ["redrive", "a", "b"],
      /^logship redrive: unexpected argument "b": it takes one FILE\n$/,
    ],
    [
      "a file that is missing",
      66,
      ["redrive", "none"],
      /^logship redrive: cannot read \S+none: no such file/,
    ],
    ["a folder", 66, ["redrive", "."], /^logship redrive: cannot read \S+: it is not a regular file\n$/],
    [
      "a flag of the client alone",
      64,
      ["redrive", "a", "--mode", "batch"],
      /^logship redrive: unknown flag --mode/,
    ],
  ])("%s: %i", async (_, code, args, message) => {
    const env = { STATE_DIR: join(await temporaryDirectory(), "state") };
    const finished = tidy(await startNode(mainScript, args, { env }).finished);
    expect(finished.code).toBe(code);
    expect(finished.stderr).toMatch(message);
  });

  test("a state folder that a client holds: 75, and nothing is moved", async () => {
    const server = await scriptedServer(staysSilent);
    const { own, start, run, kept } = await setUp(server.port, record("one"));
    start(own, "--ack-timeout", "600");
    await (await server.visit(1)).lines(1);
    const finished = await run(`${own}.redriving-1`);
    expect(finished.code).toBe(75);
    expect(finished.stderr).toContain("is in use by another running process");
    expect(Object.keys(await kept())).toEqual(["dead-letter.ndjson.redriving-1"]);
  });
});
