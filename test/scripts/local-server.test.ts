import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Finished, runNode } from "../support/run-node.ts";

type Env = Readonly<Record<string, string>>;

const script = resolve("dist/scripts/local-server.js");
const standIn = resolve("dist/test/support/stand-in-server.js");

/** A folder that looks like a built checkout, with the stand-in as its server; stopped and removed at the end. */
function checkout(): { folder: string; localServer: (verb: string, env?: Env) => Promise<Finished> } {
  const folder = mkdtempSync(join(tmpdir(), "logship-run-"));
  mkdirSync(join(folder, "dist"));
  symlinkSync(standIn, join(folder, "dist/server-main.js"));
  const localServer = (verb: string, env: Env = {}): Promise<Finished> =>
    runNode(script, [verb], { cwd: folder, env });
  onTestFinished(async () => {
    await localServer("stop", { DRAIN_TIMEOUT: "0" });
    rmSync(folder, { recursive: true });
  });
  return { folder, localServer };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

async function freePort(): Promise<string> {
  const server = createServer();
  const port = await new Promise<number>((done) => {
    server.listen(0, "127.0.0.1", () => done((server.address() as AddressInfo).port));
  });
  await new Promise((done) => server.close(done));
  return String(port);
}

describe("where nothing listens", () => {
  test("ensure starts a server, the next one uses it, and stop ends it", async () => {
    const { folder, localServer } = checkout();
    const env = { SERVER_PORT: await freePort(), STORE_DIR: "events" };

    const first = await localServer("ensure", env);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const pid = readFileSync(join(folder, ".run/server.pid"), "utf8").split("\n")[0];
    const server = `pid ${pid} at 127.0.0.1:${env.SERVER_PORT}, storing in events/`;
    expect(first.stdout).toBe(`started a log server: ${server}, log in .run/server.log\n`);
    expect(readFileSync(join(folder, ".run/server.log"), "utf8")).toContain(`storing in ${folder}/events\n`);

    const address = `localhost:${env.SERVER_PORT}\n`;
    expect((await localServer("ensure", env)).stdout).toBe(`using the log server that answers at ${address}`);
    expect((await localServer("start", env)).stdout).toBe(`a log server is already running at ${address}`);
    expect((await localServer("status", env)).stdout).toBe(`running: ${server}\n`);
    expect((await localServer("where", env)).stdout).toBe("stored in events/ as NDJSON\n");

    expect(await localServer("stop")).toEqual({
      code: 0,
      stdout: `stopped the log server (pid ${pid})\n`,
      stderr: "",
    });
    expect((await localServer("status")).stdout).toBe("no log server of this checkout is running\n");
    expect((await localServer("stop")).stdout).toBe("no log server of this checkout is running\n");
    expect(await localServer("where", env)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("a server that ends at once is reported with what it said", async () => {
    const { folder, localServer } = checkout();
    const env = { SERVER_PORT: await freePort(), STAND_IN: "dies" };
    expect(await localServer("ensure", env)).toEqual({
      code: 69,
      stdout: "",
      stderr: "the log server ended at once; .run/server.log ends with:\n  the store cannot be written\n",
    });
    expect(existsSync(join(folder, ".run/server.pid"))).toBe(false);
  });

  test("no second server is started beside one at another address", async () => {
    const { localServer } = checkout();
    await localServer("start", { SERVER_PORT: await freePort() });
    const second = await localServer("start", { SERVER_PORT: await freePort() });
    expect(second).toMatchObject({ code: 69, stdout: "" });
    expect(second.stderr).toMatch(
      /^this checkout's log server is at another address \(pid .*\): make stop ends it\n$/,
    );
  });

  test("on another machine, none can be started", async () => {
    const { folder, localServer } = checkout();
    const { code, stderr } = await localServer("ensure", { SERVER_HOST: "logs.invalid" });
    expect(code).toBe(69);
    expect(stderr).toMatch(
      /^logs\.invalid:9000: nothing answers there \(.*\), and a server for another machine must/,
    );
    expect(existsSync(join(folder, ".run"))).toBe(false);
  });
});

describe("what answers is no log server", () => {
  test.each<[string, () => Server, string]>([
    ["a web server", () => createHttpServer(), 'it says "HTTP/1.1 400 Bad Request\\r"'],
    ["one that says nothing", () => createServer(() => {}), "no answer within 2 s"],
    ["one that hangs up", () => createServer((socket) => socket.destroy()), "it closes the connection"],
    [
      "another kind of JSON",
      () => createServer((socket) => socket.write('{"ok":true}\n')),
      'it says "{\\"ok\\":true}"',
    ],
    [
      "a chatterbox",
      () => createServer((socket) => socket.write("x".repeat(9_999))),
      `it says "${"x".repeat(60)}"`,
    ],
  ])("%s", async (_, create, reason) => {
    const { folder, localServer } = checkout();
    const port = await listening(create().on("connection", (socket) => socket.on("error", () => {})));
    const { code, stdout, stderr } = await localServer("ensure", { SERVER_PORT: port });
    expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
    expect(stderr).toBe(`localhost:${port}: what answers there is no log server (${reason})\n`);
    expect(existsSync(join(folder, ".run"))).toBe(false);
  });
});

test("a server that does not stop is killed, and said to be", async () => {
  const { localServer } = checkout();
  await localServer("start", { SERVER_PORT: await freePort(), STAND_IN: "deaf" });
  const { code, stdout } = await localServer("stop", { DRAIN_TIMEOUT: "0" });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^killed the log server, which did not stop when told to \(pid \d+\)\n$/);
});

test("a pid that now belongs to another program is left alone", async () => {
  const { folder, localServer } = checkout();
  mkdirSync(join(folder, ".run"));
  writeFileSync(join(folder, ".run/server.pid"), `${process.pid}\n127.0.0.1:9000\n/store\n`);
  expect((await localServer("stop")).stdout).toBe("no log server of this checkout is running\n");
});

test.each([
  ["nonsense", {}, "give one of ensure, start, stop, status, where\n", 64],
  ["ensure", { SERVER_PORT: "0" }, 'SERVER_PORT takes a whole number from 1 to 65535, not "0"\n', 78],
] as [string, Env, string, number][])("%s with %j is one clear line", async (verb, env, stderr, code) => {
  const { localServer } = checkout();
  expect(await localServer(verb, env)).toEqual({ code, stdout: "", stderr });
});

test("a state folder that cannot be made is named", async () => {
  const { folder, localServer } = checkout();
  writeFileSync(join(folder, ".run"), "");
  const { code, stderr } = await localServer("ensure", { SERVER_PORT: await freePort() });
  expect({ code, stderr }).toEqual({ code: 78, stderr: ".run/server.pid: not a directory (ENOTDIR)\n" });
});
