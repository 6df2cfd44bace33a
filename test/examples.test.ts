import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createLogServer } from "../src/index.ts";
import { runNode } from "./support/run-node.ts";

const embedShipper = resolve("dist/examples/embed-shipper.js");
const embedServer = resolve("dist/examples/embed-server.js");

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "logship-examples-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function storedIn(storeDir: string): string {
  return readFileSync(join(storeDir, "0000000001.ndjson"), "utf8");
}

test("embed-shipper ships a file and says how it went", async () => {
  const folder = temporaryFolder();
  const logFile = join(folder, "app.log");
  writeFileSync(logFile, "2024-03-04 06:58:12 INFO Ready\nno format\n");
  const server = createLogServer({ port: 0, storeDir: join(folder, "store") });
  const { port } = await server.start();
  onTestFinished(() => server.stop());

  const env = { XDG_STATE_HOME: folder };
  expect(await runNode(embedShipper, [logFile, String(port)], { env })).toEqual({
    code: 0,
    stdout: `${logFile}: 2 lines stored, 0 refused, 41 bytes settled\n`,
    stderr: "",
  });
  const events = storedIn(join(folder, "store"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events).toEqual([
    {
      timestamp: "2024-03-04 06:58:12",
      level: "INFO",
      message: "Ready",
      service: "example",
      event_id: expect.stringMatching(/^[\w-]{16}:0$/),
    },
    {
      level: "UNKNOWN",
      message: "no format",
      service: "example",
      event_id: expect.stringMatching(/^[\w-]{16}:31$/),
    },
  ]);
});

test("embed-shipper ends with the exit code of its error", async () => {
  const missing = join(temporaryFolder(), "missing.log");
  expect(await runNode(embedShipper, [missing])).toEqual({
    code: 66,
    stdout: "",
    stderr: `ERR_NO_INPUT: cannot read ${missing}: no such file or directory (ENOENT)\n`,
  });
});

test("embed-server stores what it is sent, acks it and counts it", async () => {
  const storeDir = join(temporaryFolder(), "store");
  const ack = '{"status": "ok", "message": "received"}\n';
  expect(await runNode(embedServer, [storeDir])).toEqual({
    code: 0,
    stdout: `${ack}${ack}stored 2 lines: INFO=1 ERROR=1\n`,
    stderr: "",
  });
  expect(storedIn(storeDir)).toBe(
    '{"level":"INFO","message":"Ready"}\n{"level":"ERROR","message":"No paper"}\n',
  );
});

test("embed-server needs no folder of its user's", async () => {
  const { code, stdout } = await runNode(embedServer, [], { env: { TMPDIR: temporaryFolder() } });
  expect({ code, last: stdout.split("\n").at(-2) }).toEqual({
    code: 0,
    last: "stored 2 lines: INFO=1 ERROR=1",
  });
});
