import type { Readable } from "node:stream";
import type { ClientSettings } from "../config/client-options.ts";
import type { LineCounters } from "../event/line-encoder.ts";
import type { LogLevel, Report } from "../observe/interfaces.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { SlabPool } from "../pipeline/batch.ts";
import type { Source } from "../pipeline/interfaces.ts";
import type { Checkpoint } from "../source/checkpoint.ts";
import type { StateDirectory } from "../source/state-dir.ts";

/** Settings of a shipper; what is left out has the default that `docs/configuration.md` names. */
export interface ShipperOptions extends Partial<Omit<ClientSettings, "logFile">> {
  /** The file to ship, or several, or patterns such as `/var/log/*.log`; `-` alone for `stdin`. */
  readonly logFile: string | readonly string[];
  /** What `-` stands for; the process's own standard input if left out. */
  readonly stdin?: Readable;
  /** File descriptors that the program writes its own messages to; a file behind them is never shipped. */
  readonly ownLogs?: readonly number[];
}

/** What a shipper has done so far. */
export interface ShipperStats {
  /** Events that the server stored and acked. */
  readonly sent: number;
  /** Events that the server refused; they are in the dead-letter file. */
  readonly failed: number;
  /** Events that the server had stored before. */
  readonly duplicate: number;
  /** Events that were let go of because the buffer was full. */
  readonly dropped: number;
  /** Events read that are none of these yet. */
  readonly unacked: number;
  /** The size of the input, in bytes, as far as it is known. */
  readonly sizeBytes: number;
  /** How much of it has been read, in bytes. */
  readonly readBytes: number;
  /** How much of it is settled, in bytes: every line before was acked, dropped, or refused and kept. */
  readonly settledBytes: number;
  /** True once everything that was there to read is settled. */
  readonly isComplete: boolean;
  /** Lines wait, and none was acked for as long as `stallAfterMs`. */
  readonly isStalled: boolean;
  /** Connections made. */
  readonly connections: number;
  /** Attempts to connect again. */
  readonly retries: number;
  /** What the lines looked like. */
  readonly lines: Readonly<LineCounters>;
}

export interface ShipperEvents {
  /** Something that a person should know. */
  log: [level: LogLevel, message: string];
  /** The server refused so many events; they are kept in the dead-letter file. */
  refused: [events: number, reason: string];
  /** The figures since the last ones, each `metricsIntervalMs` and at the end. */
  metrics: [metrics: Metrics];
}

/** How far an input is, in bytes. */
export interface Extent {
  /** As far as is known. */
  readonly sizeBytes: number;
  readonly readBytes: number;
  readonly settledBytes: number;
}

/** Takes what is known of the server. */
export interface ServerStatus {
  acked(): void;
  connected(server: string): void;
  /** A connection, or an attempt at one, failed. */
  failed(error: Error): void;
}

/** What a shipper ships. */
export interface Input extends Source {
  /** Is told of the server, where that is of interest to whoever looks at the input. */
  readonly status?: ServerStatus | undefined;
  /** It ends when it is told to, and then has been read as far as it could be. */
  readonly isOpenEnded: boolean;
  extent(): Extent;
}

/** What an input works with. */
export interface InputContext {
  readonly settings: ClientSettings;
  /** Where its lines go: the first server. */
  readonly destination: string;
  isConnected(): boolean;
  readonly state: StateDirectory;
  /** What the state directory remembers; undefined at its first run. */
  readonly checkpoint: Checkpoint | undefined;
  /** Where refused events are kept. */
  readonly deadLetterPath: string;
  readonly pool: SlabPool;
  /** Counted into. */
  readonly lines: LineCounters;
  readonly report: Report;
}
