// Dedupe over real sockets: docs/protocol.md, "Ids".

import { describe, expect, test } from "vitest";
import { FaultyFileSystem } from "../support/faulty-file-system.ts";
import { LogClient } from "../support/log-client.ts";
import { singleBytes } from "../support/random.ts";
import { startServer, until } from "../support/server.ts";
import { DUPLICATE, eventLine, gzipFrame, INVALID_JSON, idLine, OK, streamName } from "../support/wire.ts";

const a = streamName("a");
const b = streamName("b");
const SYNC = "sync 0000000001.ndjson";

/** A server whose disk can be held and made to fail. */
async function startFaulty() {
  const disk = new FaultyFileSystem();
  return { ...(await startServer({ fileSystem: disk })), disk };
}

/** A whole turn through the server: what it has written before is here afterwards. */
async function roundTrip(port: number): Promise<void> {
  const client = await LogClient.to(port);
  client.send("bad\n");
  await client.acks(1);
}

test("what is sent again is acked as a duplicate, in order with the others, and stored once", async () => {
  const { port, server, readStore } = await startServer();
  const client = await LogClient.to(port);
  client.send(idLine(a, 0) + idLine(a, 30) + eventLine("x"));
  expect(await client.acks(3)).toBe(OK + OK + OK);
  const again = await LogClient.to(port);
  const mixed = [idLine(a, 30), eventLine("x"), "bad\n", idLine(a, 60), idLine(b, 60)].join("");
  await again.sendPieces(singleBytes(Buffer.concat([Buffer.from(idLine(a, 0)), gzipFrame(mixed)])));
  expect(await again.finish()).toBe(DUPLICATE + DUPLICATE + OK + INVALID_JSON + OK + OK);
  const stored = [idLine(a, 0), idLine(a, 30), eventLine("x"), eventLine("x"), idLine(a, 60), idLine(b, 60)];
  expect(await readStore()).toBe(stored.join(""));
  expect(server.stats()).toMatchObject({ duplicates: 2, linesStored: 6, streamsEvicted: 0 });
});

test("duplicates are known after a restart", async () => {
  const first = await startServer();
  const client = await LogClient.to(first.port);
  client.send(idLine(a, 0) + idLine(a, 30));
  await client.finish();
  await first.server.stop();
  const { port, readStore, log } = await startServer({ storeDir: first.storeDir });
  const again = await LogClient.to(port);
  again.send(idLine(a, 0) + idLine(a, 30) + idLine(a, 31));
  expect(await again.finish()).toBe(DUPLICATE + DUPLICATE + OK);
  expect(await readStore()).toBe(idLine(a, 0) + idLine(a, 30) + idLine(a, 31));
  expect(log).toEqual([]);
});

describe("the ack of a duplicate waits for the commit of the original", () => {
  test("that another connection has sent", async () => {
    const { port, disk, server, readStore } = await startFaulty();
    const first = await LogClient.to(port);
    const release = disk.hold("sync");
    first.send(idLine(a, 0));
    await until(() => disk.calls.at(-1) === SYNC);
    const second = await LogClient.to(port);
    second.send(idLine(a, 0));
    await until(() => server.stats().duplicates === 1);
    await roundTrip(port);
    expect(first.received + second.received).toBe("");
    release();
    expect(await second.acks(1)).toBe(DUPLICATE);
    expect(await first.acks(1)).toBe(OK);
    expect(await readStore()).toBe(idLine(a, 0));
  });

  test("that waits behind the commit at work", async () => {
    const { port, disk, server } = await startFaulty();
    const first = await LogClient.to(port);
    const releaseFirst = disk.hold("sync");
    first.send(idLine(a, 0));
    await until(() => disk.calls.at(-1) === SYNC);
    first.send(idLine(a, 30));
    await until(() => server.stats().bytesReceived === 2 * idLine(a, 0).length + 1);
    const second = await LogClient.to(port);
    second.send(idLine(a, 30));
    await until(() => server.stats().duplicates === 1);
    const release = disk.hold("write");
    releaseFirst();
    expect(await first.acks(1)).toBe(OK);
    await until(() => disk.calls.at(-1) === "write 0000000001.ndjson");
    await roundTrip(port);
    expect(second.received).toBe("");
    release();
    expect(await second.acks(1)).toBe(DUPLICATE);
  });

  test("and only when there is one to wait for", async () => {
    const { port, disk } = await startFaulty();
    const client = await LogClient.to(port);
    client.send(idLine(a, 0));
    await client.acks(1);
    disk.hold("sync");
    client.send(idLine(a, 0));
    expect(await client.acks(2)).toBe(OK + DUPLICATE);
    disk.mend();
  });

  test("and if that fails, both are closed without an ack, and the line is stored when it comes again", async () => {
    const { port, disk, server, readStore } = await startFaulty();
    const [first, second, bystander] = [
      await LogClient.to(port),
      await LogClient.to(port),
      await LogClient.to(port),
    ];
    const release = disk.hold("sync");
    first.send(idLine(a, 0));
    await until(() => disk.calls.at(-1) === SYNC);
    first.send(idLine(a, 30));
    await until(() => server.stats().bytesReceived === 2 * idLine(a, 0).length + 1);
    second.send(idLine(a, 0) + idLine(a, 30));
    await until(() => server.stats().duplicates === 2);
    disk.fail("sync", "EIO", 1);
    release();
    await Promise.all([first.closed, second.closed]);
    expect(first.received + second.received).toBe("");
    expect(await readStore()).toBe("");
    bystander.send(idLine(a, 0) + idLine(a, 30));
    expect(await bystander.acks(2)).toBe(OK + OK);
    expect(await readStore()).toBe(idLine(a, 0) + idLine(a, 30));
  });
});

test("two connections that send the same stream at once: each line once, in order", async () => {
  const { port, server, readStore } = await startServer();
  const lines = Array.from({ length: 5000 }, (_, index) => idLine(a, index * 10));
  const clients = await Promise.all(Array.from({ length: 4 }, () => LogClient.to(port)));
  const sends = clients.map(async (client, index) => {
    const size = 37 + index * 11;
    for (let at = 0; at < lines.length; at += size) {
      await client.sendPieces([Buffer.from(lines.slice(at, at + size).join(""))]);
    }
    return client.finish();
  });
  const acks = await Promise.all(sends);
  expect(await readStore()).toBe(lines.join(""));
  expect(acks.join("").split(OK).length - 1).toBe(lines.length);
  for (const received of acks) expect(received.split("\n")).toHaveLength(lines.length + 1);
  expect(server.stats()).toMatchObject({ linesStored: lines.length, duplicates: 3 * lines.length });
});

test("stored lines that are told are the new ones", async () => {
  const { port, server } = await startServer();
  const told: string[] = [];
  server.on("stored", (lines) => told.push(lines.toString()));
  const client = await LogClient.to(port);
  client.send(idLine(a, 0) + idLine(a, 0) + idLine(a, 1));
  expect(await client.finish()).toBe(OK + DUPLICATE + OK);
  await until(() => told.length > 0);
  expect(told.join("")).toBe(idLine(a, 0) + idLine(a, 1));
});
