// Where a file is that a client knows, found by looking, without the client's help.

import { describeSystemError } from "../errors.ts";
import type { FileStatus } from "../observe/status-file.ts";
import type { FileRecord } from "../source/checkpoint.ts";
import { FileContent, readFully } from "../source/content.ts";
import { type FileStat, statFile } from "../source/file-stat.ts";
import { findMoved, isCompressed, openIfSame } from "../source/rotation.ts";

/** One life of a file: what the checkpoint has of it, what the client last said of it, or both. */
export interface Known {
  readonly record: FileRecord | undefined;
  readonly status: FileStatus | undefined;
}

export interface Place {
  readonly path: string;
  /** Undefined if it cannot be told: the file is gone, compressed, or not to be looked at. */
  readonly sizeBytes: number | undefined;
  /** When it was last written to, in milliseconds since 1970; 0 if that is not known. */
  readonly modifiedMs: number;
  readonly isMoved: boolean;
  readonly isGone: boolean;
  /** Why it cannot be looked at. */
  readonly error: string | undefined;
}

/** A longer rest of a file is not searched for a newline: the client would not wait for one either. */
const PARTIAL_BYTES_MAX = 1024 * 1024;

export async function placeOf({ record, status }: Known, ackedBytes: number): Promise<Place> {
  const { path, inode, family } = (status ?? record)!;
  let stat: FileStat | undefined;
  try {
    stat = statFile(path);
  } catch (error) {
    return { ...nowhere(path), isGone: false, error: describeSystemError(error) };
  }
  if (stat?.kind === "file") {
    const isSame = stat.inode === inode ? stat.sizeBytes >= ackedBytes : await holds(path, record);
    if (isSame) return placeAt(path, stat, false);
  }
  // A rotated file that the client has let go of was delivered whole; there may be a thousand of them.
  if (record === undefined || (record.isRotated && status === undefined)) return nowhere(path);
  const moved = await findMoved(family, inode, record);
  await moved?.content.close();
  return moved === undefined ? nowhere(path) : placeAt(moved.sibling.path, moved.sibling, true);
}

function nowhere(path: string): Place {
  return { path, sizeBytes: undefined, modifiedMs: 0, isMoved: false, isGone: true, error: undefined };
}

/** The place of a file that is there. */
export function placeAt(path: string, { sizeBytes, modifiedMs }: FileStat, isMoved: boolean): Place {
  const size = isCompressed(path) ? undefined : sizeBytes;
  return { path, sizeBytes: size, modifiedMs, isMoved, isGone: false, error: undefined };
}

async function holds(path: string, record: FileRecord | undefined): Promise<boolean> {
  if (record === undefined || record.head.bytes === 0) return false;
  const content = await openIfSame(path, record).catch(() => undefined);
  await content?.close();
  return content !== undefined;
}

/** True if what follows `offset` is the beginning of a line, and no more. */
export async function isPartialLine({ path, sizeBytes }: Place, offset: number): Promise<boolean> {
  const length = (sizeBytes ?? 0) - offset;
  if (length <= 0 || length > PARTIAL_BYTES_MAX) return false;
  try {
    const content = await FileContent.open(path);
    try {
      return !(await readFully(content, offset, length)).includes(10);
    } finally {
      await content.close();
    }
  } catch {
    return false; // another reason will be told
  }
}
