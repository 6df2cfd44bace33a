import { join, resolve } from "node:path";
import { expect } from "vitest";
import { type Finished, type RunningNode, type RunOptions, startNode } from "./run-node.ts";
import { temporaryDirectory } from "./server.ts";

/** The client's command as it is installed. */
export const mainScript: string = resolve("dist/main.js");
export const serverScript: string = resolve("dist/server-main.js");

/** Starts the client with a state directory of its own, short waits and no ids; later flags override these. */
export async function startLogship(args: readonly string[], options: RunOptions = {}): Promise<RunningNode> {
  const stateDir = join(await temporaryDirectory(), "state");
  const usual = ["--state-dir", stateDir, "--server-host", "127.0.0.1", "--backoff-base", "0.001", "--no-id"];
  return startNode(mainScript, [...usual, ...args], options);
}

/** Runs the client to its end, which must be a tidy one. */
export async function logship(args: readonly string[], options?: RunOptions): Promise<Finished> {
  return tidy(await (await startLogship(args, options)).finished);
}

/** Whatever a person did, no stack trace and no word of a bug, and no progress where there is no terminal. */
export function tidy(finished: Finished): Finished {
  expect(finished.stderr).not.toMatch(/^ +at |\ba bug in\b|\r/m);
  return finished;
}

/** The last line that a run printed. */
export function lastLine({ stderr }: Finished): string | undefined {
  return stderr.trimEnd().split("\n").at(-1);
}
