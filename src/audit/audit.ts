// Compares what a checkpoint says was delivered with what stores hold.
//
// Every file is read once and made into events again, every store is read once, and both are summed up by blocks. Only
// where sums differ are both read again, to name the lines. So the memory that an audit takes is 12 bytes for each
// 64 KiB of the files, a name for each stream, and for what differs at most EVENTS_MAX events of 16 bytes.

import { describeSystemError } from "../errors.ts";
import type { FileRecord } from "../source/checkpoint.ts";
import { BlockSums } from "./block-sums.ts";
import { compare, type Fault, type OnFinding } from "./compare.ts";
import { type Budget, EventIndex } from "./event-index.ts";
import { EventScanner, type EventTaker } from "./event-scanner.ts";
import { type EventShape, Life } from "./life.ts";
import { scanDeadLetters, scanSegments, segmentsOf } from "./store-events.ts";

export interface AuditOptions {
  /** The folders of the stores; together they should hold every line once. */
  readonly stores: readonly string[];
  /** What a checkpoint knows of the files. It must have been read before. */
  readonly records: readonly FileRecord[];
  readonly deadLetterPath: string;
  readonly shape: EventShape;
  /** How many events of the store can be looked at one by one; what is over that is `unnamed`. Default 4 million. */
  readonly eventsMax?: number;
}

export interface AuditHandler {
  finding(what: Fault | "refused", path: string, start: number, end: number): void;
  /** Nothing can be said of this file. */
  unauditable(path: string, why: string): void;
}

export interface AuditCounts extends Record<Fault | "refused", number> {
  /** Files compared, and the lines of them that should be in the store; a line that was split counts for each part. */
  files: number;
  lines: number;
  unauditable: number;
  /** Streams that the checkpoint does not know, and their events: other clients, files that are long gone. */
  otherStreams: number;
  otherEvents: number;
  /** Events without an id of ours. */
  withoutId: number;
}

const EVENTS_MAX = 4_000_000;

/** What the first pass makes of one file. */
interface Sums {
  readonly life: Life;
  readonly sums: BlockSums;
}

const NOBODY: EventTaker = { take: () => {} };

/** Tells every line that is not in the stores as it should be. Rejects with a `LogshipError` if a store is none. */
export async function audit(options: AuditOptions, handler: AuditHandler): Promise<AuditCounts> {
  const { stores, records, shape } = options;
  const counts = newCounts();
  const segments = await segmentsOf(stores);
  const all: Sums[] = [];
  for (const record of records) {
    if (record.offset === record.start) continue; // nothing of it was delivered
    const sums = await sumsOf(record, shape).catch((error) => {
      counts.unauditable++;
      handler.unauditable(record.path, describeSystemError(error));
    });
    if (sums !== undefined) all.push(sums);
  }
  counts.files = all.length;
  for (const { sums } of all) counts.lines += sums.events;
  await subtractStores(segments, all, new Set(records.map(({ stream }) => stream)), counts);
  const different = all.filter(({ sums }) => sums.differs);
  if (different.length > 0) await nameLines(options, segments, different, counts, handler);
  return counts;
}

function newCounts(): AuditCounts {
  const faults = { missing: 0, repeated: 0, altered: 0, unexpected: 0, unnamed: 0, refused: 0 };
  return { files: 0, lines: 0, unauditable: 0, otherStreams: 0, otherEvents: 0, withoutId: 0, ...faults };
}

/** Makes the events of a file again, and sums them up. */
async function sumsOf(record: FileRecord, shape: EventShape): Promise<Sums> {
  const life = await Life.find(record, shape);
  const sums = new BlockSums(record.start, record.offset);
  const scanner = new EventScanner(() => sums.file);
  const walk = await life.walk();
  try {
    for (let batch = await walk.next(); batch !== undefined; batch = await walk.next())
      scanner.scan(batch.bytes);
    if (walk.position.offset < record.offset) throw new Error("it changed while it was read");
  } finally {
    await walk.close();
  }
  return { life, sums };
}

/** Takes the events of the stores off the sums; what is left is what differs. */
async function subtractStores(
  segments: readonly string[],
  all: readonly Sums[],
  known: ReadonlySet<string>,
  counts: AuditCounts,
): Promise<void> {
  const takers = new Map<string, EventTaker>(all.map(({ life, sums }) => [life.record.stream, sums.store]));
  const others = new Set<string>();
  const countOther: EventTaker = { take: () => counts.otherEvents++ };
  const scanner = new EventScanner((stream) => {
    const taker = takers.get(stream);
    if (taker !== undefined) return taker;
    if (known.has(stream)) return NOBODY;
    others.add(stream);
    return countOther;
  });
  await scanSegments(segments, scanner);
  counts.otherStreams = others.size;
  counts.withoutId = scanner.withoutId;
}

/** Reads everything again, for the blocks that differ. */
async function nameLines(
  { deadLetterPath, eventsMax = EVENTS_MAX }: AuditOptions,
  segments: readonly string[],
  different: readonly Sums[],
  counts: AuditCounts,
  handler: AuditHandler,
): Promise<void> {
  const budget: Budget = { eventsLeft: eventsMax };
  const byStream = new Map(
    different.map(({ life, sums }) => {
      const isWanted = (sequence: number): boolean => sums.differsAt(sequence);
      const stored = new EventIndex(budget, isWanted);
      const refused = new EventIndex(budget, isWanted);
      return [life.record.stream, { life, sums, stored, refused }] as const;
    }),
  );
  await scanDeadLetters(
    deadLetterPath,
    new EventScanner((stream) => byStream.get(stream)?.refused ?? NOBODY),
  );
  await scanSegments(segments, new EventScanner((stream) => byStream.get(stream)?.stored ?? NOBODY));
  for (const evidence of byStream.values()) {
    const { path } = evidence.life;
    const finding: OnFinding = (what, start, end) => {
      counts[what]++;
      handler.finding(what, path, start, end);
    };
    await compare(evidence, finding).catch((error) => {
      counts.unauditable++;
      handler.unauditable(path, describeSystemError(error));
    });
  }
}
