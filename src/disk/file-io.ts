// Reads and writes that go on until all is done, where the system may do a part of it.

import type { OpenFile } from "./file-system.ts";

const BUFFERS_PER_WRITE_MAX = 1024; // IOV_MAX on Linux

/** Writes all of the buffers from `position` on. Returns the position behind them. */
export async function writeFully(
  file: OpenFile,
  buffers: readonly Buffer[],
  position: number,
): Promise<number> {
  let rest = buffers;
  let end = position;
  while (rest.length > 0) {
    const written = await file.write(rest.slice(0, BUFFERS_PER_WRITE_MAX), end);
    if (written === 0) throw new Error("the file takes no more bytes");
    end += written;
    rest = dropBytes(rest, written);
  }
  return end;
}

/** Fills `target` from `position` on. Returns how many bytes it read: fewer only at the end of the file. */
export async function readFully(file: OpenFile, target: Buffer, position: number): Promise<number> {
  let length = 0;
  while (length < target.length) {
    const read = await file.read(target.subarray(length), position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function dropBytes(buffers: readonly Buffer[], count: number): readonly Buffer[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && left >= buffers[index]!.length) left -= buffers[index++]!.length;
  const rest = buffers.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
