// Places in files, and how to tell that a file still is what it was there.

import type { FileRecord } from "./checkpoint.ts";
import {
  FileContent,
  type Fingerprint,
  fingerprint,
  HEAD_BYTES_MAX,
  holdsPosition,
  type Position,
  readFully,
  TAIL_BYTES_MAX,
} from "./content.ts";
import { type Mark, START } from "./line-reader.ts";
import { openContent, openIfSame } from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";

/** Where a life has been read to. */
export function positionOf(file: TrackedFile): Position {
  return { offset: file.position.offset, head: file.head, tail: fingerprint(file.position.tail) };
}

/** True while the bytes of an open file are the ones that were read there. */
export function isUnchanged(file: TrackedFile): Promise<boolean> {
  return holdsPosition(file.content, positionOf(file));
}

/** The mark that a record was made of; the bytes before it are read from the file, which is known to hold them. */
export async function markOf(record: FileRecord, path: string): Promise<Mark> {
  const { offset, isInLine, tail } = record;
  const content = await openContent(path);
  try {
    return { offset, isInLine, tail: await readFully(content, offset - tail.bytes, tail.bytes) };
  } finally {
    await content.close();
  }
}

export async function headOf(path: string): Promise<Fingerprint> {
  const content = await openContent(path);
  try {
    return fingerprint(await readFully(content, 0, HEAD_BYTES_MAX));
  } finally {
    await content.close();
  }
}

/** The end of the last complete line: a line that is half written when it is first seen ships whole. */
export async function endOf(path: string, sizeBytes: number): Promise<Mark> {
  const content = await FileContent.open(path);
  try {
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
  } finally {
    await content.close();
  }
}

/** True if a path holds the content that a position was taken in. */
export async function isSame(path: string, position: Position): Promise<boolean> {
  const content = await openIfSame(path, position).catch(() => undefined);
  await content?.close();
  return content !== undefined;
}

/** True if a file holds exactly what one of the positions was taken in, to its last byte. */
export async function isWholeCopy(path: string, positions: readonly Position[]): Promise<boolean> {
  for (const position of positions) {
    if (position.head.bytes === 0) continue;
    const content = await openIfSame(path, position).catch(() => undefined);
    if (content === undefined) continue;
    try {
      if ((await readFully(content, position.offset, 1)).length === 0) return true;
    } finally {
      await content.close();
    }
  }
  return false;
}

/** True if two files agree in their first bytes and in the last ones before `bytes`. */
export async function haveSameBytes(a: string, b: string, bytes: number): Promise<boolean> {
  const contents = await Promise.all([FileContent.open(a), FileContent.open(b)]);
  try {
    const spans = [
      [0, Math.min(bytes, 1024)],
      [Math.max(0, bytes - 1024), Math.min(bytes, 1024)],
    ] as const;
    for (const [start, length] of spans) {
      const [one, other] = await Promise.all(contents.map((content) => readFully(content, start, length)));
      if (!one!.equals(other!)) return false;
    }
    return true;
  } finally {
    await Promise.all(contents.map((content) => content.close()));
  }
}
