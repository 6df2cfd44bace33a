import { describe, expect, test } from "vitest";
import { encodePlainly, usual } from "../support/line-oracle.ts";
import { acksFrames, acksLines, type Script, scriptedServer } from "../support/scripted-server.ts";
import { numberedEvents, numberedLines, startShipment } from "../support/shipment.ts";

const mixed = Buffer.from(
  '2024-01-15 08:23:45 INFO started\r\n\n{"level":30,"msg":"é \\"x\\""}\n    at f (a.js:1)\n温度\0 and no end',
);

test("plain: the events as they are, a line each", async () => {
  const server = await scriptedServer(acksLines);
  const { shipper } = await startShipment(server.port, mixed, { fields: new Map([["service", "shop"]]) });
  expect(await shipper.finished()).toMatchObject({ sent: 4, failed: 0, isComplete: true, connections: 1 });
  expect(server.visits[0]!.received.toString()).toBe(
    [
      '{"timestamp":"2024-01-15 08:23:45","level":"INFO","message":"started","service":"shop"}\n',
      '{"level":"INFO","message":"é \\"x\\"","service":"shop"}\n',
      '{"level":"UNKNOWN","message":"    at f (a.js:1)","service":"shop"}\n',
      '{"level":"UNKNOWN","message":"温度\\u0000 and no end","service":"shop"}\n',
    ].join(""),
  );
});

test("gzip: a big-endian length, then so many bytes of gzip, which hold the same events", async () => {
  const server = await scriptedServer(acksFrames);
  const { shipper } = await startShipment(server.port, mixed, { compress: true });
  expect(await shipper.finished()).toMatchObject({ sent: 4, failed: 0, isComplete: true });
  const { received, frames } = server.visits[0]!;
  expect(received.readUInt32BE(0)).toBe(received.length - 4);
  expect(received.subarray(4, 6)).toEqual(Buffer.from([0x1f, 0x8b]));
  expect(frames).toEqual([encodePlainly(mixed, usual)]);
});

describe("BATCH_SIZE", () => {
  test.each<[number | "auto", number[]]>([
    [1, [1, 1, 1, 1, 1, 1, 1, 1]],
    [3, [3, 3, 2]],
    [8, [8]],
    ["auto", [8]],
  ])("%s: frames of %j lines", async (batchSize, counts) => {
    const server = await scriptedServer(acksFrames);
    const { shipper } = await startShipment(server.port, numberedLines(8), { compress: true, batchSize });
    await shipper.finished();
    const { frames } = server.visits[0]!;
    expect(frames.map((frame) => frame.split("\n").length - 1)).toEqual(counts);
    expect(frames.join("")).toBe(numberedEvents(8));
  });
});

/** Acks one line, and only once the window is full; notes how many bytes were unacked at most. */
function acksWhenFull(fullBytes: number, note: (unackedBytes: number) => void): Script {
  return async (visit) => {
    visit.socket.on("data", () => note(visit.bytes - acked));
    let acked = 0;
    for (let ackedTo = 0; ; ) {
      await visit.until(() => visit.bytes - acked >= fullBytes || visit.newlines === 100);
      ackedTo = visit.received.indexOf(10, ackedTo) + 1;
      if (ackedTo === 0) return;
      acked = ackedTo;
      visit.ack(1);
    }
  };
}

test("no more than the window is on its way without an ack", async () => {
  // Each event has 100 bytes, so that nine fit.
  const content = `${"x".repeat(100 - '{"level":"UNKNOWN","message":""}\n'.length)}\n`.repeat(100);
  let mostUnacked = 0;
  const script = acksWhenFull(900, (unacked) => {
    mostUnacked = Math.max(mostUnacked, unacked);
  });
  const { port } = await scriptedServer(script);
  const { shipper } = await startShipment(port, content, { batchSize: 1, windowBytes: 999 });
  expect(await shipper.finished()).toMatchObject({ sent: 100 });
  expect(mostUnacked).toBe(900);
});

test("an event that is larger than the window is sent all the same", async () => {
  const server = await scriptedServer(acksLines);
  const content = `before\n${"x".repeat(3000)}\nbehind\n`;
  const { shipper } = await startShipment(server.port, content, { batchSize: 1, windowBytes: 1000 });
  expect(await shipper.finished()).toMatchObject({ sent: 3 });
  expect(server.visits[0]!.received.toString()).toBe(encodePlainly(Buffer.from(content), usual));
});
