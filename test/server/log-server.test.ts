import { appendFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { createLogServer, type LogServer } from "../../src/server/log-server.ts";
import type { LogServerStats } from "../../src/server/stats.ts";
import { FaultyFileSystem } from "../support/faulty-file-system.ts";
import { LogClient } from "../support/log-client.ts";
import { readStore, startServer, temporaryDirectory, until } from "../support/server.ts";
import { errorAckText, eventLine, framed, gzipFrame, INVALID_JSON, OK } from "../support/wire.ts";

const one = eventLine("one");
const two = eventLine("two");

/** A server whose disk can be held and made to fail. */
async function startFaulty(options: Parameters<typeof startServer>[0] = {}) {
  const disk = new FaultyFileSystem();
  return { ...(await startServer({ ...options, fileSystem: disk })), disk };
}

/** The stats once nothing is received any more, because reading has paused. */
async function settledStats(server: LogServer): Promise<LogServerStats> {
  for (let before = -1; ; ) {
    const stats = server.stats();
    if (stats.bytesReceived > 0 && stats.bytesReceived === before) return stats;
    before = stats.bytesReceived;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("acks", () => {
  test("error acks wait behind the commits of the lines before them", async () => {
    const { port, disk, server } = await startFaulty();
    const client = await LogClient.to(port);
    const release = disk.hold("sync");
    client.send("bad\n");
    expect(await client.acks(1)).toBe(INVALID_JSON);
    client.send(`${one}bad\n`);
    client.send(Buffer.concat([Buffer.from("bad\n"), gzipFrame(two), Buffer.from("bad\n")]));
    await until(() => server.stats().linesRefused.invalidJson === 4);
    expect(client.received).toBe(INVALID_JSON);
    release();
    expect(await client.acks(6)).toBe(INVALID_JSON + OK + INVALID_JSON + INVALID_JSON + OK + INVALID_JSON);
  });

  test("the ack of an unframeable stream waits too, and is not lost to what the client still sends", async () => {
    const { port, disk } = await startFaulty();
    const client = await LogClient.to(port, { allowHalfOpen: true });
    const release = disk.hold("sync");
    client.send(Buffer.concat([Buffer.from(one), framed(Buffer.from("junk"))]));
    client.send(Buffer.alloc(512 * 1024, "x"));
    await until(() => disk.calls.at(-1) === "sync 0000000001.ndjson");
    expect(client.received).toBe("");
    release();
    await client.ended;
    const failed = errorAckText(
      "decompression failed: a length prefix must be followed by gzip or zstd data",
    );
    expect(client.received).toBe(OK + failed);
    for (let count = 0; count < 10; count++) await client.sendPieces([Buffer.alloc(64 * 1024, "x")]);
    await client.finish();
    expect(client.error).toBeUndefined();
  });

  test("a client that never closes after such an ack is closed", async () => {
    const { port, server } = await startServer();
    const client = await LogClient.to(port, { allowHalfOpen: true });
    client.send(framed(Buffer.from("junk")));
    await client.ended;
    await until(() => server.stats().connectionsOpen === 0);
  });

  test("a client that has ended its side still gets its acks", async () => {
    const { port, disk } = await startFaulty();
    const client = await LogClient.to(port, { allowHalfOpen: true });
    const release = disk.hold("sync");
    client.send(one);
    client.end();
    await until(() => disk.calls.at(-1) === "sync 0000000001.ndjson");
    release();
    await client.closed;
    expect(client.received).toBe(OK);
  });

  test("connections do not mix", async () => {
    const { port, readStore } = await startServer();
    const clients = await Promise.all(Array.from({ length: 20 }, () => LogClient.to(port)));
    for (const [index, client] of clients.entries()) {
      client.send(
        Array.from({ length: 50 }, (_, line) => eventLine(`${index}-${line}`)).join("") +
          "bad\n".repeat(index),
      );
    }
    const received = await Promise.all(clients.map((client) => client.finish()));
    for (const [index, acks] of received.entries())
      expect(acks).toBe(OK.repeat(50) + INVALID_JSON.repeat(index));
    const lines = (await readStore()).split("\n").filter((line) => line !== "");
    for (let index = 0; index < 20; index++) {
      const own = lines.filter((line) => line.includes(`"${index}-`)).map((line) => `${line}\n`);
      expect(own).toEqual(Array.from({ length: 50 }, (_, line) => eventLine(`${index}-${line}`)));
    }
  });
});

describe("trouble with the store", () => {
  test.each([
    ["write", "ENOSPC"],
    ["sync", "EIO"],
  ] as const)("%s fails with %s: no ack at all, closed, and over by itself", async (operation, code) => {
    const { port, disk, readStore, log } = await startFaulty();
    const client = await LogClient.to(port);
    client.send(one);
    expect(await client.acks(1)).toBe(OK);
    disk.fail(operation, code, 1, 5);
    client.send(`${two}bad\n`);
    await client.closed;
    expect(client.received).toBe(OK);
    expect(await readStore()).toBe(one);
    const again = await LogClient.to(port);
    again.send(`${two}bad\n`);
    expect(await again.acks(2)).toBe(OK + INVALID_JSON);
    expect(await readStore()).toBe(one + two);
    expect(log.map((entry) => entry.split(":")[0])).toEqual(["error", "info"]);
  });

  test("only the connections concerned are closed", async () => {
    const { port, disk } = await startFaulty();
    const idle = await LogClient.to(port);
    const client = await LogClient.to(port);
    disk.fail("sync", "EIO", 1);
    client.send(one);
    await client.closed;
    idle.send(one);
    expect(await idle.acks(1)).toBe(OK);
  });

  test("while the store is full nobody is read, and all go on when it is not", async () => {
    const unackedBytesMax = 1024 ** 3;
    const { port, disk, server } = await startFaulty({ unackedBytesMax });
    const client = await LogClient.to(port);
    const release = disk.hold("write");
    const line = Buffer.from(`{"level":"I","message":"${"x".repeat(1024 * 1024)}"}\n`);
    for (let count = 0; count < 100; count++) client.send(line);
    const { bytesReceived } = await settledStats(server);
    expect(bytesReceived).toBeLessThan(70 * line.length);
    release();
    await client.acks(100);
    expect(server.stats().linesStored).toBe(100);
  });
});

describe("bounds", () => {
  test("a connection is not read while too much of it is not acked", async () => {
    const { port, disk, server } = await startFaulty({ unackedBytesMax: 100_000 });
    const client = await LogClient.to(port);
    const release = disk.hold("sync");
    const lines = Array.from({ length: 100_000 }, (_, index) => eventLine(index));
    client.send(lines.join(""));
    await until(() => server.stats().bytesReceived > 100_000);
    const other = await LogClient.to(port);
    other.send("bad\n");
    await other.acks(1);
    expect(server.stats().bytesReceived).toBeLessThan(100_000 + 2 * 65_536);
    release();
    expect(await client.finish()).toBe(OK.repeat(lines.length));
  });

  test("what a short line holds in memory counts, not only its own bytes", async () => {
    const { port, disk, server } = await startFaulty({ unackedBytesMax: 100_000 });
    const client = await LogClient.to(port);
    const release = disk.hold("sync");
    const junk = framed(Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(60_000)]));
    for (let count = 0; count < 50; count++) client.send(Buffer.concat([Buffer.from(one), junk]));
    expect((await settledStats(server)).bytesReceived).toBeLessThan(100_000 + 2 * 65_536);
    release();
    await client.acks(100);
  });

  test("a client that does not read its acks is not read either, and gets them all in the end", async () => {
    const { port, server } = await startServer();
    const client = await LogClient.to(port);
    client.socket.pause();
    const total = 4_000_000;
    const block = Buffer.from("1\n".repeat(100_000));
    for (let count = 0; count < total; count += 100_000) client.send(block);
    const { bytesReceived } = await settledStats(server);
    expect(bytesReceived).toBeLessThan(total);
    client.socket.resume();
    expect(await client.finish()).toBe(INVALID_JSON.repeat(total));
  });

  test("one connection too many is closed at once, and counted; the log says it once", async () => {
    const { port, server, log } = await startServer({ connectionsMax: 2 });
    const first = await LogClient.to(port);
    const second = await LogClient.to(port);
    await until(() => server.stats().connectionsOpen === 2);
    for (let count = 0; count < 3; count++) await (await LogClient.to(port)).closed;
    expect(server.stats()).toMatchObject({ connectionsAccepted: 2, connectionsRefused: 3 });
    expect(log).toEqual(["warn: 2 connections are open: further ones are closed at once"]);
    await first.finish();
    second.send(one);
    expect(await second.acks(1)).toBe(OK);
    await until(() => server.stats().connectionsOpen === 1);
    const third = await LogClient.to(port);
    third.send(one);
    expect(await third.acks(1)).toBe(OK);
  });

  test("an idle connection is closed, with half a line or with none", async () => {
    const { port, server } = await startServer({ idleTimeoutMs: 50 });
    const clients = [await LogClient.to(port), await LogClient.to(port)];
    clients[1]!.send('{"half');
    await Promise.all(clients.map(({ closed }) => closed));
    await until(() => server.stats().connectionsOpen === 0);
    expect(server.stats()).toMatchObject({ connectionsIdle: 2, connectionsFailed: 0 });
  });

  test("a connection that waits for the disk is not idle", async () => {
    const { port, disk, server } = await startFaulty({ idleTimeoutMs: 20 });
    const client = await LogClient.to(port);
    const release = disk.hold("sync");
    client.send(one);
    const other = await LogClient.to(port);
    await other.closed;
    await (await LogClient.to(port)).closed;
    expect(server.stats().connectionsIdle).toBe(2);
    release();
    expect(await client.acks(1)).toBe(OK);
  });

  test("a client that resets its connection is counted, and hurts nobody", async () => {
    const { port, server } = await startServer();
    const client = await LogClient.to(port);
    client.send(one);
    await client.acks(1);
    client.socket.resetAndDestroy();
    await until(() => server.stats().connectionsOpen === 0);
    expect(server.stats().connectionsFailed).toBe(1);
    const other = await LogClient.to(port);
    other.send(one);
    expect(await other.acks(1)).toBe(OK);
  });
});

describe("starting", () => {
  test("a port in use is named, and the store is free again", async () => {
    const { port } = await startServer();
    const storeDir = await temporaryDirectory();
    const server = createLogServer({ port, storeDir });
    await expect(server.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      exitCode: 69,
      message: `cannot listen on 127.0.0.1:${port}: address already in use (EADDRINUSE); stop what listens there, or take another port (0 takes a free one)`,
    });
    await startServer({ storeDir });
  });

  test("an address of another machine is named", async () => {
    const server = createLogServer({ host: "192.0.2.1", port: 0, storeDir: await temporaryDirectory() });
    await expect(server.start()).rejects.toMatchObject({ code: "ERR_LISTEN", exitCode: 69 });
  });

  test("a store that another server has is refused", async () => {
    const { storeDir } = await startServer();
    const server = createLogServer({ port: 0, storeDir });
    await expect(server.start()).rejects.toMatchObject({ code: "ERR_LOCKED", exitCode: 75 });
    await server.stop();
  });

  test("a store that cannot be written is refused", async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.fail("open", "EROFS");
    const server = createLogServer({ port: 0, storeDir: await temporaryDirectory(), fileSystem });
    await expect(server.start()).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining("EROFS"),
    });
  });

  test("a torn tail is repaired and reported", async () => {
    const first = await startServer();
    const client = await LogClient.to(first.port);
    client.send(one);
    await client.finish();
    await first.server.stop();
    await appendFile(`${first.storeDir}/0000000001.ndjson`, '{"level":"I');
    const second = await startServer({ storeDir: first.storeDir });
    expect(second.server.stats().bytesRepaired).toBe(11);
    await until(() => second.log.length > 0);
    expect(second.log[0]).toMatch(/^warn: store: cut 11 bytes .* 0000000001\.ndjson$|0000000001\.ndjson/);
    expect(await readStore(first.storeDir)).toBe(one);
  });

  test.each(["write", "memory"] as const)("a durability of %s is said, and acks", async (durability) => {
    const { port, log, server } = await startServer({ durability });
    expect(log[0]).toMatch(`warn: durability is \`${durability}\``);
    const client = await LogClient.to(port);
    const lines = Array.from({ length: 1000 }, (_, index) => eventLine(index));
    client.send(lines.join(""));
    expect(await client.finish()).toBe(OK.repeat(1000));
    await server.stop();
    expect(server.stats().linesStored).toBe(1000);
  });

  test.each([
    { port: -1 },
    { port: 1.5 },
    { frameBytesMax: 2 ** 25 },
    { eventBytesMax: 0 },
    { idleTimeoutMs: Number.NaN },
    { durability: "paper" as "disk" },
  ])("%j is refused", (options) => {
    expect(() => createLogServer(options)).toThrow(ConfigError);
  });

  test("undefined options take their defaults", async () => {
    const options = { durability: undefined, host: undefined } as unknown as { host: string };
    const { port } = await startServer(options);
    expect(port).toBeGreaterThan(0);
  });
});

describe("stopping", () => {
  test("what has arrived is stored and acked, then the connection ends", async () => {
    const { port, server, readStore } = await startServer();
    const client = await LogClient.to(port);
    const lines = Array.from({ length: 50_000 }, (_, index) => eventLine(index));
    client.send(lines.join(""));
    await until(() => client.socket.writableLength === 0);
    await server.stop();
    await client.closed;
    expect(client.received).toBe(OK.repeat(client.received.length / OK.length));
    const stored = await readStore();
    expect(stored).toBe(lines.slice(0, client.received.length / OK.length).join(""));
    expect(server.stats().connectionsOpen).toBe(0);
  });

  test("acks wait for the disk", async () => {
    const { port, server, disk } = await startFaulty();
    const client = await LogClient.to(port);
    const release = disk.hold("sync");
    client.send(`${one}half a line`);
    await until(() => disk.calls.at(-1) === "sync 0000000001.ndjson");
    const stopped = server.stop();
    await expect(LogClient.to(port)).rejects.toThrow("ECONNREFUSED");
    release();
    await stopped;
    await client.closed;
    expect(client.received).toBe(OK);
  });

  test("it ends in time though the disk hangs and a client stays", async () => {
    const { port, server, disk, log } = await startFaulty({ drainTimeoutMs: 100 });
    const client = await LogClient.to(port, { allowHalfOpen: true });
    const release = disk.hold("sync");
    client.send(one);
    await until(() => disk.calls.at(-1) === "sync 0000000001.ndjson");
    await server.stop();
    await client.ended;
    expect(client.received).toBe("");
    await until(() => log.length === 2);
    release();
  });

  test("idle clients are let go", async () => {
    const { port, server } = await startServer();
    const clients = [await LogClient.to(port), await LogClient.to(port)];
    await until(() => server.stats().connectionsOpen === 2);
    await server.stop();
    await Promise.all(clients.map(({ closed }) => closed));
  });

  test("it can be called at any time, and again", async () => {
    const never = createLogServer({ port: 0, storeDir: await temporaryDirectory() });
    await never.stop();
    await expect(never.start()).rejects.toMatchObject({ code: "ERR_STOPPED" });

    const storeDir = await temporaryDirectory();
    const server = createLogServer({ port: 0, storeDir });
    const started = server.start();
    expect(server.start()).toBe(started);
    const stopped = server.stop();
    expect(server.stop()).toBe(stopped);
    const { port } = await started;
    await stopped;
    await expect(LogClient.to(port)).rejects.toThrow("ECONNREFUSED");
    await startServer({ storeDir });
  });
});

describe("events", () => {
  test("stored lines are told when somebody listens", async () => {
    const { port, server } = await startServer();
    const client = await LogClient.to(port);
    client.send(one);
    await client.acks(1);
    const told: string[] = [];
    server.on("stored", (lines) => told.push(lines.toString()));
    client.send(Buffer.concat([Buffer.from(`bad\n${two}`), gzipFrame(`{}\n${one.trim()}`)]));
    await client.acks(5);
    await until(() => told.join("") === two + one);
  });
});

test("a peer that connects and leaves is no trouble", async () => {
  const { port, server } = await startServer();
  const probe = await LogClient.to(port);
  probe.socket.destroy();
  await until(() => server.stats().connectionsAccepted === 1 && server.stats().connectionsOpen === 0);
});

test("nothing is left behind that keeps a program running", async () => {
  const count = (): number =>
    process.getActiveResourcesInfo().filter((name) => /Server|Pipe/.test(name)).length;
  const before = count();
  const { server } = await startServer();
  expect(count()).toBe(before + 1); // the listener; the lock does not count
  await server.stop();
  await until(() => count() === before);
});
