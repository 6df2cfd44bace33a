import { access, constants } from "node:fs/promises";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import { statFile } from "./file-stat.ts";
import { expandPatterns } from "./glob.ts";
import { isCompressed } from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";

/** Throws unless the patterns name files, and all of them can be read. */
export async function expectInput(patterns: readonly string[]): Promise<void> {
  const { paths } = await expandPatterns(patterns, () => {});
  if (paths.length === 0) throw noInput(`no file matches ${patterns.join(", ")}`);
  for (const path of paths) await expectReadable(path);
}

async function expectReadable(path: string): Promise<void> {
  try {
    const stat = statFile(path);
    if (stat?.kind === "directory") throw noInput(`${path} is a directory; name a file in it`);
    if (stat?.kind === "other") {
      throw noInput(`${path} is not a regular file; its lines can be redirected into one`);
    }
    if (isCompressed(path)) throw noInput(`${path} is compressed; inflate it first`);
    await access(path, constants.R_OK);
  } catch (error) {
    throw error instanceof LogshipError ? error : unreadable(path, error);
  }
}

/** What is delivered already is said, not silently passed over. */
export function tellDelivered(files: Iterable<TrackedFile>, report: Report): void {
  for (const { path, position, sizeBytes } of files) {
    const { offset } = position;
    if (offset === 0) continue;
    const what =
      offset === sizeBytes
        ? "was delivered whole before, nothing is shipped"
        : `was delivered up to byte ${offset} before, the rest is shipped`;
    report("info", `${path} ${what}; --again ships it from its beginning`);
  }
}

/** The error for input that is there and cannot be read. */
export function unreadable(what: string, error: unknown): LogshipError {
  return noInput(`cannot read ${what}: ${describeSystemError(error)}`, error);
}

function noInput(message: string, cause?: unknown): LogshipError {
  return new LogshipError("ERR_NO_INPUT", EXIT.noInput, message, { cause });
}
