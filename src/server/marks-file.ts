// The snapshot of the marks as a file, `marks.json` in the store's directory: JSON, a stream a line. Invariants: under
// that name there is at any time a whole snapshot or none, for it is written beside, synced, and renamed; and one whose
// checksum does not fit is not taken, since a mark that is too high would lose lines.

import { join } from "node:path";
import { crc32 } from "node:zlib";
import { readFully, writeFully } from "../disk/file-io.ts";
import type { FileSystem } from "../disk/file-system.ts";
import type { MarkSnapshot } from "./marks.ts";
import { segmentName, segmentNumbers } from "./segment.ts";

/** Its name; it must not look like a segment's. */
export const MARKS_FILE = "marks.json";

const VERSION = 1;
const STREAMS_PER_WRITE = 4096;
const CRC_KEY = '"crc32":';

interface MarksJson {
  readonly version: number;
  readonly segment: string;
  readonly offset: number;
  readonly streams: readonly [stream: string, mark: number][];
}

/** Puts a snapshot in the place of the last one. Gives way to other work after every few thousand streams. */
export async function writeMarksFile(
  fileSystem: FileSystem,
  directory: string,
  snapshot: MarkSnapshot,
): Promise<void> {
  const path = join(directory, MARKS_FILE);
  const draft = `${path}.tmp`;
  const file = await fileSystem.open(draft);
  try {
    await file.truncate(0);
    let end = 0;
    let crc = 0;
    for (const text of texts(snapshot)) {
      const bytes = Buffer.from(text);
      crc = crc32(bytes, crc);
      end = await writeFully(file, [bytes], end);
    }
    await writeFully(file, [Buffer.from(`${CRC_KEY}${crc}}\n`)], end);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(draft, path);
  await fileSystem.syncDirectory(directory);
}

/** Reads the snapshot, which must exist. Rejects when it cannot be read, or not be trusted. */
export async function readMarksFile(fileSystem: FileSystem, directory: string): Promise<MarkSnapshot> {
  const file = await fileSystem.open(join(directory, MARKS_FILE));
  try {
    const bytes = Buffer.alloc(await file.size());
    await readFully(file, bytes, 0);
    return parse(bytes);
  } finally {
    await file.close();
  }
}

function* texts({ position, streams, marks }: MarkSnapshot): Generator<string> {
  const { segment, offset } = position;
  yield `{"version":${VERSION},"segment":"${segmentName(segment)}","offset":${offset},"streams":[`;
  for (let from = 0; from < streams.length; from += STREAMS_PER_WRITE) {
    const lines = streams
      .slice(from, from + STREAMS_PER_WRITE)
      .map((stream, index) => `\n["${stream}",${marks[from + index]}]`);
    yield (from === 0 ? "" : ",") + lines.join(",");
  }
  yield "\n],";
}

function parse(bytes: Buffer): MarkSnapshot {
  const crcStart = bytes.lastIndexOf(CRC_KEY);
  const crc = /^\d+(?=}\n$)/.exec(bytes.toString("latin1", crcStart + CRC_KEY.length))?.[0];
  if (crcStart === -1 || crc !== `${crc32(bytes.subarray(0, crcStart))}`) throw new Error("it is damaged");
  const { version, segment, offset, streams } = JSON.parse(bytes.toString()) as MarksJson;
  if (version !== VERSION) throw new Error(`its version ${version} is not ${VERSION}`);
  return {
    position: { segment: segmentNumbers([segment])[0]!, offset },
    streams: streams.map(([stream]) => stream),
    marks: streams.map(([, mark]) => mark),
  };
}
