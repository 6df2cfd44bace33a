// The client as one object: source → queue → destination. It starts the delivery before the reader and stops the
// reader before the delivery, so that nothing is read that nobody would send.

import { EventEmitter } from "node:events";
import { dirname, join } from "node:path";
import type { ClientSettings } from "./config/client-options.ts";
import { clientOptions } from "./config/client-options.ts";
import { resolveSettings } from "./config/option.ts";
import { TcpDestination } from "./destination/tcp-destination.ts";
import { nodeFileSystem } from "./disk/file-system.ts";
import { LogshipError } from "./errors.ts";
import { type LineCounters, LineEncoder, newLineCounters } from "./event/line-encoder.ts";
import type { LogLevel, Report } from "./observe/interfaces.ts";
import { BATCH_BYTES_MAX, type Batch, SlabPool } from "./pipeline/batch.ts";
import { BatchQueue } from "./pipeline/batch-queue.ts";
import { DeadLetterFile } from "./pipeline/dead-letter-file.ts";
import { Delivery } from "./pipeline/delivery.ts";
import type { Checkpoint } from "./source/checkpoint.ts";
import { Checkpointer } from "./source/checkpointer.ts";
import { FileSource } from "./source/file-source.ts";
import { StateDirectory } from "./source/state-dir.ts";

/** Settings of a shipper; what is left out has the default that `docs/configuration.md` names. */
export interface ShipperOptions extends Partial<Omit<ClientSettings, "logFile">> {
  /** The file to ship, or several, or patterns such as `/var/log/*.log`. */
  readonly logFile: string | readonly string[];
}

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
  /** The size of all files, in bytes, as far as it is known. */
  readonly sizeBytes: number;
  /** How much of them has been read, in bytes. */
  readonly readBytes: number;
  /** How much of them is settled, in bytes: every line before was acked, or refused and kept. */
  readonly settledBytes: number;
  /** True once everything that was there to read is settled. */
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
 * Ships files to a log server, once or following them as they grow.
 *
 * `start` opens the input, `finished` waits for the end, `stop` asks for it. It installs no handlers, ends no process
 * and keeps no global state; any number of shippers can run in one program.
 */
export class Shipper extends EventEmitter<ShipperEvents> {
  readonly #options: ClientSettings;
  readonly #state: StateDirectory;
  readonly #pool: SlabPool;
  readonly #queue: BatchQueue = new BatchQueue();
  readonly #deadLetters: DeadLetterFile;
  readonly #destination: TcpDestination;
  readonly #delivery: Delivery;
  readonly #abort: AbortController = new AbortController();
  readonly #lines: LineCounters = newLineCounters();
  #source: FileSource | undefined;
  #checkpointer: Checkpointer | undefined;
  #running: Promise<ShipperStats> | undefined;
  #isStopping = false;
  #isRead = false;
  #wakeReader: (() => void) | undefined;
  #drainTimer: NodeJS.Timeout | undefined;
  #sent = 0;
  #failed = 0;
  #duplicate = 0;
  #readEvents = 0;
  #connections = 0;
  #isInTrouble = false;

  constructor({ logFile, ...options }: ShipperOptions) {
    super();
    const logFiles = typeof logFile === "string" ? [logFile] : logFile;
    const settings = resolveSettings(clientOptions, { ...options, logFile: logFiles }, process.env);
    this.#options = settings;
    const { windowBytes, stateDir, serverHost: host, serverPort: port } = settings;
    this.#pool = new SlabPool(windowBytes + 2 * BATCH_BYTES_MAX);
    this.#state = new StateDirectory(stateDir, nodeFileSystem, (level, message) => this.#log(level, message));
    this.#deadLetters = new DeadLetterFile(join(this.#state.path, "dead-letter.ndjson"));
    this.#destination = new TcpDestination({ ...settings, host, port });
    this.#delivery = this.#createDelivery();
  }

  /** Where refused events are kept; the file exists only once there are any. */
  get deadLetterPath(): string {
    return this.#deadLetters.path;
  }

  /** Opens the input and begins to ship. Rejects with a `LogshipError` if it cannot. */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error("a shipper can be started once");
    const checkpoint = await this.#state.open();
    const source = this.#createSource(checkpoint);
    try {
      await source.open();
    } catch (error) {
      await source.close();
      await this.#state.close();
      throw error;
    }
    this.#running = this.#run(source);
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
      this.#stopReading();
      this.#drainTimer = setTimeout(() => this.#abort.abort(), this.#options.drainTimeoutMs);
    }
    return this.#running;
  }

  stats(): ShipperStats {
    let [sizeBytes, readBytes, settledBytes] = [0, 0, 0];
    for (const file of this.#source?.files ?? []) {
      sizeBytes += Math.max(file.sizeBytes, file.position.offset);
      readBytes += file.position.offset;
      settledBytes += file.settledMark.offset;
    }
    return {
      sent: this.#sent,
      failed: this.#failed,
      duplicate: this.#duplicate,
      unacked: this.#readEvents - this.#sent - this.#failed - this.#duplicate,
      sizeBytes,
      readBytes,
      settledBytes,
      isComplete: this.#isRead && this.#queue.isEmpty,
      connections: this.#connections,
      lines: { ...this.#lines },
    };
  }

  #stopReading(): void {
    this.#isStopping = true;
    this.#source?.stop();
    this.#wakeReader?.();
  }

  async #run(source: FileSource): Promise<ShipperStats> {
    const delivering = this.#delivery.run(this.#abort.signal).finally(() => this.#stopReading());
    try {
      // Both are waited for, so that neither outlives the run; a fault of the input is told after what was read is delivered.
      const [read, delivered] = await Promise.allSettled([this.#read(source), delivering]);
      if (delivered.status === "rejected") throw delivered.reason;
      if (read.status === "rejected") throw read.reason;
      return this.stats();
    } finally {
      clearTimeout(this.#drainTimer);
      await this.#checkpointer?.close();
      await source.close();
      await this.#deadLetters.close();
      await this.#state.close();
    }
  }

  async #read(source: FileSource): Promise<void> {
    const { mode } = this.#options;
    try {
      while (!this.#isStopping) {
        const batch = await source.read();
        if (batch === undefined) break;
        await this.#room(batch);
        this.#readEvents += batch.count;
        this.#queue.push(batch);
        this.#delivery.notify();
      }
      // Who follows files has read all there is whenever it is told to stop.
      this.#isRead = mode === "continuous" || !this.#isStopping;
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

  #createSource(checkpoint: Checkpoint | undefined): FileSource {
    const { logFile, fields, fileField, format, unparsed, lineBytesMax, batchSize, mode, noId } =
      this.#options;
    const report: Report = (level, message) => this.#log(level, message);
    const before = checkpoint?.destination ?? "";
    if (before !== "" && before !== this.#destination.name) {
      const message = `lines were delivered to ${before} before; ${this.#destination.name} gets what comes after them`;
      report("warn", `${message} (--again ships files from their beginning)`);
    }
    const createEncoder = (stream: string, path: string): LineEncoder => {
      const allFields = fileField === undefined ? fields : new Map([...fields, [fileField, path]]);
      const ids = noId ? {} : { stream };
      return new LineEncoder({
        rules: { format, fields: allFields },
        unparsed,
        lineBytesMax,
        counters: this.#lines,
        ...ids,
      });
    };
    const source = new FileSource(
      {
        ...this.#options,
        patterns: logFile,
        follow: mode === "continuous",
        batchEventsMax: batchSize === "auto" ? Number.POSITIVE_INFINITY : batchSize,
        isOwn: (path) => dirname(path) === this.#state.path,
      },
      {
        createEncoder,
        pool: this.#pool,
        report,
        checkpoint,
        save: () => checkpointer.save(),
        onSettled: () => checkpointer.schedule(),
      },
    );
    const checkpointer = new Checkpointer(
      this.#state,
      this.#destination.name,
      () => source.records(),
      report,
    );
    this.#source = source;
    this.#checkpointer = checkpointer;
    return source;
  }

  #createDelivery(): Delivery {
    const { backoffBaseMs, backoffMaxMs, backoffJitter, connectAttempts, mode, windowBytes } = this.#options;
    return new Delivery(
      this.#queue,
      this.#destination,
      this.#deadLetters,
      {
        backoff: { baseMs: backoffBaseMs, maxMs: backoffMaxMs, jitter: backoffJitter },
        attemptsMax: mode === "batch" ? connectAttempts : Number.POSITIVE_INFINITY,
        windowBytes,
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
        settled: () => this.#wakeReader?.(),
        connected: () => {
          this.#connections++;
          if (this.#isInTrouble) this.#log("info", `Connected to ${this.#destination.name}`);
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
      const { connectAttempts, mode } = this.#options;
      const of = mode === "batch" ? ` of ${connectAttempts}` : "";
      const next = `attempt ${attempt}${of}, the next in ${(waitMs / 1000).toFixed(1)} s`;
      this.#log("warn", `${error.message} (${next})`);
    }
  }

  #log(level: LogLevel, message: string): void {
    this.emit("log", level, message);
  }
}

/** Makes a shipper; see {@link Shipper}. */
export function createShipper(options: ShipperOptions): Shipper {
  return new Shipper(options);
}
