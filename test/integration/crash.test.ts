import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ServerProcess, startLogServer } from "../support/log-server.ts";
import { readStore, temporaryDirectory, until } from "../support/server.ts";
import { numberedLines, startShipment } from "../support/shipment.ts";

const LINES = 150_000;
const content = numberedLines(LINES);
/** Long enough for a server to come back, and more attempts than that takes. */
const patient = { backoffBaseMs: 20, backoffMaxMs: 200, connectAttempts: 1000 };

/** The numbers of the stored lines in the order in which each came first; every line must be whole. */
async function storedNumbers(storeDir: string): Promise<number[]> {
  const numbers = new Set<number>();
  for (const line of (await readStore(storeDir)).split("\n").slice(0, -1)) {
    const [, number] = /^\{"level":"UNKNOWN","message":"line (\d+)"\}$/.exec(line) ?? [];
    if (number === undefined) throw new Error(`the store holds ${JSON.stringify(line)}`);
    numbers.add(Number(number));
  }
  return [...numbers];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

async function endBy(server: ServerProcess, signal: NodeJS.Signals): Promise<void> {
  server.child.kill(signal);
  await server.finished;
}

describe.each<[NodeJS.Signals, string[]]>([
  ["SIGKILL", []],
  // With time to drain it might take all the lines that are left.
  ["SIGTERM", ["--drain-timeout", "0"]],
])("%s of the server in the middle of a run", (signal, flags) => {
  test.each([
    ["plain", false],
    ["gzip", true],
  ])("%s: every line arrives, in order, and what was acked before is there", async (_name, compress) => {
    const storeDir = join(await temporaryDirectory(), "store");
    const server = await startLogServer(storeDir, 0, ...flags);
    // A small window, so that the end finds the server at work.
    const options = { ...patient, compress, windowBytes: 128 * 1024, batchSize: 500 };
    const { shipper } = await startShipment(server.port, content, options);
    await until(() => shipper.stats().sent > LINES / 10);
    await endBy(server, signal);
    const acked = shipper.stats().sent;
    expect(acked).toBeLessThan(LINES);
    expect(await storedNumbers(storeDir).then((stored) => stored.slice(0, acked))).toEqual(upTo(acked));

    await startLogServer(storeDir, server.port);
    const stats = await shipper.finished();
    expect(stats).toMatchObject({ sent: LINES, failed: 0, unacked: 0, isComplete: true });
    expect(await storedNumbers(storeDir)).toEqual(upTo(LINES));
  });
});

test("kill -9 of the server as soon as the client has finished: every line is there", async () => {
  const storeDir = join(await temporaryDirectory(), "store");
  const server = await startLogServer(storeDir);
  const { shipper } = await startShipment(server.port, content);
  expect(await shipper.finished()).toMatchObject({ sent: LINES, isComplete: true });
  await endBy(server, "SIGKILL");
  expect(await storedNumbers(storeDir)).toEqual(upTo(LINES));
});

test("a server that is killed again and again: every line arrives", async () => {
  const storeDir = join(await temporaryDirectory(), "store");
  let server = await startLogServer(storeDir);
  const options = { ...patient, windowBytes: 64 * 1024, batchSize: 200 };
  const { shipper } = await startShipment(server.port, content, options);
  for (const part of [0.1, 0.3, 0.5, 0.7]) {
    await until(() => shipper.stats().sent > part * LINES);
    await endBy(server, "SIGKILL");
    server = await startLogServer(storeDir, server.port);
  }
  expect(await shipper.finished()).toMatchObject({ sent: LINES, isComplete: true });
  expect(await storedNumbers(storeDir)).toEqual(upTo(LINES));
});
