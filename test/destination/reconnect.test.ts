import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { deafPort } from "../support/deaf-port.ts";
import { closedPort } from "../support/listen.ts";
import {
  acksFrames,
  acksLines,
  type Script,
  scriptedServer,
  staysSilent,
} from "../support/scripted-server.ts";
import { until } from "../support/server.ts";
import { numberedEvents, numberedLines, type Shipment, startShipment } from "../support/shipment.ts";

describe("a connection cut in the middle of a batch", () => {
  /** Ships 25 lines in batches of 10; the first connection is cut when 13 of them are acked. */
  async function shipAcrossCut(compress: boolean, meanwhile?: (shipment: Shipment) => Promise<void>) {
    const first: Script = async (visit) => {
      await visit.until(() => (compress ? visit.frames.length === 3 : visit.newlines === 25));
      visit.ack(13);
    };
    const server = await scriptedServer(first, compress ? acksFrames : acksLines);
    const shipment = await startShipment(server.port, numberedLines(25), { batchSize: 10, compress });
    await until(() => shipment.shipper.stats().sent === 13);
    await meanwhile?.(shipment);
    server.visits[0]!.cut();
    const stats = await shipment.shipper.finished();
    return { stats, log: shipment.log, resent: server.visits[1]! };
  }

  test("plain: what follows the last acked line is sent again", async () => {
    const { stats, log, resent } = await shipAcrossCut(false);
    expect(resent.received.toString()).toBe(numberedEvents(12, 14));
    expect(stats).toMatchObject({ sent: 25, failed: 0, duplicate: 0, connections: 2, isComplete: true });
    expect(log).toEqual([
      expect.stringMatching(/^warn: 127\.0\.0\.1:\d+: connection reset \(ECONNRESET\); connecting again$/),
      expect.stringMatching(/^info: Connected to 127\.0\.0\.1:\d+$/),
    ]);
  });

  test("frames: the rest of the batch becomes a frame of its own", async () => {
    const { stats, resent } = await shipAcrossCut(true);
    expect(resent.frames).toEqual([numberedEvents(7, 14), numberedEvents(5, 21)]);
    expect(stats).toMatchObject({ sent: 25, isComplete: true });
  });

  test("the bytes are the same, also where the file has changed since", async () => {
    const { resent } = await shipAcrossCut(false, async ({ logFile }) => {
      await writeFile(logFile, "x".repeat(500));
    });
    expect(resent.received.toString()).toBe(numberedEvents(12, 14));
  });
});

test("a connection that the server ends in good order is made again", async () => {
  const first: Script = async (visit) => {
    await visit.lines(3);
    visit.socket.end();
  };
  const server = await scriptedServer(first, acksLines);
  const { shipper, log } = await startShipment(server.port, numberedLines(3));
  expect(await shipper.finished()).toMatchObject({ sent: 3, connections: 2 });
  expect(log[0]).toMatch(/^warn: 127\.0\.0\.1:\d+ closed the connection \(attempt 1 of 5/);
});

test("a server that is silent is left, later each time, and the lines are sent again", async () => {
  const server = await scriptedServer(staysSilent, staysSilent, acksLines);
  const { shipper, log } = await startShipment(server.port, numberedLines(3), { ackTimeoutMs: 50 });
  expect(await shipper.finished()).toMatchObject({ sent: 3, connections: 3 });
  for (const visit of server.visits) expect(visit.received.toString()).toBe(numberedEvents(3));
  expect(log.filter((line) => line.startsWith("warn"))).toEqual([
    expect.stringContaining(": no ack for 0.05 s (attempt 1 of 5"),
    expect.stringContaining(": no ack for 0.1 s (attempt 2 of 5"),
  ]);
});

test("a server that takes no bytes is left", async () => {
  const server = await scriptedServer(
    (visit) => visit.socket.pause(),
    (visit) => {
      visit.keeps = false;
      return acksLines(visit);
    },
  );
  // More than the kernel's buffers on both sides hold.
  const content = `${"x".repeat(999)}\n`.repeat(24_000);
  const { shipper, log } = await startShipment(server.port, content, {
    sendTimeoutMs: 200,
    windowBytes: 2 ** 25,
  });
  expect(await shipper.finished()).toMatchObject({ sent: 24_000, connections: 2 });
  expect(log[0]).toContain(": no byte taken for 0.2 s (attempt 1 of 5");
});

test("a server that is slow but goes on is not left", async () => {
  const server = await scriptedServer(async (visit) => {
    await visit.lines(10);
    for (let line = 0; line < 10; line++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      visit.ack(1);
    }
  });
  const { shipper, log } = await startShipment(server.port, numberedLines(10), { ackTimeoutMs: 1000 });
  expect(await shipper.finished()).toMatchObject({ sent: 10, connections: 1 });
  expect(log).toEqual([]);
});

test("a server that never acks ends the run after the last attempt", async () => {
  const { port } = await scriptedServer(staysSilent);
  const settings = { ackTimeoutMs: 50, connectAttempts: 3 };
  const { shipper, log } = await startShipment(port, numberedLines(3), settings);
  await expect(shipper.finished()).rejects.toMatchObject({ code: "ERR_DELIVERY", exitCode: 75 });
  expect(shipper.stats()).toMatchObject({ sent: 0, unacked: 3, connections: 3, settledBytes: 0 });
  expect(log.at(-1)).toBe("error: Giving up");
});

test("a server that cannot be reached ends the run after five attempts", async () => {
  const port = await closedPort();
  const { shipper, log } = await startShipment(port, numberedLines(3));
  const message = `cannot reach 127.0.0.1:${port}: connection refused (ECONNREFUSED)`;
  await expect(shipper.finished()).rejects.toMatchObject({ code: "ERR_UNREACHABLE", exitCode: 69, message });
  expect(log).toEqual([
    ...[1, 2, 3, 4].map((attempt) => `warn: ${message} (attempt ${attempt} of 5, the next in 0.0 s)`),
    "error: Could not connect to server, aborting",
  ]);
  expect(shipper.stats()).toMatchObject({ sent: 0, unacked: 3, connections: 0 });
});

test.skipIf(process.platform !== "linux")("a connection that does not come about is given up", async () => {
  const port = await deafPort();
  const settings = { connectTimeoutMs: 50, connectAttempts: 1 };
  const { shipper } = await startShipment(port, numberedLines(3), settings);
  const message = `cannot reach 127.0.0.1:${port}: no connection within 0.05 s`;
  await expect(shipper.finished()).rejects.toMatchObject({ code: "ERR_UNREACHABLE", exitCode: 69, message });
});

test("a host name that does not exist is named", async () => {
  const { shipper } = await startShipment(9, "x\n", { serverHost: "logs.invalid", connectAttempts: 1 });
  await expect(shipper.finished()).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringMatching(
      /^cannot reach logs\.invalid:9: host (not found|name could not be resolved)/,
    ),
  });
});

test("a file without lines needs no server", async () => {
  const { shipper, log } = await startShipment(await closedPort(), "\n\n");
  expect(await shipper.finished()).toMatchObject({ sent: 0, connections: 0, isComplete: true });
  expect(log).toEqual([]);
});
