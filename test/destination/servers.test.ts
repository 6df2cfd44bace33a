// Several servers, their health, and connections that are silent.
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { closedPort } from "../support/listen.ts";
import { acksLines, scriptedServer, scriptedServerAt, staysSilent } from "../support/scripted-server.ts";
import { until } from "../support/server.ts";
import { numberedEvents, numberedLines, startShipment } from "../support/shipment.ts";

const following = { mode: "continuous", startAt: "beginning", drainTimeoutMs: 50 } as const;
const isLinux = process.platform === "linux";

function serversAt(...ports: number[]): { servers: string[] } {
  return { servers: ports.map((port) => `127.0.0.1:${port}`) };
}

describe("several servers", () => {
  test("the first that can be reached is taken, at each connection anew", async () => {
    const first = await scriptedServer(acksLines);
    const second = await scriptedServer(async (visit) => {
      await visit.lines(3);
      visit.ack(1);
      visit.cut();
    });
    const missing = await closedPort();
    const settings = { ...serversAt(missing, second.port, first.port), connectAttempts: 1 };
    const { shipper, log } = await startShipment(1, numberedLines(3), { ...settings });
    await (await second.visit(2)).lines(2);
    expect(first.visits).toHaveLength(0);
    expect(second.visits[1]!.received.toString()).toBe(numberedEvents(2, 2));
    expect(log).toContain(`info: Connected to 127.0.0.1:${second.port}`);
    await shipper.stop();
  });

  test("one round in which none can be reached is one attempt", async () => {
    const ports = [await closedPort(), await closedPort()];
    const settings = { ...serversAt(...ports), connectAttempts: 2 };
    const { shipper, log } = await startShipment(1, numberedLines(3), settings);
    const refused = ports.map((port) => `cannot reach 127.0.0.1:${port}: connection refused (ECONNREFUSED)`);
    await expect(shipper.finished()).rejects.toMatchObject({ exitCode: 69, message: refused.join("; ") });
    expect(log).toEqual([
      `warn: ${refused.join("; ")} (attempt 1 of 2, the next in 0.0 s)`,
      "error: Could not connect to server, aborting",
    ]);
  });

  test("one that lets itself be connected to and acks nothing does not keep the client from the others", async () => {
    const silent = await scriptedServer(staysSilent);
    const other = await scriptedServer(acksLines);
    const settings = { ...serversAt(silent.port, other.port), ackTimeoutMs: 50 };
    const { shipper } = await startShipment(1, numberedLines(3), settings);
    expect(await shipper.finished()).toMatchObject({ sent: 3, connections: 2 });
    expect(other.visits[0]!.received.toString()).toBe(numberedEvents(3));
  });

  test("an address that is none is told of", async () => {
    await expect(startShipment(1, "x\n", { servers: ["nowhere"] })).rejects.toMatchObject({
      exitCode: 78,
      message: 'servers: takes host:port, an IPv6 address in brackets, not "nowhere"',
    });
  });
});

describe("the health probe", () => {
  test("tells when a server is gone and when it is back, and cuts the wait for it short", async () => {
    const port = await closedPort();
    const options = { ...following, healthIntervalMs: 10, backoffBaseMs: 600_000, backoffMaxMs: 600_000 };
    const { shipper, log } = await startShipment(port, numberedLines(3), options);
    await until(() => log.length === 2);
    const server = await scriptedServerAt(port, acksLines);
    await until(() => shipper.stats().sent === 3);
    server.stop();
    await until(() => log.length === 5);
    expect(log.map((line) => line.replace(/\(attempt.*/, ""))).toEqual([
      `error: Server 127.0.0.1:${port} is now unhealthy`,
      `warn: cannot reach 127.0.0.1:${port}: connection refused (ECONNREFUSED) `,
      `info: Server 127.0.0.1:${port} is now healthy`,
      `info: Connected to 127.0.0.1:${port}`,
      `error: Server 127.0.0.1:${port} is now unhealthy`,
    ]);
    await shipper.stop();
  });

  test("leaves a server alone to which a connection is up", async () => {
    const server = await scriptedServer(acksLines);
    const options = { ...following, healthIntervalMs: 10 };
    const { shipper } = await startShipment(server.port, numberedLines(3), options);
    await until(() => shipper.stats().sent === 3);
    const ticks = { count: 0 };
    const timer = setInterval(() => ticks.count++, 10);
    await until(() => ticks.count === 5);
    clearInterval(timer);
    expect(server.visits).toHaveLength(1);
    await shipper.stop();
  });

  test("is not made in basic batch mode, which gives up by itself", async () => {
    const { shipper, log } = await startShipment(await closedPort(), "x\n", {
      connectAttempts: 2,
      healthIntervalMs: 10,
    });
    await expect(shipper.finished()).rejects.toMatchObject({ exitCode: 69 });
    expect(log.filter((line) => line.includes("healthy"))).toEqual([]);
  });
});

test.skipIf(!isLinux)(
  "the kernel asks whether the other side of a silent connection is still there",
  async () => {
    const server = await scriptedServer(acksLines);
    const { shipper } = await startShipment(server.port, numberedLines(1), following);
    await until(() => shipper.stats().sent === 1);
    const remote = `0100007F:${server.port.toString(16).toUpperCase().padStart(4, "0")}`;
    // The columns: slot, local address, remote address, state, queues, and the timer that runs; 02 is keep-alive.
    const connection = new RegExp(`^ *\\d+: \\S+ ${remote} 01 \\S+ (\\d\\d):`, "m");
    expect(connection.exec(await readFile("/proc/net/tcp", "utf8"))?.[1]).toBe("02");
    await shipper.stop();
  },
);
