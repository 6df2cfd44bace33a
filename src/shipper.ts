// The client as one object: source → queue → destination. It starts the delivery before the reader and stops the
// reader before the delivery, so that nothing is read that nobody would send.

import { EventEmitter } from "node:events";
import { access, constants } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ClientSettings } from "./config/client-options.ts";
import { clientOptions } from "./config/client-options.ts";
import { resolveSettings } from "./config/option.ts";
import { TcpDestination } from "./destination/tcp-destination.ts";
import { makeDirectory } from "./disk/file-system.ts";
import { ConfigError, describeSystemError, LogshipError } from "./errors.ts";
import type { LineCounters } from "./event/line-encoder.ts";
import { LineEncoder } from "./event/line-encoder.ts";
import type { LogLevel } from "./observe/interfaces.ts";
import { BATCH_BYTES_MAX, type Batch, SlabPool } from "./pipeline/batch.ts";
import { BatchQueue } from "./pipeline/batch-queue.ts";
import { DeadLetterFile } from "./pipeline/dead-letter-file.ts";
import { Delivery } from "./pipeline/delivery.ts";
import { FileSource } from "./source/file-source.ts";

/** Settings of a shipper; what is left out has the default that `docs/configuration.md` names. */
export type ShipperOptions = Partial<Omit<ClientSettings, "mode">> & Pick<ClientSettings, "logFile">;

/** What a shipper has done so far. */
export interface ShipperStats {
  /** Events that the server stored and acked. */
  readonly sent: number;
  /** Events that the server refused; they are in the dead-letter file. */
  readonly failed: number;
  /** Events that the server had stored before. */
  readonly duplicate: number;
  /** Events read that are none of these yet. */
  readonly unacked: number;
  /** The size of the file when it was opened, in bytes. */
  readonly sizeBytes: number;
  /** How far the file has been read, in bytes. */
  readonly readBytes: number;
  /** How far the file has been settled, in bytes: every line before this offset was acked. */
  readonly settledBytes: number;
  /** True once every line of the file is settled. */
  readonly isComplete: boolean;
  /** Connections made. */
  readonly connections: number;
  /** What the lines looked like. */
  readonly lines: Readonly<LineCounters>;
}

export interface ShipperEvents {
  /** Something that a person should know. */
  log: [level: LogLevel, message: string];
  /** The server refused so many events; they are kept in the dead-letter file. */
  refused: [events: number, reason: string];
}

/**
 * Ships one file to a log server.
 *
 * `start` opens the input, `finished` waits for the end, `stop` asks for it. It installs no handlers, ends no process
 * and keeps no global state; any number of shippers can run in one program.
 */
export class Shipper extends EventEmitter<ShipperEvents> {
  readonly #options: ClientSettings;
  readonly #source: FileSource;
  readonly #queue: BatchQueue = new BatchQueue();
  readonly #deadLetters: DeadLetterFile;
  readonly #delivery: Delivery;
  readonly #abort: AbortController = new AbortController();
  #running: Promise<ShipperStats> | undefined;
  #isStopping = false;
  #isRead = false;
  #wakeReader: (() => void) | undefined;
  #drainTimer: NodeJS.Timeout | undefined;
  #sent = 0;
  #failed = 0;
  #duplicate = 0;
  #readEvents = 0;
  #readBytes = 0;
  #settledBytes = 0;
  #connections = 0;
  #isInTrouble = false;

  constructor(options: ShipperOptions) {
    super();
    const settings = resolveSettings(clientOptions, options, process.env);
    this.#options = settings;
    const { logFile, fields, fileField, format, unparsed, lineBytesMax, batchSize, windowBytes } = settings;
    const allFields = fileField === undefined ? fields : new Map([...fields, [fileField, logFile]]);
    const encoder = new LineEncoder({ rules: { format, fields: allFields }, unparsed, lineBytesMax });
    const batchEventsMax = batchSize === "auto" ? Number.POSITIVE_INFINITY : batchSize;
    const pool = new SlabPool(windowBytes + 2 * BATCH_BYTES_MAX);
    this.#source = new FileSource({ path: logFile, batchEventsMax, lineBytesMax }, encoder, pool);
    this.#deadLetters = new DeadLetterFile(join(settings.stateDir, "dead-letter.ndjson"));
    this.#delivery = this.#createDelivery();
  }

  /** Where refused events are kept; the file exists only once there are any. */
  get deadLetterPath(): string {
    return this.#deadLetters.path;
  }

  /** Opens the input and begins to ship. Rejects with a `LogshipError` if it cannot be read. */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error("a shipper can be started once");
    await this.#source.open();
    try {
      await prepareStateDir(this.#options.stateDir);
    } catch (error) {
      await this.#source.close();
      throw error;
    }
    this.#running = this.#run();
    // Whoever does not wait for the end must not be punished with an unhandled rejection.
    this.#running.catch(() => {});
  }

  /** Resolves when everything is delivered, or after `stop`; rejects with a `LogshipError` when it had to give up. */
  finished(): Promise<ShipperStats> {
    if (this.#running === undefined) return Promise.reject(new Error("the shipper was not started"));
    return this.#running;
  }

  /**
   * Stops reading, delivers what was read, and ends; what is not acked within `drainTimeoutMs` stays undelivered, as
   * `isComplete` and `unacked` then tell.
   */
  async stop(): Promise<ShipperStats> {
    if (this.#running === undefined) return this.stats();
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#wakeReader?.();
      this.#drainTimer = setTimeout(() => this.#abort.abort(), this.#options.drainTimeoutMs);
    }
    return this.#running;
  }

  stats(): ShipperStats {
    const isComplete = this.#isRead && this.#queue.isEmpty;
    return {
      sent: this.#sent,
      failed: this.#failed,
      duplicate: this.#duplicate,
      unacked: this.#readEvents - this.#sent - this.#failed - this.#duplicate,
      sizeBytes: this.#source.sizeBytes,
      readBytes: this.#readBytes,
      settledBytes: this.#settledBytes,
      isComplete,
      connections: this.#connections,
      lines: { ...this.#source.counters },
    };
  }

  async #run(): Promise<ShipperStats> {
    const delivering = this.#delivery.run(this.#abort.signal).finally(() => {
      this.#isStopping = true;
      this.#wakeReader?.();
    });
    try {
      // Both are waited for, so that neither outlives the run; a fault of the input is told after what was read is delivered.
      const [read, delivered] = await Promise.allSettled([this.#read(), delivering]);
      if (delivered.status === "rejected") throw delivered.reason;
      if (read.status === "rejected") throw read.reason;
      return this.stats();
    } finally {
      clearTimeout(this.#drainTimer);
      await this.#source.close();
      await this.#deadLetters.close();
    }
  }

  async #read(): Promise<void> {
    try {
      while (!this.#isStopping) {
        const batch = await this.#source.read();
        if (batch === undefined) {
          this.#isRead = true;
          break;
        }
        await this.#room(batch);
        this.#readEvents += batch.count;
        this.#readBytes = batch.end;
        this.#queue.push(batch);
        this.#delivery.notify();
      }
    } finally {
      this.#delivery.end();
    }
  }

  /** Waits until the batch fits the queue; one that is larger than the window waits until it is alone. */
  async #room(batch: Batch): Promise<void> {
    const { windowBytes } = this.#options;
    while (
      !this.#isStopping &&
      !this.#queue.isEmpty &&
      this.#queue.bytes + batch.bytes.length > windowBytes
    ) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  #createDelivery(): Delivery {
    const options = this.#options;
    const { serverHost: host, serverPort: port, backoffBaseMs, backoffMaxMs, backoffJitter } = options;
    const destination = new TcpDestination({ ...options, host, port });
    return new Delivery(
      this.#queue,
      destination,
      this.#deadLetters,
      {
        backoff: { baseMs: backoffBaseMs, maxMs: backoffMaxMs, jitter: backoffJitter },
        attemptsMax: options.connectAttempts,
        windowBytes: options.windowBytes,
      },
      {
        delivered: (events) => {
          this.#sent += events;
        },
        duplicate: (events) => {
          this.#duplicate += events;
        },
        refused: (events, reason) => {
          this.#failed += events;
          this.emit("refused", events, reason);
        },
        settled: (batch) => {
          this.#settledBytes = batch.end;
          this.#wakeReader?.();
        },
        connected: () => {
          this.#connections++;
          if (this.#isInTrouble) this.#log("info", `Connected to ${destination.name}`);
          this.#isInTrouble = false;
        },
        failed: (error, attempt, waitMs) => this.#reportFailure(error, attempt, waitMs),
      },
    );
  }

  #reportFailure(error: Error, attempt: number, waitMs: number | undefined): void {
    this.#isInTrouble = true;
    // The run's own rejection tells why it ended; the line is the one that users of the protocol know.
    const isUnreachable = error instanceof LogshipError && error.code === "ERR_UNREACHABLE";
    if (waitMs === undefined)
      this.#log("error", isUnreachable ? "Could not connect to server, aborting" : "Giving up");
    else if (attempt === 0) this.#log("warn", `${error.message}; connecting again`);
    else {
      const next = `attempt ${attempt} of ${this.#options.connectAttempts}, the next in ${(waitMs / 1000).toFixed(1)} s`;
      this.#log("warn", `${error.message} (${next})`);
    }
  }

  #log(level: LogLevel, message: string): void {
    this.emit("log", level, message);
  }
}

/** Refused lines must have a place to go before the first line is sent. */
async function prepareStateDir(stateDir: string): Promise<void> {
  try {
    await makeDirectory(resolve(stateDir));
    await access(stateDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = describeSystemError(error);
    throw new ConfigError(
      `the state folder ${stateDir} cannot be used: ${why}; name another with --state-dir`,
      { cause: error },
    );
  }
}

/** Makes a shipper; see {@link Shipper}. */
export function createShipper(options: ShipperOptions): Shipper {
  return new Shipper(options);
}
