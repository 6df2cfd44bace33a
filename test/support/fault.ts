import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** What is staged in a program: see `fault-preload.ts`. */
export interface Fault {
  /** `ack` is the arrival of bytes on a connection, `send` their departure; the path of `rename` is `FROM -> TO`. */
  readonly call: "open" | "write" | "sync" | "read" | "rename" | "send" | "ack";
  /** A part of the path that is called on; any call unless given. */
  readonly path?: string;
  /** Which of the calls, counted from 1. */
  readonly nth?: number;
  readonly when?: "before" | "after";
  /** How many calls fail from there on. */
  readonly times?: number;
  /** The error code that they fail with; without one, the program is killed. */
  readonly error?: string;
}

/** How to start a program so that it meets the fault. */
export function withFault(fault: Fault): { nodeFlags: string[]; env: Record<string, string> } {
  const preload = pathToFileURL(resolve("dist/test/support/fault-preload.js")).href;
  return { nodeFlags: ["--import", preload], env: { FAULT: JSON.stringify(fault) } };
}
