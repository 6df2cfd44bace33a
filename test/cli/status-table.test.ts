import { describe, expect, test } from "vitest";
import type { FileReport, StatusReport } from "../../src/cli/interfaces.ts";
import { statusTable } from "../../src/cli/status-table.ts";

const nowMs = Date.parse("2024-01-15T12:00:00Z");
const plain = { width: Number.POSITIVE_INFINITY, color: false, nowMs };

const delivered: FileReport = {
  path: "/var/log/app.log",
  stream: "AbCdEfGhIjKlMn-_",
  inode: "65024:17",
  isRotated: false,
  sizeBytes: 1234,
  readBytes: 1234,
  ackedBytes: 1234,
  lagBytes: 0,
  oldestSeconds: null,
  state: "delivered",
  why: "nothing new",
  error: null,
};
const behind: FileReport = {
  ...delivered,
  path: "/var/log/a-longer-name.log",
  sizeBytes: 2_001_234,
  lagBytes: 2_000_000,
  oldestSeconds: 400.4,
  state: "unreachable",
  why: "connection refused",
  error: "input/output error (EIO)",
};
const begun: FileReport = { ...delivered, path: "/new.log", stream: null };

function reportOf(...files: FileReport[]): StatusReport {
  const client = {
    isRunning: true,
    pid: 7,
    startedAt: "2024-01-14T12:00:00Z",
    server: "logs:9000",
    isConnected: false,
    connectionError: "connection refused",
    lastAckAt: "2024-01-15T11:59:00Z",
    seenAt: "2024-01-15T11:59:59Z",
  };
  const lagBytes = files.reduce((sum, file) => sum + file.lagBytes, 0);
  return { stateDir: "/state", isHealthy: lagBytes === 0, client, lagBytes, files };
}

test("a row a file, with aligned columns", () => {
  expect(statusTable(reportOf(delivered, behind, begun), plain)).toBe(`\
client  running as process 7, started 24 h ago
server  logs:9000: connection refused, last ack 60 s ago

FILE                             SIZE   READ  ACKED        LAG  OLDEST  STREAM            INODE     STATE
/var/log/app.log                1,234  1,234  1,234          0       -  AbCdEfGhIjKlMn-_  65024:17  delivered: nothing new
/var/log/a-longer-name.log  2,001,234  1,234  1,234  2,000,000   6 min  AbCdEfGhIjKlMn-_  65024:17  unreachable: connection refused; last error: input/output error (EIO)
/new.log                        1,234  1,234  1,234          0       -  -                 65024:17  delivered: nothing new

NOT HEALTHY, 2,000,000 bytes behind
`);
});

test("rotated and deleted files with nothing left to do are only counted", () => {
  const gone: FileReport = { ...delivered, path: "/gone.log", state: "gone" };
  const rotated: FileReport = { ...delivered, path: "/app.log.1", isRotated: true };
  const busy: FileReport = { ...rotated, path: "/app.log.2", lagBytes: 5, state: "moving" };
  const table = statusTable(reportOf(delivered, gone, rotated, busy), plain);
  expect(table).toContain("\nand 2 rotated or deleted, delivered whole\n");
  expect(table).toMatch(/^\/app\.log\.2 /m);
  expect(table).not.toMatch(/gone\.log|app\.log\.1/);
});

test("no file at all, and a client that does not run", () => {
  const { client, ...report } = reportOf();
  const stopped = { ...client, isRunning: false, connectionError: null, lastAckAt: null };
  expect(statusTable({ ...report, client: stopped }, plain)).toBe(`\
client  not running, last heard of 1 s ago
server  logs:9000: not in use, last ack unknown

no file is known in /state

healthy, 0 bytes behind
`);
});

describe("a terminal that is too narrow", () => {
  const widthsAt = (width: number): number[] =>
    statusTable(reportOf(delivered), { ...plain, width })
      .split("\n")
      .slice(3, 5)
      .map((line) => line.length);

  test.each([120, 100, 80, 72])("%i columns: the least important ones are left out", (width) => {
    for (const length of widthsAt(width)) expect(length).toBeLessThanOrEqual(width);
    const table = statusTable(reportOf(delivered), { ...plain, width });
    expect(table).toContain("/var/log/app.log");
    expect(table).toContain("delivered: nothing new");
  });

  test("a long path is cut at its front, but never to nothing", () => {
    const long: FileReport = { ...delivered, path: `/${"folder/".repeat(20)}app.log` };
    const cut = statusTable(reportOf(long), { ...plain, width: 80 });
    const row = cut.split("\n")[4]!;
    expect(row).toHaveLength(80);
    expect(row).toMatch(/^…[a-z/]*\/app\.log {2}/);
    const narrowest = statusTable(reportOf(long), { ...plain, width: 10 }).split("\n")[4]!;
    expect(narrowest).toMatch(/^….{19} {2}/);
  });
});

test("colours where they are wanted, and no control characters of others", () => {
  const strange: FileReport = { ...delivered, path: "/a\x1b[2J.log", state: "moving", why: "on its way" };
  const table = statusTable(reportOf(strange, behind), { ...plain, color: true });
  const rows = table.split("\n");
  expect(rows[4]!.startsWith("\x1b[32m/a\ufffd[2J.log ")).toBe(true);
  expect(rows[5]!.startsWith("\x1b[31m/var/")).toBe(true);
  for (const row of rows.slice(4, 6)) expect(row.endsWith("\x1b[39m")).toBe(true);
  expect(statusTable(reportOf(strange, behind), plain)).not.toContain("\x1b");
});
