import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  decodeStatus,
  type FileProgress,
  STATUS_FILE,
  StatusFile,
  type StatusSource,
} from "../../src/observe/status-file.ts";
import { temporaryDirectory, until } from "../support/server.ts";

const file: FileProgress = {
  path: "/var/log/app.log.1",
  family: "/var/log/app.log",
  stream: "AbCdEfGhIjKlMn-_",
  inode: "1:2",
  sizeBytes: 30,
  position: { offset: 20 },
  settledMark: { offset: 10 },
  error: undefined,
};
const source: StatusSource = {
  patterns: ["/var/log/*.log"],
  server: "one:9000",
  stallAfterMs: 60_000,
  isConnected: () => true,
  files: () => [file],
  problems: () => new Map([["/var/log/b.log", "permission denied (EACCES)"]]),
};

async function read(directory: string): Promise<ReturnType<typeof decodeStatus>> {
  return decodeStatus(await readFile(join(directory, STATUS_FILE), "utf8"));
}

test("what it says can be read back, one line a file", async () => {
  const directory = await temporaryDirectory();
  const status = new StatusFile(directory, source, () => {});
  status.failed(new Error("connection refused"));
  status.acked();
  await status.close();
  expect(await read(directory)).toEqual({
    version: 1,
    state: "stopped",
    pid: process.pid,
    startedAt: expect.any(String),
    writtenAt: expect.any(String),
    patterns: ["/var/log/*.log"],
    server: "one:9000",
    isConnected: true,
    connectionError: "connection refused",
    lastAckAt: expect.any(String),
    stallAfterMs: 60_000,
    problems: [{ path: "/var/log/b.log", why: "permission denied (EACCES)" }],
    files: [
      {
        path: "/var/log/app.log.1",
        family: "/var/log/app.log",
        stream: "AbCdEfGhIjKlMn-_",
        inode: "1:2",
        sizeBytes: 30,
        readBytes: 20,
        settledBytes: 10,
        undeliveredSince: expect.any(String),
        error: null,
      },
    ],
  });
  const text = await readFile(join(directory, STATUS_FILE), "utf8");
  expect(text.split("\n").filter((line) => line.includes("app.log.1"))).toHaveLength(1);
});

test("the first news is written at once, and a connection takes back why there was none", async () => {
  const directory = await temporaryDirectory();
  const status = new StatusFile(directory, source, () => {});
  status.failed(new Error("connection refused"));
  status.connected("two:9000");
  await until(() =>
    read(directory).then(
      () => true,
      () => false,
    ),
  );
  expect(await read(directory)).toMatchObject({
    state: "running",
    server: "two:9000",
    connectionError: null,
    lastAckAt: null,
  });
  await status.close();
});

test("that it cannot be written is told once, and hinders nobody", async () => {
  const directory = await temporaryDirectory();
  const told: string[] = [];
  const status = new StatusFile(directory, source, (level, message) => told.push(`${level}: ${message}`));
  await rm(directory, { recursive: true });
  status.changed();
  await until(() => told.length > 0);
  await status.close();
  expect(told).toEqual([
    `warn: ${join(directory, STATUS_FILE)} cannot be written: no such file or directory (ENOENT)`,
  ]);
});

test("another version is not guessed at", () => {
  expect(() => decodeStatus('{"version":2}')).toThrow("its version is 2, not 1");
});
