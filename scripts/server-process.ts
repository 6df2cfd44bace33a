import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, LogshipError } from "../src/errors.ts";

// Paths are below the working directory, which is the checkout when make runs this.
const RUN_DIR = ".run";
const PID_FILE = `${RUN_DIR}/server.pid`;
const SERVER_MAIN = resolve("dist/server-main.js");
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** Where the server's output goes. */
export const SERVER_LOG: string = `${RUN_DIR}/server.log`;

/** The server that this checkout runs, as its pid file tells: a line for each of these, as PostgreSQL's has. */
export interface LocalServer {
  readonly pid: number;
  /** `host:port`, as it was told to listen. */
  readonly address: string;
  readonly storeDir: string;
}

/** The running server of this checkout; a pid file that one left behind is removed. */
export function findLocalServer(): LocalServer | undefined {
  const [pid = "", address = "", storeDir = ""] = readOrEmpty(PID_FILE).split("\n");
  if (/^[1-9]\d*$/.test(pid) && isOurServer(Number(pid))) return { pid: Number(pid), address, storeDir };
  rmSync(PID_FILE, { force: true });
  return undefined;
}

/** Pids are used again: on Linux, only a process with our program on its command line counts. */
function isOurServer(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return (
    process.platform !== "linux" || readOrEmpty(`/proc/${pid}/cmdline`).split("\0").includes(SERVER_MAIN)
  );
}

/** Starts the server in the background and waits until it listens. */
export async function startServer(address: string, storeDir: string): Promise<LocalServer> {
  const colon = address.lastIndexOf(":");
  const [host, port] = [address.slice(0, colon), address.slice(colon + 1)];
  mkdirSync(RUN_DIR, { recursive: true });
  const log = openSync(SERVER_LOG, "a");
  const logStart = fstatSync(log).size;
  const child = spawn(process.execPath, [SERVER_MAIN], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, SERVER_HOST: host, SERVER_PORT: port, STORE_DIR: storeDir },
  });
  closeSync(log);
  child.unref();
  const server = { pid: child.pid!, address, storeDir };
  writeFileSync(PID_FILE, `${server.pid}\n${address}\n${storeDir}\n`);
  await untilListening(child, logStart);
  return server;
}

async function untilListening(child: ChildProcess, logStart: number): Promise<void> {
  const said = (): string => readFileSync(SERVER_LOG).subarray(logStart).toString();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!/^listening on /m.test(said())) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || Date.now() > deadline) {
      child.kill("SIGKILL");
      rmSync(PID_FILE, { force: true });
      const outcome = ended ? "ended at once" : `does not listen after ${START_TIMEOUT_MS / 1000} s`;
      const tail = said().trimEnd().split("\n").slice(-10).join("\n  ");
      const message = `the log server ${outcome}; ${SERVER_LOG} ends with:\n  ${tail}`;
      throw new LogshipError("ERR_SERVER_START", EXIT.unavailable, message);
    }
    await sleep(POLL_MS);
  }
}

/** Tells the server to stop, and kills it where it has not done so in time. */
export async function stopServer({ pid }: LocalServer, timeoutMs: number): Promise<{ killed: boolean }> {
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + timeoutMs;
  while (isOurServer(pid) && Date.now() < deadline) await sleep(POLL_MS);
  const killed = isOurServer(pid);
  if (killed) process.kill(pid, "SIGKILL");
  rmSync(PID_FILE, { force: true });
  return { killed };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
