// The log server of this checkout, for make: node dist/scripts/local-server.js ensure|start|stop|status|where
import { relative, resolve } from "node:path";
import { clientProgram } from "../src/config/client-options.ts";
import { loadSettings } from "../src/config/load.ts";
import { serverProgram } from "../src/config/server-options.ts";
import { describeSystemError, EXIT, LogshipError, UsageError } from "../src/errors.ts";
import { probe } from "./probe.ts";
import { findLocalServer, type LocalServer, SERVER_LOG, startServer, stopServer } from "./server-process.ts";

/** What a server may take to stop beyond its own drain timeout. */
const STOP_MARGIN_MS = 2_000;

const thisMachine: readonly string[] = ["localhost", "127.0.0.1", "::1", "0.0.0.0", "::"];

const verbs: Readonly<Record<string, () => Promise<void> | void>> = {
  /** Uses the log server that answers where the client will ask, or starts one there. */
  ensure: () => ensure("using the log server that answers at"),
  start: () => ensure("a log server is already running at"),
  stop,
  status() {
    const server = findLocalServer();
    say(server === undefined ? "no log server of this checkout is running" : `running: ${describe(server)}`);
  },
  /** For after a delivery; of a server that is not ours it knows nothing and says nothing. */
  where() {
    const server = findLocalServer();
    if (server?.address === bindAddress()) say(`stored in ${shorten(server.storeDir)}/ as NDJSON`);
  },
};

async function ensure(alreadyThere: string): Promise<void> {
  const { host, port } = target();
  const finding = await probe(host, port);
  if (finding.found === "log server") {
    say(`${alreadyThere} ${host}:${port}`);
  } else if (finding.found === "stranger") {
    throw unavailable(`${host}:${port}: what answers there is no log server (${finding.reason})`);
  } else if (thisMachine.includes(host)) {
    await start();
  } else {
    const why = `nothing answers there (${finding.reason})`;
    throw unavailable(`${host}:${port}: ${why}, and a server for another machine must be started on it`);
  }
}

async function start(): Promise<void> {
  const running = findLocalServer();
  if (running !== undefined) {
    throw unavailable(
      `this checkout's log server is at another address (${describe(running)}): make stop ends it`,
    );
  }
  const { storeDir } = loadSettings(serverProgram, [], process.env).settings;
  const server = await startServer(bindAddress(), resolve(storeDir));
  say(`started a log server: ${describe(server)}, log in ${SERVER_LOG}`);
}

async function stop(): Promise<void> {
  const server = findLocalServer();
  if (server === undefined) {
    say("no log server of this checkout is running");
    return;
  }
  const { drainTimeoutMs } = loadSettings(serverProgram, [], process.env).settings;
  const { killed } = await stopServer(server, drainTimeoutMs + STOP_MARGIN_MS);
  say(
    `${killed ? "killed the log server, which did not stop when told to" : "stopped the log server"} (pid ${server.pid})`,
  );
}

/** Where the client will ask. */
function target(): { host: string; port: number } {
  const { serverHost, serverPort } = loadSettings(clientProgram, [], process.env).settings;
  return { host: serverHost, port: serverPort };
}

/** Where a server of ours listens so that the client finds it; reached from elsewhere only when asked for. */
function bindAddress(): string {
  const { host, port } = target();
  return `${host === "localhost" ? "127.0.0.1" : host}:${port}`;
}

function describe({ pid, address, storeDir }: LocalServer): string {
  return `pid ${pid} at ${address}, storing in ${shorten(storeDir)}/`;
}

function shorten(path: string): string {
  const below = relative("", path);
  return below === "" || below.startsWith("..") ? path : below;
}

function unavailable(message: string): LogshipError {
  return new LogshipError("ERR_UNAVAILABLE", EXIT.unavailable, message);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  const verb = process.argv[2] ?? "";
  if (!Object.hasOwn(verbs, verb)) throw new UsageError(`give one of ${Object.keys(verbs).join(", ")}`);
  await verbs[verb]!();
} catch (error) {
  const { path = "" } = error as NodeJS.ErrnoException;
  process.stderr.write(
    error instanceof LogshipError ? `${error.message}\n` : `${path}: ${describeSystemError(error)}\n`,
  );
  process.exitCode = error instanceof LogshipError ? error.exitCode : EXIT.config;
}
