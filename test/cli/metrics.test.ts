import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closedPort } from "../support/listen.ts";
import { lastLine, logship, startLogship, tidy } from "../support/logship.ts";
import { acksLines, scriptedServer } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";
import { numberedLines } from "../support/shipment.ts";

const LINE =
  /^\[metrics\] sent=\d+ failed=\d+ avg_latency=\d+\.\dms max_latency=\d+\.\dms avg_buffer=\d+ dropped=\d+ retries=\d+ lag=\d+$/;

async function fileOfLines(count: number): Promise<string> {
  const path = join(await temporaryDirectory(), "app.log");
  await writeFile(path, numberedLines(count));
  return path;
}

function metricsIn(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line.startsWith("[metrics]"));
}

test("a last line is printed at the end, right before what scripts look for", async () => {
  const { port } = await scriptedServer(acksLines);
  const args = ["--log-file", await fileOfLines(3), "--server-port", `${port}`];
  const finished = await logship([...args, "--metrics-interval", "600"]);
  const [line, ...others] = metricsIn(finished.stderr);
  expect(others).toEqual([]);
  expect(line).toMatch(LINE);
  expect(line).toContain(" sent=3 failed=0 ");
  expect(line).toMatch(/ dropped=0 retries=0 lag=0$/);
  expect(line).not.toContain("max_latency=0.0ms");
  expect(lastLine(finished)).toBe("Shipper finished: sent=3, failed=0, duplicate=0");
  expect((await logship(args)).stderr).not.toContain("[metrics]");
});

test("one is printed each interval, whether anything moves or not", async () => {
  const args = ["--log-file", await fileOfLines(3), "--server-port", `${await closedPort()}`];
  const flags = ["--mode", "continuous", "--start-at", "beginning", "--drain-timeout", "0.01"];
  const running = await startLogship([...args, ...flags, "--metrics-interval", "0.05"]);
  await running.says(/(\[metrics\] .*retries=\d+ lag=21\n(.*\n)*?){3}/);
  running.child.kill("SIGTERM");
  const { code, stderr } = tidy(await running.finished);
  expect(code).toBe(75);
  for (const line of metricsIn(stderr)) expect(line).toMatch(LINE);
  expect(metricsIn(stderr).at(-1)).toContain(" avg_buffer=3 dropped=0 ");
});
