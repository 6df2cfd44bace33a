// Standard input: lines from a pipe, which can be read only once.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { createShipper, type Shipper, type ShipperOptions } from "../../src/shipper.ts";
import { closedPort } from "../support/listen.ts";
import { lastLine, mainScript, startLogship, tidy } from "../support/logship.ts";
import { type RunningNode, runNode } from "../support/run-node.ts";
import { acksLines, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { startServer, temporaryDirectory, until } from "../support/server.ts";
import { numberedEvents, numberedLines } from "../support/shipment.ts";

interface PipeShipment {
  readonly shipper: Shipper;
  readonly pipe: PassThrough;
  readonly stateDir: string;
}

/** A shipper that reads a pipe. */
async function shipPipe(serverPort: number, options: Partial<ShipperOptions> = {}): Promise<PipeShipment> {
  const stateDir = join(await temporaryDirectory(), "state");
  const pipe = new PassThrough();
  const usual = { logFile: "-", stdin: pipe, noId: true, stateDir, serverHost: "127.0.0.1", serverPort };
  const shipper = createShipper({ ...usual, backoffBaseMs: 1, drainTimeoutMs: 100, ...options });
  await shipper.start();
  onTestFinished(() => shipper.stop().then(...[() => {}, () => {}]));
  return { shipper, pipe, stateDir };
}

async function startPipe(port: number, ...flags: string[]): Promise<RunningNode> {
  return startLogship(["--log-file", "-", "--server-port", `${port}`, ...flags], { stdin: "pipe" });
}

describe.each(["batch", "continuous"])("in %s mode", (mode) => {
  test("lines are shipped as they come; the end of the input ends the run", async () => {
    const server = await scriptedServer(acksLines);
    const { child, finished } = await startPipe(server.port, "--mode", mode);
    child.stdin!.write("line 1\nli");
    const visit = await server.visit(1);
    await visit.lines(1);
    expect(visit.received.toString()).toBe(numberedEvents(1));
    child.stdin!.write("ne 2\nline 3");
    await visit.lines(2);
    child.stdin!.end();
    const end = tidy(await finished);
    expect(visit.received.toString()).toBe(numberedEvents(3));
    expect(lastLine(end)).toBe("Shipper finished: sent=3, failed=0, duplicate=0");
    expect(end.code).toBe(0);
  });

  test("SIGTERM while it waits for input ends it", async () => {
    const server = await scriptedServer(acksLines);
    const { child, finished } = await startPipe(server.port, "--mode", mode);
    child.stdin!.write("line 1\nline 2");
    await (await server.visit(1)).lines(1);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(lastLine(end)).toBe("Shipper finished: sent=2, failed=0, duplicate=0");
    expect(server.visits[0]!.received.toString()).toBe(numberedEvents(2));
    expect(end.code).toBe(0);
  });

  test("what is left at the end is counted", async () => {
    const { port } = await scriptedServer(staysSilent);
    const flags = [
      "--mode",
      mode,
      "--ack-timeout",
      "0.05",
      "--connect-attempts",
      "2",
      "--drain-timeout",
      "0.1",
    ];
    const { child, finished } = await startPipe(port, ...flags);
    child.stdin!.end(numberedLines(3));
    const end = tidy(await finished);
    expect(end.stderr).toMatch(/^Undelivered: the last 21 of 21 bytes \(3 lines read and not acked\)$/m);
    expect(end.code).toBe(75);
  });
});

test.each([
  ["", 0],
  ["\n", 0],
  ["line 1\n", 1],
  ["line 1\nline 2", 2],
])("an input may have ended before it is read: %j", async (content, sent) => {
  const server = await scriptedServer(acksLines);
  const stdin = new PassThrough();
  stdin.end(content);
  const { shipper } = await shipPipe(server.port, { stdin });
  expect(await shipper.finished()).toMatchObject({ sent, isComplete: true });
});

test("an empty input needs no server", async () => {
  const { child, finished } = await startPipe(await closedPort());
  child.stdin!.end();
  const { code, stderr } = tidy(await finished);
  expect([code, stderr]).toEqual([0, "Shipper finished: sent=0, failed=0, duplicate=0\n"]);
});

test("ids name a new stream in each run, and where the line is in the pipe", async () => {
  const server = await startServer();
  const streams: string[] = [];
  for (const _ of [1, 2]) {
    const { pipe, shipper } = await shipPipe(server.port, { noId: false });
    pipe.write("one\n\n");
    await until(() => shipper.stats().sent === 1);
    pipe.end("two");
    expect(await shipper.finished()).toMatchObject({
      sent: 2,
      duplicate: 0,
      isComplete: true,
      settledBytes: 8,
    });
    const ids = (await server.readStore()).trimEnd().split("\n").slice(-2);
    const [first, second] = ids.map((line) => JSON.parse(line).event_id.split(":"));
    expect([first[1], second[1]]).toEqual(["0", "5"]);
    expect(first[0]).toBe(second[0]);
    streams.push(first[0]);
  }
  expect(new Set(streams).size).toBe(2);
});

test("the checkpoint of the files is left as it is", async () => {
  const { port } = await scriptedServer(acksLines);
  const { stateDir, pipe, shipper } = await shipPipe(port);
  pipe.end("x\n");
  await shipper.finished();
  const logFile = join(stateDir, "..", "app.log");
  await writeFile(logFile, "x\n");
  const files = createShipper({ logFile, stateDir, serverHost: "127.0.0.1", serverPort: port });
  await files.start();
  await files.finished();
  const before = await readFile(join(stateDir, "checkpoint.json"), "utf8");
  const stdin = new PassThrough();
  const again = createShipper({ logFile: "-", stdin, stateDir, serverHost: "127.0.0.1", serverPort: port });
  await again.start();
  stdin.end("y\n");
  expect(await again.finished()).toMatchObject({ sent: 1 });
  expect(await readFile(join(stateDir, "checkpoint.json"), "utf8")).toBe(before);
});

test("no more is read than there is room for", async () => {
  const { pipe, shipper } = await shipPipe(await closedPort(), {
    mode: "continuous",
    windowBytes: 64 * 1024,
    backoffMaxMs: 5,
  });
  let taken = 0;
  const block = Buffer.from(numberedLines(1000));
  while (shipper.stats().retries < 5) {
    if (!pipe.writableNeedDrain) {
      pipe.write(block);
      taken++;
    }
    await new Promise(setImmediate);
  }
  expect(pipe.writableNeedDrain).toBe(true);
  // The window, the batch that waits, the reader's buffer and those of the pipe.
  expect(taken * block.length).toBeLessThan(1024 * 1024);
});

test("an input that breaks is told of, after what was read is delivered", async () => {
  const server = await scriptedServer(acksLines);
  const { pipe, shipper } = await shipPipe(server.port);
  pipe.write("line 1\n");
  await until(() => shipper.stats().sent === 1);
  pipe.destroy(Object.assign(new Error("staged"), { code: "EIO" }));
  await expect(shipper.finished()).rejects.toMatchObject({
    exitCode: 66,
    message: "cannot read standard input: input/output error (EIO)",
  });
});

describe("it stands alone", () => {
  test("on the command line", async () => {
    const finished = tidy(await runNode(mainScript, ["--log-file", "-", "--log-file", "app.log"]));
    const stderr = "logship: --log-file - is standard input, which cannot be shipped together with files\n";
    expect(finished).toEqual({ code: 64, stdout: "", stderr });
  });

  test("in a program", () => {
    expect(() => createShipper({ logFile: ["-", "app.log"] })).toThrow("logFile: - stands alone");
  });
});
