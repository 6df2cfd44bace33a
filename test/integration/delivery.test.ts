import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodePlainly, type LineSetup, usual } from "../support/line-oracle.ts";
import { startLogServer } from "../support/log-server.ts";
import { lastLine, logship, tidy } from "../support/logship.ts";
import { readStore, temporaryDirectory } from "../support/server.ts";

const everyFormat = [
  "2024-01-15 08:23:45 INFO Application started successfully",
  "2024-01-15T08:23:45.123Z [ERROR] with brackets",
  "2024-01-15T08:23:45+02:00 warn: with a colon",
  '{"level":30,"time":1705306225123,"pid":7,"msg":"pino"}',
  '{"level":"warn","message":"winston","timestamp":"2024-01-15T08:10:25.123Z","n":12345678901234567890}',
  '{"level":"info","ts":1705306225.1234567,"msg":"zap"}',
  '{"event":"structlog","level":"info","timestamp":"2024-01-15T08:10:25Z"}',
  "    at Object.<anonymous> (/srv/app.js:10:5)",
  "",
  "温度は21°です",
  "a \0 and a \t",
  "no end",
].join("\n");

describe.each<[string, string[], Partial<LineSetup>]>([
  ["plain", [], {}],
  ["gzip", ["--compress"], {}],
  ["one line a message", ["--batch-size", "1"], {}],
  ["one line a frame", ["--batch-size", "1", "--compress"], {}],
  ["every line as it is", ["--format", "raw"], { format: "raw" }],
  ["text only", ["--format", "text", "--unparsed", "skip"], { format: "text", unparsed: "skip" }],
  ["JSON only", ["--format=json"], { format: "json" }],
  [
    "with fields",
    ["--field", "service=shop", "--field", "zone=a b"],
    {
      fields: new Map([
        ["service", "shop"],
        ["zone", "a b"],
      ]),
    },
  ],
])("%s", (_, flags, setup) => {
  test("every line of the file is in the store, as the formats say, in order", async () => {
    const folder = await temporaryDirectory();
    const logFile = join(folder, "app.log");
    const storeDir = join(folder, "store");
    const content = Buffer.from(everyFormat);
    await writeFile(logFile, content);
    const server = await startLogServer(storeDir);
    const finished = await logship(["--log-file", logFile, "--server-port", `${server.port}`, ...flags]);
    const expected = encodePlainly(content, { ...usual, ...setup });
    const events = expected.split("\n").length - 1;
    expect(await readStore(storeDir)).toBe(expected);
    expect(lastLine(finished)).toBe(`Shipper finished: sent=${events}, failed=0, duplicate=0`);
    expect(finished.code).toBe(0);
    server.child.kill("SIGTERM");
    expect(tidy(await server.finished).code).toBe(0);
  });
});

test("what a server refuses for its length is kept by the client, the lines around it arrive", async () => {
  const folder = await temporaryDirectory();
  const logFile = join(folder, "app.log");
  const storeDir = join(folder, "store");
  await writeFile(logFile, `before\n${"x".repeat(5000)}\nbehind\n`);
  const { port } = await startLogServer(storeDir, 0, "--event-bytes-max", "4K");
  const stateDir = join(folder, "state");
  const finished = await logship([
    "--log-file",
    logFile,
    "--server-port",
    `${port}`,
    "--state-dir",
    stateDir,
  ]);
  expect(finished.code).toBe(65);
  expect(await readStore(storeDir)).toBe(encodePlainly(Buffer.from("before\nbehind\n"), usual));
  expect(await readFile(join(stateDir, "dead-letter.ndjson"), "utf8")).toContain(
    '"reason":"line exceeds 4096 bytes"',
  );
});
