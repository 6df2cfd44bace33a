import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createLogServer, type LogServer } from "../../src/server/log-server.ts";
import type { LogServerOptions } from "../../src/server/options.ts";

/** A folder that is gone when the test is. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "logship-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface RunningServer {
  readonly server: LogServer;
  readonly port: number;
  readonly storeDir: string;
  /** The server's own log so far, as `level: message`. */
  readonly log: string[];
  /** What the store holds: all segments, in order. */
  readStore(): Promise<string>;
}

/** A server on a free port with a store of its own, stopped when the test is over. */
export async function startServer(options: Partial<LogServerOptions> = {}): Promise<RunningServer> {
  const storeDir = options.storeDir ?? join(await temporaryDirectory(), "store");
  const server = createLogServer({ port: 0, drainTimeoutMs: 2000, ...options, storeDir });
  const log: string[] = [];
  server.on("log", (level, message) => log.push(`${level}: ${message}`));
  onTestFinished(() => server.stop());
  const { port } = await server.start();
  return { server, port, storeDir, log, readStore: () => readStore(storeDir) };
}

/** All segments of a store, in order. */
export async function readStore(storeDir: string): Promise<string> {
  const names = await segmentsOf(storeDir);
  const texts = await Promise.all(names.map((name) => readFile(join(storeDir, name), "utf8")));
  return texts.join("");
}

/** The names of a store's segments, in order. */
export async function segmentsOf(storeDir: string): Promise<string[]> {
  return (await readdir(storeDir)).filter((name) => /^\d{10}\.ndjson$/.test(name)).sort();
}

/** Waits until something holds; for state that nothing announces. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}
