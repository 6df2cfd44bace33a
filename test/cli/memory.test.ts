import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { lastLine, logship, startLogship } from "../support/logship.ts";
import type { Finished } from "../support/run-node.ts";
import { acksLines, type Script, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";

/** What is promised, whatever the size of the file; a line at the limit of its length takes some copies of itself. */
const RSS_MB_MAX = 100;
const RSS_MB_MAX_LONG_LINES = 150;
const MIB = 1024 * 1024;
/**
 * Makes a process say at its end how much memory it has had at most. Not by `resourceUsage().maxRSS`, which on Linux
 * begins with what the process had that started it.
 */
const reportsPeak = `
  import { readFileSync } from "node:fs";
  process.on("exit", () => console.log(readFileSync("/proc/self/status", "utf8").match(/VmHWM.*/)[0]));
`;
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(reportsPeak)}` };

/** A file that repeats a piece until it has so many MiB. */
async function fileOf(piece: string, mib: number): Promise<string> {
  const path = join(await temporaryDirectory(), "app.log");
  const block = Buffer.from(piece.repeat(MIB / piece.length));
  const file = openSync(path, "w");
  for (let written = 0; written < mib; written++) writeSync(file, block);
  closeSync(file);
  return path;
}

function peakMbOf(stdout: string): number {
  return Number(/^VmHWM:\s*(\d+) kB\n$/.exec(stdout)![1]) / 1024;
}

const line = "2024-01-15 08:23:45 INFO 64 bytes of log, again and again, so\n".padStart(64, " ");
const acksEverything: Script = (visit) => {
  visit.keeps = false;
  return acksLines(visit);
};

/** Ships such a file to such a server; tells how large the client was at most. */
async function ship(
  piece: string,
  mib: number,
  script: Script,
  ...flags: string[]
): Promise<Finished & { peakMb: number }> {
  const { port } = await scriptedServer(script);
  const finished = await logship(
    ["--log-file", await fileOf(piece, mib), "--server-port", `${port}`, ...flags],
    { env },
  );
  return { ...finished, peakMb: peakMbOf(finished.stdout) };
}

describe.skipIf(process.platform !== "linux")("the client's memory is bounded", () => {
  test("with a line of 100 MiB, which is split at the limit", async () => {
    const finished = await ship("x".repeat(64), 100, acksEverything);
    expect(finished.peakMb).toBeLessThan(RSS_MB_MAX_LONG_LINES);
    expect(finished.stderr).toMatch(/^1 line over the limit, split: 99 further parts$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=100, failed=0, duplicate=0");
  });

  test.each(["auto", "5000"])(
    "when the server acks nothing of a large file (BATCH_SIZE=%s)",
    async (batchSize) => {
      const flags = ["--ack-timeout", "0.3", "--connect-attempts", "1", "--batch-size", batchSize];
      const { code, stderr, peakMb } = await ship(line, 200, staysSilent, ...flags);
      const unacked = Number(/\((\d+) lines read and not acked\)/.exec(stderr)![1]);
      expect(code).toBe(75);
      expect(peakMb).toBeLessThan(RSS_MB_MAX);
      // The default window; an event is longer than its line.
      expect(unacked).toBeGreaterThan(0);
      expect(unacked).toBeLessThan((4 * MIB) / line.length);
    },
  );

  test("in resilient mode, by its buffer", async () => {
    const flags = [
      "--resilient",
      "--buffer-bytes",
      "20M",
      "--buffer-size",
      "10000000",
      "--when-full",
      "drop-newest",
    ];
    const finished = await ship(line, 200, staysSilent, ...flags, "--drain-timeout", "0.1");
    const unacked = Number(/\((\d+) lines read and not acked\)/.exec(finished.stderr)![1]);
    expect(finished.code).toBe(75);
    expect(finished.peakMb).toBeLessThan(RSS_MB_MAX + 20);
    expect(unacked).toBeGreaterThan((10 * MIB) / line.length);
    expect(unacked).toBeLessThan((20 * MIB) / line.length);
  });

  test("when much comes through a pipe", async () => {
    const { port } = await scriptedServer(acksEverything);
    const options = { env, stdin: "pipe" } as const;
    const running = await startLogship(["--log-file", "-", "--server-port", `${port}`], options);
    await pipeline(createReadStream(await fileOf(line, 200)), running.child.stdin!);
    const finished = await running.finished;
    expect(lastLine(finished)).toBe(`Shipper finished: sent=${200 * (MIB / 64)}, failed=0, duplicate=0`);
    expect(peakMbOf(finished.stdout)).toBeLessThan(RSS_MB_MAX);
  });

  test("when a large file goes out in large batches", async () => {
    const finished = await ship(line, 100, acksEverything, "--batch-size", "20000");
    expect(finished.peakMb).toBeLessThan(RSS_MB_MAX);
    expect(lastLine(finished)).toBe(`Shipper finished: sent=${100 * (MIB / 64)}, failed=0, duplicate=0`);
  });
});
