// What a state directory remembers: for each file, under which stream and how far it was settled.

import type { Fingerprint, Position } from "./content.ts";

/** How far one file is. */
export interface FileRecord extends Position {
  /** Where it was last seen. */
  readonly path: string;
  /** Where it was first met: what it may be renamed to goes by this name. */
  readonly family: string;
  /** The name under which its events have their ids; `offset` counts from this stream's first byte. */
  readonly stream: string;
  /** Where the stream began: 0, unless the file was taken up at its end. */
  readonly start: number;
  /** The offset is inside a line: what follows continues an event. */
  readonly isInLine: boolean;
  /**
   * Where a line without a newline was, or is about to be, shipped as it is: it ends there for ever, so that what is
   * sent again of it under its id is the same.
   */
  readonly cut?: number;
  /** Another file, or none, has its path now. */
  readonly isRotated: boolean;
  /** Device and inode, as `dev:ino`: a hint where to look, never a proof. */
  readonly inode: string;
  /** When its path last was this file, in milliseconds since 1970. */
  readonly seenMs: number;
}

export interface Checkpoint {
  /** Where the lines were delivered, as `host:port`. */
  readonly destination: string;
  readonly files: readonly FileRecord[];
}

const VERSION = 1;

/** As text: one line a file, so that a person can read it and `grep` finds a file's record. */
export function encodeCheckpoint({ destination, files }: Checkpoint, now: Date): string {
  const head = `{"version":${VERSION},"written":"${now.toISOString()}","destination":${JSON.stringify(destination)}`;
  return `${head},"files":[${files.map((file) => `\n${JSON.stringify(file)}`).join(",")}\n]}\n`;
}

/** Throws an `Error` that says what is wrong with the text. */
export function decodeCheckpoint(text: string): Checkpoint {
  const parsed = JSON.parse(text) as Record<string, unknown>;
  if (parsed.version !== VERSION) throw new Error(`its version is ${String(parsed.version)}, not ${VERSION}`);
  const { destination, files } = parsed;
  if (typeof destination !== "string" || !Array.isArray(files)) throw new Error("a field is missing");
  const bad = files.find((file) => !isRecord(file));
  if (bad !== undefined) throw new Error(`a file's record is not one: ${JSON.stringify(bad).slice(0, 80)}`);
  return { destination, files: files as FileRecord[] };
}

function isRecord(value: unknown): value is FileRecord {
  if (typeof value !== "object" || value === null) return false;
  const { path, family, stream, start, isInLine, isRotated, inode, seenMs, offset, head, tail, cut } =
    value as Record<string, unknown>;
  return (
    typeof path === "string" &&
    typeof family === "string" &&
    typeof stream === "string" &&
    /^[\w-]{16}$/.test(stream) &&
    typeof isInLine === "boolean" &&
    typeof isRotated === "boolean" &&
    typeof inode === "string" &&
    typeof seenMs === "number" &&
    isOffset(offset) &&
    isOffset(start) &&
    (cut === undefined || isOffset(cut)) &&
    isFingerprint(head) &&
    isFingerprint(tail) &&
    tail.bytes <= offset
  );
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isFingerprint(value: unknown): value is Fingerprint {
  if (typeof value !== "object" || value === null) return false;
  const { bytes, sha256 } = value as Record<string, unknown>;
  return isOffset(bytes) && typeof sha256 === "string";
}
