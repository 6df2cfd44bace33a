import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { deafPort, someoneKnocks } from "../support/deaf-port.ts";
import { closedPort } from "../support/listen.ts";
import { lastLine, mainScript, startLogship, tidy } from "../support/logship.ts";
import { type RunningNode, startNode } from "../support/run-node.ts";
import { acksLines, type ScriptedServer, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";
import { numberedLines } from "../support/shipment.ts";

const UNDELIVERED = /^Undelivered: the last 21 of 21 bytes \(3 lines read and not acked\)$/m;
const STOPPING = /^SIGTERM: finishing what was read, at most [\d.]+ s; again to end at once\n/m;

/** Ships three lines to the port. */
async function ship(port: number, ...flags: string[]): Promise<RunningNode> {
  return shipLines(3, port, ...flags);
}

async function shipLines(lines: number, port: number, ...flags: string[]): Promise<RunningNode> {
  const logFile = join(await temporaryDirectory(), "app.log");
  await writeFile(logFile, numberedLines(lines));
  return startLogship(["--log-file", logFile, "--server-port", `${port}`, ...flags]);
}

/** A client whose three lines the server has read and does not ack. */
async function waitingForAcks(...flags: string[]): Promise<RunningNode & { server: ScriptedServer }> {
  const server = await scriptedServer(staysSilent);
  const running = await ship(server.port, ...flags);
  await (await server.visit(1)).lines(3);
  return { ...running, server };
}

describe("SIGTERM ends the client within its bound, and what is undelivered is said", () => {
  test.skipIf(process.platform !== "linux")("while it connects", async () => {
    const port = await deafPort();
    const { child, finished } = await ship(port, "--connect-timeout", "600", "--drain-timeout", "0.1");
    await someoneKnocks(port);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(STOPPING);
    expect(end.stderr).toMatch(UNDELIVERED);
    expect(end.code).toBe(75);
  });

  test("while it waits for the next attempt", async () => {
    const flags = ["--backoff-base", "600", "--drain-timeout", "0.1"];
    const { child, finished, says } = await ship(await closedPort(), ...flags);
    await says(/attempt 1 of 5/);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(UNDELIVERED);
    expect(lastLine(end)).toBe("Shipper finished: sent=0, failed=0, duplicate=0");
    expect(end.code).toBe(75);
  });

  test("while it waits for acks", async () => {
    const { child, finished } = await waitingForAcks("--ack-timeout", "600", "--drain-timeout", "0.1");
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(UNDELIVERED);
    expect(end.code).toBe(75);
  });

  test("while it waits for room in its window, with most of the file unread", async () => {
    const server = await scriptedServer(staysSilent);
    const flags = ["--ack-timeout", "600", "--drain-timeout", "0.1", "--window-bytes", "64K"];
    const { child, finished } = await shipLines(50_000, server.port, ...flags, "--batch-size", "100");
    await (await server.visit(1)).lines(100);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    const bytes = numberedLines(50_000).length;
    expect(end.stderr).toMatch(
      new RegExp(`^Undelivered: the last ${bytes} of ${bytes} bytes \\(\\d+ lines`, "m"),
    );
    expect(end.code).toBe(75);
  });
});

describe("the same in resilient and continuous mode, which wait for a server as long as it takes", () => {
  const flags = ["--backoff-base", "600", "--ack-timeout", "600", "--drain-timeout", "0.1"];

  test("while it waits for the next attempt, and has read on", async () => {
    const { child, finished, says } = await ship(
      await closedPort(),
      "--resilient",
      ...flags,
      "--drain-timeout=600",
    );
    await says(/attempt 1, the next/);
    child.kill("SIGTERM");
    await says(STOPPING);
    child.kill("SIGTERM");
    expect(tidy(await finished).code).toBe(143);
  });

  test("while it drains at the end of its input", async () => {
    const server = await scriptedServer(staysSilent);
    const { child, finished } = await ship(server.port, "--resilient", ...flags);
    await (await server.visit(1)).lines(3);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(UNDELIVERED);
    expect(end.code).toBe(75);
  });

  test.skipIf(process.platform !== "linux")("while it connects, following a file", async () => {
    const port = await deafPort();
    const following = ["--mode", "continuous", "--start-at", "beginning", "--connect-timeout", "600"];
    const { child, finished } = await ship(port, ...flags, ...following);
    await someoneKnocks(port);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(UNDELIVERED);
    expect(end.code).toBe(75);
  });

  test("while lines are dropped: what was dropped is counted apart", async () => {
    const following = ["--mode", "continuous", "--start-at", "beginning"];
    const dropping = ["--resilient", "--buffer-size", "10", "--when-full", "drop-newest"];
    const port = await closedPort();
    const { child, finished, says } = await shipLines(100, port, ...flags, ...following, ...dropping);
    await says(/the buffer is full: lines are dropped \(--when-full=drop-newest\)/);
    await says(/attempt 1, the next/);
    child.kill("SIGTERM");
    const end = tidy(await finished);
    expect(end.stderr).toMatch(/^90 lines dropped as the buffer was full$/m);
    expect(end.stderr).toMatch(/^Undelivered: .* \(10 lines read and not acked\)$/m);
    expect(end.code).toBe(75);
  });
});

describe("acks that come while it finishes", () => {
  test("count, and if none is missing it was a success", async () => {
    const { child, finished, says, server } = await waitingForAcks("--drain-timeout", "600");
    child.kill("SIGTERM");
    await says(STOPPING);
    server.visits[0]!.ack(3);
    const end = tidy(await finished);
    expect(lastLine(end)).toBe("Shipper finished: sent=3, failed=0, duplicate=0");
    expect(end.code).toBe(0);
  });

  test("do not make it one where the file was not read to its end", async () => {
    const server = await scriptedServer(staysSilent);
    const flags = ["--drain-timeout", "600", "--window-bytes", "64K", "--batch-size", "100"];
    const { child, finished, says } = await shipLines(50_000, server.port, ...flags);
    const visit = await server.visit(1);
    await visit.lines(100);
    child.kill("SIGTERM");
    await says(STOPPING);
    void acksLines(visit);
    const end = tidy(await finished);
    const settled = numberedLines(visit.newlines).length;
    const bytes = numberedLines(50_000).length;
    expect(end.stderr).toContain(`Undelivered: the last ${bytes - settled} of ${bytes} bytes (0 lines`);
    expect(lastLine(end)).toBe(`Shipper finished: sent=${visit.newlines}, failed=0, duplicate=0`);
    expect(end.code).toBe(75);
  });
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("a second %s ends it at once", async (signal, code) => {
  const { child, finished, says } = await waitingForAcks("--ack-timeout", "600", "--drain-timeout", "600");
  child.kill(signal);
  await says(/: finishing what was read/);
  child.kill(signal);
  expect(tidy(await finished).code).toBe(code);
});

describe("output that nobody reads any more does not end the work", () => {
  test("standard error closed before the first line", async () => {
    const server = await scriptedServer(acksLines);
    const { child, finished } = await ship(server.port);
    child.stderr!.destroy();
    expect((await finished).code).toBe(0);
    expect(server.visits[0]!.newlines).toBe(3);
  });

  test("standard output closed, as `--help | head -1` does", async () => {
    const { child, finished } = startNode(mainScript, ["--help"]);
    child.stdout!.destroy();
    expect(tidy(await finished).code).toBe(0);
  });
});
