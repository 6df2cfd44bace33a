// Brings the marks back when a store is opened: from the snapshot, and from the store behind what that covers.
// Invariant: a line counts as stored only if it is on disk, so what the snapshot does not vouch for is synced first: a
// server that was killed may have left lines that no sync has covered.

import { join } from "node:path";
import type { FileSystem, OpenFile } from "../disk/file-system.ts";
import { describeSystemError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import { MarkScanner } from "./mark-scan.ts";
import type { MarkSnapshot, MarkTable, StorePosition } from "./marks.ts";
import { MARKS_FILE, readMarksFile } from "./marks-file.ts";
import { segmentName, segmentNumbers } from "./segment.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export interface StorePlace {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly report: Report;
}

/** Fills a table that is empty. Resolves with what of the store a snapshot has covered, `undefined` if none was of use. */
export async function restoreMarks(marks: MarkTable, place: StorePlace): Promise<StorePosition | undefined> {
  const names = await place.fileSystem.list(place.directory);
  const segments = segmentNumbers(names);
  const snapshot = names.includes(MARKS_FILE) ? await usableSnapshot(segments, place) : undefined;
  if (snapshot !== undefined) {
    const advances = new Map(snapshot.streams.map((stream, index) => [stream, snapshot.marks[index]!]));
    marks.append(advances);
    marks.commit(advances, snapshot.position);
  }
  await scanRest(marks, segments, place, snapshot === undefined);
  return snapshot?.position;
}

/** Reads the snapshot, and says so if it cannot be used. */
async function usableSnapshot(
  segments: readonly number[],
  place: StorePlace,
): Promise<MarkSnapshot | undefined> {
  try {
    const snapshot = await readMarksFile(place.fileSystem, place.directory);
    const { segment, offset } = snapshot.position;
    const size = segments.includes(segment) ? await sizeOf(place, segment) : 0;
    if (size >= offset) return snapshot;
    throw new Error(`it covers ${offset} bytes of ${segmentName(segment)}, which has ${size}`);
  } catch (error) {
    place.report("warn", `store: ${MARKS_FILE} cannot be used: ${describeSystemError(error)}`);
    return undefined;
  }
}

/** Reads what the marks do not cover yet, which may be the whole store. */
async function scanRest(
  marks: MarkTable,
  segments: readonly number[],
  place: StorePlace,
  isWhole: boolean,
): Promise<void> {
  const { position } = marks;
  const startIn = (segment: number): number => (segment === position.segment ? position.offset : 0);
  const rest = segments.filter((segment) => segment >= position.segment);
  let bytes = 0;
  for (const segment of rest) bytes += (await sizeOf(place, segment)) - startIn(segment);
  if (bytes === 0) return;
  if (isWhole) place.report("info", `store: reading all ${inMib(bytes)} of it for event ids`);
  const progress = progressReport(bytes, place.report);
  const scanner = new MarkScanner(marks);
  for (const segment of rest) {
    await withSegment(place, segment, async (file) => {
      await file.sync();
      await scanner.scan(file, segment, startIn(segment), progress);
    });
  }
}

/** Says after every GiB how much of a long scan is done. */
function progressReport(bytesAll: number, report: Report): (bytes: number) => void {
  let done = 0;
  return (bytes) => {
    const before = Math.floor(done / GIB);
    done += bytes;
    if (Math.floor(done / GIB) > before) report("info", `store: ${inMib(done)} of ${inMib(bytesAll)} read`);
  };
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function sizeOf(place: StorePlace, segment: number): Promise<number> {
  return withSegment(place, segment, (file) => file.size());
}

async function withSegment<T>(
  { fileSystem, directory }: StorePlace,
  segment: number,
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const file = await fileSystem.open(join(directory, segmentName(segment)));
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
