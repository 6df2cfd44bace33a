// The document that `logship status --json` prints. Fields are added, never renamed or removed. Times are ISO 8601;
// what is not known is null.

export interface StatusReport {
  readonly stateDir: string;
  /** False if something is undelivered and does not move. The exit code says the same. */
  readonly isHealthy: boolean;
  readonly client: ClientReport;
  /** Of all files together. */
  readonly lagBytes: number;
  readonly files: readonly FileReport[];
}

export interface ClientReport {
  readonly isRunning: boolean;
  /** The process that runs, or that ran last. */
  readonly pid: number | null;
  readonly startedAt: string | null;
  /** `host:port`. */
  readonly server: string;
  readonly isConnected: boolean;
  /** Why there is no connection, if one was tried for. */
  readonly connectionError: string | null;
  readonly lastAckAt: string | null;
  /** When the client last told of itself. */
  readonly seenAt: string | null;
}

/**
 * `delivered`: nothing new. `moving`: on its way. `partial`: what is left is a line without its newline. The others
 * do not move: the client does not run, the server cannot be reached or acks nothing for too long (`--stall-after`), the
 * file cannot be read, is gone, or is none that the client was told to read.
 */
export type FileState =
  | "delivered"
  | "moving"
  | "partial"
  | "not-running"
  | "unreachable"
  | "stalled"
  | "unreadable"
  | "gone"
  | "unmatched";

export interface FileReport {
  /** Where the file is now; where it was last, if it is nowhere. */
  readonly path: string;
  /** The name under which its lines have their ids; null for a file that was not begun. */
  readonly stream: string | null;
  /** Device and inode, as `dev:ino`. */
  readonly inode: string;
  /** It is no longer at the path where it was written. */
  readonly isRotated: boolean;
  readonly sizeBytes: number;
  readonly readBytes: number;
  readonly ackedBytes: number;
  readonly lagBytes: number;
  /** For how long, at least, its oldest undelivered line has been waiting, in seconds. */
  readonly oldestSeconds: number | null;
  readonly state: FileState;
  /** The state in words. */
  readonly why: string;
  /** What last went wrong with it. */
  readonly error: string | null;
}
