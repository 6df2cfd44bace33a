// What `logship status` tells: the checkpoint, what the client last said of itself, and what the files are now, put
// together.

import { dirname, resolve } from "node:path";
import { isDirectoryLocked } from "../disk/dir-lock.ts";
import { nodeFileSystem } from "../disk/file-system.ts";
import type { FileStatus, StatusDocument } from "../observe/status-file.ts";
import type { Checkpoint, FileRecord } from "../source/checkpoint.ts";
import { statFile } from "../source/file-stat.ts";
import { expandPatterns, pathMatcher } from "../source/glob.ts";
import { isCompressed } from "../source/rotation.ts";
import type { ClientReport, FileReport, FileState, StatusReport } from "./interfaces.ts";
import { isPartialLine, type Known, type Place, placeAt, placeOf } from "./status-place.ts";

const healthy: readonly FileState[] = ["delivered", "moving", "partial"];

/** What all files have in common. */
interface Context {
  readonly client: ClientReport;
  readonly matches: (path: string) => boolean;
  /** Paths that the client cannot read, and why. */
  readonly problems: ReadonlyMap<string, string>;
  readonly stallAfterMs: number;
  readonly nowMs: number;
}

/** A file's report before it is known why it does not move. */
type Figures = Omit<FileReport, "state" | "why">;

/** Looks at everything that a state directory, and the client at work in it, knows of. */
export async function statusReport(
  stateDir: string,
  checkpoint: Checkpoint | undefined,
  status: StatusDocument | undefined,
): Promise<StatusReport> {
  const client = await clientReport(stateDir, checkpoint, status);
  const patterns = status?.patterns ?? [];
  const problems = new Map(status?.problems.map(({ path, why }) => [path, why]));
  const matches = patterns.length === 0 ? () => true : pathMatcher(patterns);
  const stallAfterMs = status?.stallAfterMs ?? Number.POSITIVE_INFINITY;
  const context: Context = { client, matches, problems, stallAfterMs, nowMs: Date.now() };
  const files: FileReport[] = [];
  for (const known of mergeKnown(checkpoint?.files ?? [], status?.files ?? []))
    files.push(await knownFileReport(known, context));
  for (const path of (await expandPatterns(patterns, () => {})).paths) {
    if (dirname(path) !== resolve(stateDir)) files.push(...(await newFileReports(path, files, context)));
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const lagBytes = files.reduce((sum, file) => sum + file.lagBytes, 0);
  const isHealthy = files.every(({ state, lagBytes }) => lagBytes === 0 || healthy.includes(state));
  return { stateDir: resolve(stateDir), isHealthy, client, lagBytes, files };
}

async function clientReport(
  stateDir: string,
  checkpoint: Checkpoint | undefined,
  status: StatusDocument | undefined,
): Promise<ClientReport> {
  const isLocked = await isDirectoryLocked(resolve(stateDir), "state", nodeFileSystem);
  const isRunning = isLocked ?? (status?.state === "running" && isAlive(status.pid));
  return {
    isRunning,
    pid: status?.pid ?? null,
    startedAt: status?.startedAt ?? null,
    server: status?.server ?? checkpoint?.destination ?? "",
    isConnected: isRunning && (status?.isConnected ?? false),
    connectionError: status?.connectionError ?? null,
    lastAckAt: status?.lastAckAt ?? null,
    seenAt: status?.writtenAt ?? null,
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What is known of each life from either side. */
function mergeKnown(records: readonly FileRecord[], statuses: readonly FileStatus[]): Iterable<Known> {
  const byStream = new Map<string, Known>();
  for (const record of records) byStream.set(record.stream, { record, status: undefined });
  for (const status of statuses)
    byStream.set(status.stream, { record: byStream.get(status.stream)?.record, status });
  return byStream.values();
}

async function knownFileReport(known: Known, context: Context): Promise<FileReport> {
  const { record, status } = known;
  // The client is ahead of its checkpoint.
  const ackedBytes = Math.max(record?.offset ?? 0, status?.settledBytes ?? 0);
  const place = await placeOf(known, ackedBytes);
  const sizeBytes = Math.max(place.sizeBytes ?? status?.sizeBytes ?? 0, ackedBytes);
  const { stream, inode, family } = (status ?? record)!;
  const figures: Figures = {
    path: place.path,
    stream,
    inode,
    isRotated: place.path !== family || (record?.isRotated ?? false),
    sizeBytes,
    readBytes: Math.max(ackedBytes, status?.readBytes ?? 0),
    ackedBytes,
    lagBytes: sizeBytes - ackedBytes,
    oldestSeconds: sizeBytes > ackedBytes ? age(status, place, context.nowMs) : null,
    error: context.problems.get(place.path) ?? place.error ?? status?.error ?? null,
  };
  return explain(figures, place, status !== undefined && context.client.isRunning, context);
}

/** For how long something has been undelivered, in seconds: as the client noted it, else since the last write. */
function age(status: FileStatus | undefined, place: Place, nowMs: number): number | null {
  const sinceMs = status?.undeliveredSince ? Date.parse(status.undeliveredSince) : place.modifiedMs;
  return sinceMs === 0 ? null : Math.max(0, (nowMs - sinceMs) / 1000);
}

/**
 * A file that the client would begin with if it ran, or that it cannot read. One that does run has met every other
 * file, and passes over some: what is empty, and copies of what it has read.
 */
async function newFileReports(
  path: string,
  known: readonly FileReport[],
  context: Context,
): Promise<FileReport[]> {
  const { client, problems, nowMs } = context;
  if (client.isRunning && !problems.has(path)) return [];
  const stat = statFile(path);
  if (stat?.kind !== "file" || stat.sizeBytes === 0 || isCompressed(path)) return [];
  if (known.some((file) => file.state !== "gone" && (file.path === path || file.inode === stat.inode)))
    return [];
  const { inode, sizeBytes } = stat;
  const place = placeAt(path, stat, false);
  const sizes = { sizeBytes, readBytes: 0, ackedBytes: 0, lagBytes: sizeBytes };
  const rest = { oldestSeconds: age(undefined, place, nowMs), error: problems.get(path) ?? null };
  return [
    await explain({ path, stream: null, inode, isRotated: false, ...sizes, ...rest }, place, true, context),
  ];
}

async function explain(
  figures: Figures,
  place: Place,
  isHeld: boolean,
  context: Context,
): Promise<FileReport> {
  const state = await stateOf(figures, place, isHeld, context);
  return { ...figures, state, why: wordsFor(state, figures, context.client) };
}

/** Why a file is as far as it is. `isHeld`: a client that runs has it in its hands. */
async function stateOf(
  figures: Figures,
  place: Place,
  isHeld: boolean,
  context: Context,
): Promise<FileState> {
  const { client, matches, stallAfterMs, nowMs } = context;
  if (figures.lagBytes === 0) return place.isGone && !isHeld ? "gone" : "delivered";
  if (place.isGone && !isHeld) return "gone";
  if (!client.isRunning) return "not-running";
  if (!isHeld && !figures.isRotated && !matches(figures.path)) return "unmatched";
  if (figures.error !== null) return "unreadable";
  if (await isPartialLine(place, figures.ackedBytes)) return "partial";
  if (client.connectionError !== null) return "unreachable";
  const ackedMs = Date.parse(client.lastAckAt ?? client.startedAt ?? "") || nowMs;
  const stillMs = Math.min((figures.oldestSeconds ?? 0) * 1000, nowMs - ackedMs);
  return stillMs > stallAfterMs ? "stalled" : "moving";
}

function wordsFor(state: FileState, { error }: Figures, client: ClientReport): string {
  const words: Record<FileState, string> = {
    delivered: "nothing new",
    moving: "on its way",
    partial: "its last line has no end yet",
    "not-running": "the client is not running",
    unreachable: client.connectionError ?? "",
    stalled: `${client.server} acks nothing`,
    unreadable: error ?? "",
    gone: "the file is gone",
    unmatched: "no pattern of the client matches it",
  };
  return words[state];
}
