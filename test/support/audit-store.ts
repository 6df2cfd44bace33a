import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileRecord } from "../../src/source/checkpoint.ts";
import { fingerprint, HEAD_BYTES_MAX, TAIL_BYTES_MAX } from "../../src/source/content.ts";
import { temporaryDirectory } from "./server.ts";

/** A store folder with segments of this content. */
export async function storeOf(...segments: readonly string[]): Promise<string> {
  const directory = join(await temporaryDirectory(), "store");
  await mkdir(directory);
  for (const [index, events] of segments.entries())
    await writeFile(join(directory, `${String(index + 1).padStart(10, "0")}.ndjson`), events);
  return directory;
}

/** A file of this content, and the record that a checkpoint has of it when it is delivered up to `offset`. */
export async function fileOf(
  content: Buffer,
  stream: string,
  { start = 0, offset = content.length }: { start?: number; offset?: number } = {},
): Promise<FileRecord> {
  const path = join(await temporaryDirectory(), "app.log");
  await writeFile(path, content);
  const head = fingerprint(content.subarray(0, Math.min(HEAD_BYTES_MAX, content.length)));
  const tail = fingerprint(content.subarray(Math.max(0, offset - TAIL_BYTES_MAX), offset));
  const place = { path, family: path, stream, inode: "0:0", seenMs: 0, isRotated: false };
  return { ...place, start, offset, isInLine: content[offset - 1] !== 10, head, tail };
}
