import { expect, test } from "vitest";
import { createShipper } from "../src/shipper.ts";
import { acksLines, scriptedServer, staysSilent } from "./support/scripted-server.ts";
import { numberedLines, startShipment } from "./support/shipment.ts";

test("a shipper that was not started has no end to wait for, and none to make", async () => {
  const shipper = createShipper({ logFile: "none" });
  await expect(shipper.finished()).rejects.toThrow("the shipper was not started");
  expect(await shipper.stop()).toMatchObject({ sent: 0, unacked: 0, isComplete: false });
});

test("a shipper can be started once", async () => {
  const { port } = await scriptedServer(acksLines);
  const { shipper } = await startShipment(port, numberedLines(1));
  await expect(shipper.start()).rejects.toThrow("a shipper can be started once");
  expect(await shipper.finished()).toMatchObject({ sent: 1 });
});

test("two can run in one program, and each counts its own", async () => {
  const one = await scriptedServer(acksLines);
  const other = await scriptedServer(acksLines);
  const shipments = [
    await startShipment(one.port, numberedLines(3)),
    await startShipment(other.port, numberedLines(5)),
  ];
  const ends = await Promise.all(shipments.map(({ shipper }) => shipper.finished()));
  expect(ends.map(({ sent }) => sent)).toEqual([3, 5]);
});

test("stop can be called again, and tells what is left", async () => {
  const server = await scriptedServer(staysSilent);
  const { shipper } = await startShipment(server.port, numberedLines(3), { drainTimeoutMs: 10 });
  await (await server.visit(1)).lines(3);
  const [first, second] = await Promise.all([shipper.stop(), shipper.stop()]);
  expect(first).toMatchObject({ sent: 0, unacked: 3, isComplete: false });
  expect(second).toEqual(first);
});

test("nobody has to wait for the end: a failure that no one asks for is no unhandled rejection", async () => {
  const { shipper, log } = await startShipment(1, numberedLines(1), { connectAttempts: 1 });
  await new Promise<void>((resolve) => {
    shipper.on("log", () => resolve());
    if (log.length > 0) resolve();
  });
  await new Promise(setImmediate);
  expect(log).toEqual(["error: Could not connect to server, aborting"]);
});

test("the path of the file can be a field of each event, behind the constant ones", async () => {
  const server = await scriptedServer(acksLines);
  const { shipper, logFile } = await startShipment(server.port, "x\n", {
    fields: new Map([["service", "shop"]]),
    fileField: "path",
  });
  await shipper.finished();
  expect(server.visits[0]!.received.toString()).toBe(
    `{"level":"UNKNOWN","message":"x","service":"shop","path":"${logFile}"}\n`,
  );
});

test("refusals are told as they are kept", async () => {
  const server = await scriptedServer(async (visit) => {
    await visit.lines(1);
    visit.send('{"status":"error","message":"no"}\n');
  });
  const { shipper } = await startShipment(server.port, "x\n");
  const refused: [number, string][] = [];
  shipper.on("refused", (events, reason) => refused.push([events, reason]));
  expect(await shipper.finished()).toMatchObject({ failed: 1 });
  expect(refused).toEqual([[1, "no"]]);
});
