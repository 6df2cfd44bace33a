// What a state directory tells to those who only look: nothing is locked, and nothing is written.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError, describeSystemError, EXIT, LogshipError } from "../errors.ts";
import { decodeStatus, STATUS_FILE, type StatusDocument } from "../observe/status-file.ts";
import { type Checkpoint, decodeCheckpoint } from "../source/checkpoint.ts";
import { CHECKPOINT, PREVIOUS_CHECKPOINT } from "../source/state-dir.ts";

/** The newest checkpoint that can be read; undefined if there is none. */
export async function readCheckpoint(
  stateDir: string,
  print: (line: string) => void,
): Promise<Checkpoint | undefined> {
  for (const name of [CHECKPOINT, PREVIOUS_CHECKPOINT]) {
    const path = join(resolve(stateDir), name);
    try {
      return decodeCheckpoint(await readFile(path, "utf8"));
    } catch (error) {
      if (isMissing(error)) continue;
      if (isSystemError(error)) throw new ConfigError(`cannot read ${path}: ${describeSystemError(error)}`);
      print(`warning: ${path} is damaged: ${describeSystemError(error)}`);
    }
  }
  return undefined;
}

/** What the client last told of itself; undefined if it never did, or not in a form that is known. */
export async function readStatus(
  stateDir: string,
  print: (line: string) => void,
): Promise<StatusDocument | undefined> {
  const path = join(resolve(stateDir), STATUS_FILE);
  try {
    return decodeStatus(await readFile(path, "utf8"));
  } catch (error) {
    if (!isMissing(error)) print(`warning: ${path} is of no use: ${describeSystemError(error)}`);
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function isSystemError(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code !== undefined;
}

/** There is nothing to look at. */
export function noState(stateDir: string): LogshipError {
  const message = `nothing is known in the state folder ${resolve(stateDir)}: no client has used it, or its checkpoint is damaged`;
  return new LogshipError("ERR_NO_INPUT", EXIT.noInput, `${message}; --state-dir names another`);
}
