// What a running client tells of itself to whoever looks: `status.json` in its state directory. It is replaced as a
// whole, at most once a second while there is news and every ten seconds while there is none. Nothing depends on it:
// how far files are delivered is for the checkpoint to say.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeSystemError } from "../errors.ts";
import type { Report } from "./interfaces.ts";
import { LagClock } from "./lag-clock.ts";

export const STATUS_FILE = "status.json";

const INTERVAL_MS = 1000;
const HEARTBEAT_MS = 10_000;
const VERSION = 1;

/** A file as its reader sees it. */
export interface FileProgress {
  readonly path: string;
  readonly family: string;
  readonly stream: string;
  readonly inode: string;
  readonly sizeBytes: number;
  readonly position: { readonly offset: number };
  readonly settledMark: { readonly offset: number };
  readonly error: string | undefined;
}

/** What a status file is made of. */
export interface StatusSource {
  /** What the client was told to read, as absolute paths. */
  readonly patterns: readonly string[];
  /** `host:port`, of each server that may be used. */
  readonly server: string;
  /** For how long the server may ack nothing. */
  readonly stallAfterMs: number;
  isConnected(): boolean;
  files(): Iterable<FileProgress>;
  /** Paths that cannot be read, and why. */
  problems(): Iterable<readonly [path: string, why: string]>;
}

/** The content of a status file. Times are ISO 8601; what is not known is null. */
export interface StatusDocument {
  readonly version: number;
  readonly state: "running" | "stopped";
  readonly pid: number;
  readonly startedAt: string;
  readonly writtenAt: string;
  readonly patterns: readonly string[];
  readonly server: string;
  readonly isConnected: boolean;
  /** Why there is no connection. */
  readonly connectionError: string | null;
  readonly lastAckAt: string | null;
  readonly stallAfterMs: number;
  readonly problems: readonly { readonly path: string; readonly why: string }[];
  readonly files: readonly FileStatus[];
}

export interface FileStatus {
  readonly path: string;
  readonly family: string;
  readonly stream: string;
  readonly inode: string;
  readonly sizeBytes: number;
  readonly readBytes: number;
  readonly settledBytes: number;
  /** Since when, at least, its first undelivered byte was known to be there. */
  readonly undeliveredSince: string | null;
  readonly error: string | null;
}

export class StatusFile {
  readonly #path: string;
  readonly #source: StatusSource;
  readonly #report: Report;
  readonly #startedAt: string = new Date().toISOString();
  readonly #lag: LagClock = new LagClock();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #writtenMs = 0;
  #hasNews = false;
  #isClosed = false;
  #isFailing = false;
  /** The one that took the last connection. */
  #server: string;
  #connectionError: string | null = null;
  #lastAckMs = 0;

  constructor(directory: string, source: StatusSource, report: Report) {
    this.#path = join(directory, STATUS_FILE);
    this.#source = source;
    this.#server = source.server;
    this.#report = report;
  }

  /** Files were found, read or settled. */
  changed(): void {
    if (this.#hasNews || this.#isClosed) return;
    this.#hasNews = true;
    if (this.#writing === undefined) this.#writeIn(Math.max(0, this.#writtenMs + INTERVAL_MS - Date.now()));
  }

  acked(): void {
    this.#lastAckMs = Date.now();
    this.changed();
  }

  connected(server: string): void {
    this.#server = server;
    this.#connectionError = null;
    this.changed();
  }

  /** A connection, or an attempt to make one, failed. */
  failed(error: Error): void {
    this.#connectionError = error.message;
    this.changed();
  }

  /** The last word of a run: it says that this was the end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #writeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#writing = this.#write().then(() => {
        this.#writing = undefined;
        if (!this.#isClosed) this.#writeIn(this.#hasNews ? INTERVAL_MS : HEARTBEAT_MS);
      });
    }, ms);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    this.#hasNews = false;
    this.#writtenMs = Date.now();
    const temporary = `${this.#path}.tmp`;
    try {
      await writeFile(temporary, encodeStatus(this.#document()));
      await rename(temporary, this.#path);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#report("warn", `${this.#path} cannot be written: ${describeSystemError(error)}`);
      this.#isFailing = true;
    }
  }

  #document(): StatusDocument {
    const { patterns, stallAfterMs } = this.#source;
    return {
      version: VERSION,
      state: this.#isClosed ? "stopped" : "running",
      pid: process.pid,
      startedAt: this.#startedAt,
      writtenAt: isoTime(this.#writtenMs)!,
      patterns,
      server: this.#server,
      isConnected: this.#source.isConnected(),
      connectionError: this.#connectionError,
      lastAckAt: isoTime(this.#lastAckMs),
      stallAfterMs,
      problems: [...this.#source.problems()].map(([path, why]) => ({ path, why })),
      files: [...this.#source.files()].map((file) => this.#fileStatus(file)),
    };
  }

  #fileStatus(file: FileProgress): FileStatus {
    const { path, family, stream, inode, position, settledMark, error = null } = file;
    const sizeBytes = Math.max(file.sizeBytes, position.offset);
    const settledBytes = settledMark.offset;
    const undeliveredSince = isoTime(this.#lag.since(file, settledBytes, sizeBytes, this.#writtenMs));
    const progress = { sizeBytes, readBytes: position.offset, settledBytes, undeliveredSince };
    return { path, family, stream, inode, ...progress, error };
  }
}

function isoTime(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}

/** One line a file, so that `grep` finds it. */
function encodeStatus({ files, ...head }: StatusDocument): string {
  const lines = files.map((file) => `\n${JSON.stringify(file)}`).join(",");
  return `${JSON.stringify(head).slice(0, -1)},"files":[${lines}\n]}\n`;
}

/** Throws an `Error` that says what is wrong with the text. */
export function decodeStatus(text: string): StatusDocument {
  const document = JSON.parse(text) as StatusDocument;
  if (document.version !== VERSION) throw new Error(`its version is ${document.version}, not ${VERSION}`);
  return document;
}
