// Resilient mode: the client reads on while the server is away, as far as its buffer goes.
import { appendFile, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Shipper } from "../../src/shipper.ts";
import { closedPort } from "../support/listen.ts";
import { scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { startServer, until } from "../support/server.ts";
import { numberedEvents, numberedLines, type Shipment, startShipment } from "../support/shipment.ts";

const EVENT_BYTES = numberedEvents(1).length;
/** Follows a file from its beginning and tries to connect again at once, so that a test has not to wait. */
const following = {
  mode: "continuous",
  startAt: "beginning",
  healthIntervalMs: 10,
  drainTimeoutMs: 50,
} as const;
const resilient = { ...following, resilient: true, bufferSize: 100 } as const;

/** The messages of the server's lines, in order. */
function numbersIn(events: string): number[] {
  return [...events.matchAll(/"line (\d+)"/g)].map(([, number]) => Number(number));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** How many lines are read of a file whose server is away: so many at least, and what comes in a while more. */
async function linesRead(shipper: Shipper, atLeast: number): Promise<number> {
  await until(() => shipper.stats().unacked >= atLeast);
  const { retries } = shipper.stats();
  await until(() => shipper.stats().retries > retries + 3);
  return shipper.stats().unacked;
}

/** How far the checkpoint is, in bytes. */
async function checkpointOffset({ stateDir }: Shipment): Promise<number> {
  const { files } = JSON.parse(await readFile(join(stateDir, "checkpoint.json"), "utf8"));
  return files[0].offset;
}

describe("while the server is away", () => {
  test("basic mode reads as far as its window", async () => {
    const options = { ...following, windowBytes: 12 * EVENT_BYTES, batchSize: 5 };
    const { shipper } = await startShipment(await closedPort(), numberedLines(200), options);
    // One batch more than fits is read, and waits for room.
    expect(await linesRead(shipper, 15)).toBe(15);
  });

  test("resilient mode reads on to its bound in lines", async () => {
    const options = { ...resilient, windowBytes: 10 * EVENT_BYTES, batchSize: 5 };
    const { shipper } = await startShipment(await closedPort(), numberedLines(200), options);
    expect(await linesRead(shipper, 105)).toBe(105);
    expect(shipper.stats().dropped).toBe(0);
  });

  test("and to its bound in bytes", async () => {
    const options = { ...resilient, bufferBytes: 30 * EVENT_BYTES, batchSize: 5 };
    const { shipper } = await startShipment(await closedPort(), numberedLines(200), options);
    expect(await linesRead(shipper, 30)).toBe(30);
  });

  test("and what was read is delivered when it is back, though the file is gone by then", async () => {
    const port = await closedPort();
    const shipment = await startShipment(port, numberedLines(100), { ...resilient, noId: false });
    const { shipper, logFile } = shipment;
    await until(() => shipper.stats().unacked === 100);
    await truncate(logFile);
    const server = await startServer({ port });
    await until(() => shipper.stats().sent === 100);
    expect(numbersIn(await server.readStore())).toEqual(range(1, 100));
  });

  test("what is in flight is bounded by the window all the same", async () => {
    const server = await scriptedServer(staysSilent);
    const options = { ...resilient, windowBytes: 10 * EVENT_BYTES, batchSize: 5, ackTimeoutMs: 600_000 };
    const { shipper } = await startShipment(server.port, numberedLines(90), options);
    await until(() => shipper.stats().unacked === 90);
    const visit = await server.visit(1);
    await visit.lines(5);
    visit.ack(5);
    await visit.lines(10);
    await new Promise(setImmediate);
    expect(visit.newlines).toBeLessThanOrEqual(16);
  });

  test("batch mode does not give up", async () => {
    const port = await closedPort();
    const options = { resilient: true, mode: "batch", connectAttempts: 1, drainTimeoutMs: 600_000 } as const;
    const { shipper } = await startShipment(port, numberedLines(3), { ...options, healthIntervalMs: 10 });
    await until(() => shipper.stats().retries > 3);
    await startServer({ port });
    expect(await shipper.finished()).toMatchObject({ sent: 3, isComplete: true });
  });
});

describe("a full buffer", () => {
  test("drop-newest: the first lines are kept, the others are counted", async () => {
    const port = await closedPort();
    const options = { ...resilient, whenFull: "drop-newest" } as const;
    const shipment = await startShipment(port, numberedLines(500), options);
    const { shipper, log } = shipment;
    await until(() => shipper.stats().unacked + shipper.stats().dropped === 500);
    expect(shipper.stats()).toMatchObject({ unacked: 100, dropped: 400 });
    expect(await checkpointOffset(shipment)).toBe(0);
    const server = await startServer({ port });
    await until(() => shipper.stats().sent === 100);
    expect(shipper.stats().settledBytes).toBe(numberedLines(500).length);
    await appendFile(shipment.logFile, numberedLines(1, 501));
    await until(() => shipper.stats().sent === 101);
    await shipper.stop();
    expect(numbersIn(await server.readStore())).toEqual([...range(1, 100), 501]);
    expect(await checkpointOffset(shipment)).toBe(numberedLines(501).length);
    expect(log.filter((line) => line.includes("buffer"))).toEqual([
      "warn: the buffer is full: lines are dropped (--when-full=drop-newest)",
      "info: the buffer has room again: no more lines are dropped than 400 in all",
    ]);
  });

  test("drop-oldest: the last lines are kept, the others are counted", async () => {
    const port = await closedPort();
    const options = { ...resilient, whenFull: "drop-oldest" } as const;
    const shipment = await startShipment(port, numberedLines(500), options);
    const { shipper } = shipment;
    await until(() => shipper.stats().unacked + shipper.stats().dropped === 500);
    expect(shipper.stats()).toMatchObject({ unacked: 100, dropped: 400 });
    const server = await startServer({ port });
    await until(() => shipper.stats().sent === 100);
    await shipper.stop();
    expect(numbersIn(await server.readStore())).toEqual(range(401, 500));
    expect(await checkpointOffset(shipment)).toBe(numberedLines(500).length);
  });

  test("the checkpoint never passes an unacked line, whatever was dropped behind it", async () => {
    const options = { ...resilient, whenFull: "drop-newest", noId: false } as const;
    const first = await startShipment(await closedPort(), numberedLines(500), options);
    await until(() => first.shipper.stats().unacked + first.shipper.stats().dropped === 500);
    expect(await first.shipper.stop()).toMatchObject({ unacked: 100, isComplete: false, settledBytes: 0 });
    expect(await checkpointOffset(first)).toBe(0);
  });

  test("block: nothing is dropped", async () => {
    const port = await closedPort();
    const { shipper } = await startShipment(port, numberedLines(500), resilient);
    await until(() => shipper.stats().unacked >= 100);
    const server = await startServer({ port });
    await until(() => shipper.stats().sent === 500);
    expect(numbersIn(await server.readStore())).toEqual(range(1, 500));
    expect(shipper.stats()).toMatchObject({ dropped: 0 });
  });
});

describe("at the end of the input", () => {
  const batch = { resilient: true, mode: "batch", drainTimeoutMs: 100, healthIntervalMs: 10 } as const;

  test("it waits for the server as long as the drain may take; what is left stays behind the checkpoint", async () => {
    const shipment = await startShipment(await closedPort(), numberedLines(3), batch);
    expect(await shipment.shipper.finished()).toMatchObject({ sent: 0, unacked: 3, isComplete: false });
    expect(await checkpointOffset(shipment)).toBe(0);
  });

  test("but no shorter than acks keep coming", async () => {
    const server = await scriptedServer(async (visit) => {
      await visit.lines(25);
      for (let acked = 0; acked < 25; acked++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        visit.ack(1);
      }
    });
    const { shipper } = await startShipment(server.port, numberedLines(25), batch);
    expect(await shipper.finished()).toMatchObject({ sent: 25, isComplete: true });
  });
});

describe("stalled", () => {
  test("is said once as an error, and once when it ends", async () => {
    const server = await scriptedServer(staysSilent);
    const options = { ...following, stallAfterMs: 30, ackTimeoutMs: 600_000 };
    const { shipper, log } = await startShipment(server.port, numberedLines(3), options);
    await until(() => shipper.stats().isStalled);
    const visit = await server.visit(1);
    await visit.lines(3);
    visit.ack(1);
    await until(() => shipper.stats().sent === 1 && !shipper.stats().isStalled);
    await until(() => shipper.stats().isStalled);
    visit.ack(2);
    await until(() => shipper.stats().sent === 3);
    expect(shipper.stats().isStalled).toBe(false);
    expect(log).toEqual([
      expect.stringMatching(
        /^error: Stalled: nothing was acked for 0\.03 s; 3 lines wait, 21 bytes are undelivered$/,
      ),
      expect.stringMatching(/^info: No longer stalled: acked again after \d+ s$/),
      expect.stringMatching(/^error: Stalled: .*; 2 lines wait/),
      expect.stringMatching(/^info: No longer stalled/),
    ]);
  });
});
