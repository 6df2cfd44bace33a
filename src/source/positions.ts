// Places in files, and how to tell that a file still is what it was there.

import type { FileRecord } from "./checkpoint.ts";
import {
  type Content,
  type Fingerprint,
  fingerprint,
  HEAD_BYTES_MAX,
  holdsPosition,
  NO_FINGERPRINT,
  type Position,
  readFully,
  TAIL_BYTES_MAX,
} from "./content.ts";
import { type Mark, START } from "./line-reader.ts";
import { isCompressed, openIfSame, type Sibling } from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";

/** Where a life has been read to. */
export function positionOf(file: TrackedFile): Position {
  return { offset: file.position.offset, head: file.head, tail: fingerprint(file.position.tail) };
}

/** True while the bytes of an open file are the ones that were read there. */
export function isUnchanged(file: TrackedFile): Promise<boolean> {
  return holdsPosition(file.content, positionOf(file));
}

/** True if what follows a mark in an open file still stands behind what was read there. */
export function isBehind({ content, head }: TrackedFile, { offset, tail }: Mark): Promise<boolean> {
  const position = { offset, head: offset < HEAD_BYTES_MAX ? head : NO_FINGERPRINT, tail: fingerprint(tail) };
  return holdsPosition(content, position);
}

/** The mark that a record was made of; the bytes before it are read from the content, which is known to hold them. */
export async function markOf({ offset, isInLine, tail }: FileRecord, content: Content): Promise<Mark> {
  return { offset, isInLine, tail: await readFully(content, offset - tail.bytes, tail.bytes) };
}

export async function headOf(content: Content): Promise<Fingerprint> {
  return fingerprint(await readFully(content, 0, HEAD_BYTES_MAX));
}

/** The end of the last complete line: a line that is half written when it is first seen ships whole. */
export async function endOf(content: Content, sizeBytes: number): Promise<Mark> {
  const step = 64 * 1024;
  for (let end = sizeBytes; end > 0; end -= step) {
    const start = Math.max(0, end - step);
    const bytes = await readFully(content, start, end - start);
    const newline = bytes.lastIndexOf(10);
    if (newline < 0) continue;
    const offset = start + newline + 1;
    const tailBytes = Math.min(offset, TAIL_BYTES_MAX);
    return { offset, isInLine: false, tail: await readFully(content, offset - tailBytes, tailBytes) };
  }
  return START;
}

/** True if a path holds the content that a position was taken in. */
export async function isSame(path: string, position: Position): Promise<boolean> {
  const content = await openIfSame(path, position).catch(() => undefined);
  await content?.close();
  return content !== undefined;
}

/** True for a copy, compressed or not, of one of these: of all that is open or its beginning, else of all that was read. */
export async function isKnownCopy(
  copy: Content,
  { path, sizeBytes }: Sibling,
  lives: readonly TrackedFile[],
): Promise<boolean> {
  for (const life of lives) {
    if (await isWholeCopy(copy, positionOf(life))) return true;
    if (!life.isOpen || isCompressed(life.path)) continue;
    const lifeBytes = (await life.content.stat()).sizeBytes;
    const bytes = isCompressed(path) ? lifeBytes : Math.min(lifeBytes, sizeBytes);
    if (bytes > 0 && (await haveSameBytes(life.content, copy, bytes))) return true;
  }
  return false;
}

async function isWholeCopy(copy: Content, position: Position): Promise<boolean> {
  if (position.head.bytes === 0 || !(await holdsPosition(copy, position))) return false;
  return (await readFully(copy, position.offset, 1)).length === 0;
}

/** True if two contents agree in their first bytes and in the last ones before `bytes`. */
export async function haveSameBytes(one: Content, other: Content, bytes: number): Promise<boolean> {
  const length = Math.min(bytes, HEAD_BYTES_MAX);
  for (const start of [0, bytes - length]) {
    const expected = await readFully(one, start, length);
    if (expected.length < length || !expected.equals(await readFully(other, start, length))) return false;
  }
  return true;
}
