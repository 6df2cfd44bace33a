import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lastLine, logship } from "../support/logship.ts";
import type { Finished } from "../support/run-node.ts";
import { acksLines, type Script, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";

const RSS_MB_MAX = 150;
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

function peakMb(stdout: string): number {
  return Number(/^VmHWM:\s*(\d+) kB\n$/.exec(stdout)![1]) / 1024;
}

const line = "2024-01-15 08:23:45 INFO 64 bytes of log, again and again, so\n".padStart(64, " ");
const acksEverything: Script = (visit) => {
  visit.keeps = false;
  return acksLines(visit);
};

/** Ships such a file to such a server; checks that the client was never larger than it may be. */
async function ship(piece: string, mib: number, script: Script, ...flags: string[]): Promise<Finished> {
  const { port } = await scriptedServer(script);
  const finished = await logship(
    ["--log-file", await fileOf(piece, mib), "--server-port", `${port}`, ...flags],
    { env },
  );
  expect(peakMb(finished.stdout)).toBeLessThan(RSS_MB_MAX);
  return finished;
}

describe.skipIf(process.platform !== "linux")("the client's memory is bounded", () => {
  test("with a line of 100 MiB, which is split at the limit", async () => {
    const finished = await ship("x".repeat(64), 100, acksEverything);
    expect(finished.stderr).toMatch(/^1 lines over the limit were split \(99 further parts\)$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=100, failed=0, duplicate=0");
  });

  test.each(["auto", "5000"])(
    "when the server acks nothing of a large file (BATCH_SIZE=%s)",
    async (batchSize) => {
      const flags = ["--ack-timeout", "0.3", "--connect-attempts", "1", "--batch-size", batchSize];
      expect((await ship(line, 200, staysSilent, ...flags)).code).toBe(75);
    },
  );

  test("when a large file goes out in large batches", async () => {
    const finished = await ship(line, 100, acksEverything, "--batch-size", "20000");
    expect(lastLine(finished)).toBe(`Shipper finished: sent=${100 * (MIB / 64)}, failed=0, duplicate=0`);
  });
});
