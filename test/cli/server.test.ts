import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventPrinter } from "../../src/cli/print-events.ts";
import { VERSION } from "../../src/version.ts";
import { listenOn } from "../support/listen.ts";
import { LogClient } from "../support/log-client.ts";
import { startLogServer } from "../support/log-server.ts";
import { serverScript, tidy } from "../support/logship.ts";
import { type Finished, runNode } from "../support/run-node.ts";
import { temporaryDirectory } from "../support/server.ts";
import { eventLine } from "../support/wire.ts";

async function logshipServer(...args: string[]): Promise<Finished> {
  return tidy(await runNode(serverScript, args));
}

test("--print echoes what is stored, and SIGTERM ends the server in good order", async () => {
  const storeDir = join(await temporaryDirectory(), "store");
  const { port, child, finished } = await startLogServer(storeDir, 0, "--print");
  const client = await LogClient.to(port);
  client.send(`${eventLine("one")}no event\n${eventLine("two")}`);
  await client.acks(3);
  await client.finish();
  child.kill("SIGTERM");
  const { code, stdout, stderr } = tidy(await finished);
  expect(stdout).toBe("[INFO] one\n[INFO] two\n");
  expect(stderr).toMatch(/^SIGTERM: acking what has arrived, .*\nServer finished: stored=2\n$/m);
  expect(code).toBe(0);
});

test("a printed event can neither forge a line nor move the cursor", async () => {
  const stream = new PassThrough();
  const print = eventPrinter(stream);
  const event = { level: "IN\nFO", message: "\x1b[2J\x7f\x9b1A \r\n[ERROR] forged é 温" };
  print(Buffer.from(`${JSON.stringify(event)}\n`));
  print(Buffer.from('{"message":"second","level":"WARN","x":1}\n'));
  stream.end();
  expect(await text(stream)).toBe(
    "[IN\\nFO] \\u001b[2J\\u007f\\u009b1A \\r\\n[ERROR] forged é 温\n[WARN] second\n",
  );
});

describe("what keeps the server from starting is one line", () => {
  test("69: a port in use", async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    const port = await listenOn(other);
    const args = ["--server-host", "127.0.0.1", "--server-port", `${port}`];
    const { code, stdout, stderr } = await logshipServer(...args, "--store-dir", await temporaryDirectory());
    expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^logship-server: .*127\\.0\\.0\\.1:${port}.*EADDRINUSE.*\n$`));
  });

  test("78: a store that cannot be written", async () => {
    const storeDir = join(await temporaryDirectory(), "store");
    await writeFile(storeDir, "a file, not a folder");
    const { code, stdout, stderr } = await logshipServer("--server-port", "0", "--store-dir", storeDir);
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^logship-server: .*${storeDir}.*\n$`));
  });

  test("75: a store that another server writes to", async () => {
    const storeDir = join(await temporaryDirectory(), "store");
    await startLogServer(storeDir);
    const { code, stderr } = await logshipServer("--server-port", "0", "--store-dir", storeDir);
    expect(code).toBe(75);
    expect(stderr).toMatch(
      new RegExp(`^logship-server: .*${storeDir} is in use by another running process.*\n$`),
    );
  });

  test("64: an unknown flag", async () => {
    expect(await logshipServer("--nonsense")).toEqual({
      code: 64,
      stdout: "",
      stderr: "logship-server: unknown flag --nonsense: logship-server --help lists them\n",
    });
  });
});

test("--version and --help are for standard output", async () => {
  expect(await logshipServer("--version")).toEqual({
    code: 0,
    stdout: `logship-server ${VERSION}\n`,
    stderr: "",
  });
  const { code, stdout, stderr } = await logshipServer("--help");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("--store-dir");
});
