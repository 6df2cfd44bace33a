// The client as one object: input → queue → destination. It starts the delivery before the intake and stops the intake
// before the delivery, so that nothing is read that nobody would send.

import { EventEmitter } from "node:events";
import { join } from "node:path";
import { DeliveryLog } from "./client/delivery-log.ts";
import { FileInput } from "./client/file-input.ts";
import type {
  Input,
  InputContext,
  ShipperEvents,
  ShipperOptions,
  ShipperStats,
} from "./client/interfaces.ts";
import { deliveryPolicyOf, intakePolicyOf, serversOf } from "./client/policies.ts";
import { RedriveInput } from "./client/redrive-input.ts";
import { StdinInput } from "./client/stdin-input.ts";
import { type ClientSettings, clientOptions, STDIN } from "./config/client-options.ts";
import type { DeliverySettings } from "./config/delivery-options.ts";
import { resolveSettings } from "./config/option.ts";
import { ServerHealth } from "./destination/server-health.ts";
import { TcpDestination } from "./destination/tcp-destination.ts";
import { nodeFileSystem } from "./disk/file-system.ts";
import { ConfigError } from "./errors.ts";
import { type LineCounters, newLineCounters } from "./event/line-encoder.ts";
import type { LogLevel } from "./observe/interfaces.ts";
import { MetricsCollector } from "./observe/metrics.ts";
import { StallWatch } from "./observe/stall-watch.ts";
import { BATCH_BYTES_MAX, SlabPool } from "./pipeline/batch.ts";
import { BatchQueue } from "./pipeline/batch-queue.ts";
import { DeadLetterFile } from "./pipeline/dead-letter-file.ts";
import { Delivery, type DeliveryObserver } from "./pipeline/delivery.ts";
import { Intake, type IntakeObserver } from "./pipeline/intake.ts";
import { inodesOf } from "./source/file-stat.ts";
import { StateDirectory } from "./source/state-dir.ts";

export type { ShipperEvents, ShipperOptions, ShipperStats } from "./client/interfaces.ts";

/**
 * Ships files to a log server, once or following them as they grow.
 *
 * `start` opens the input, `finished` waits for the end, `stop` asks for it. It installs no handlers, ends no process
 * and keeps no global state; any number of shippers can run in one program.
 */
export class Shipper extends EventEmitter<ShipperEvents> {
  readonly #settings: ClientSettings;
  readonly #createInput: (context: InputContext) => Input;
  readonly #state: StateDirectory;
  readonly #queue: BatchQueue = new BatchQueue();
  readonly #deadLetters: DeadLetterFile;
  readonly #destination: TcpDestination;
  readonly #delivery: Delivery;
  readonly #health: ServerHealth | undefined;
  readonly #stallWatch: StallWatch;
  readonly #metrics: MetricsCollector = new MetricsCollector();
  readonly #abort: AbortController = new AbortController();
  readonly #lines: LineCounters = newLineCounters();
  readonly #counts = { sent: 0, failed: 0, duplicate: 0, dropped: 0, read: 0, connections: 0, retries: 0 };
  #input: Input | undefined;
  #intake: Intake | undefined;
  #running: Promise<ShipperStats> | undefined;
  #isStopping = false;
  #isRead = false;
  #drainTimer: NodeJS.Timeout | undefined;
  #metricsTimer: NodeJS.Timeout | undefined;

  /** For {@link createShipper}; `createInput` is called once, by `start`. */
  constructor(settings: ClientSettings, createInput: (context: InputContext) => Input) {
    super();
    this.#settings = settings;
    this.#createInput = createInput;
    const report = this.#log.bind(this);
    const { mode, resilient, stateDir, stallAfterMs } = settings;
    this.#state = new StateDirectory(stateDir, nodeFileSystem, report);
    this.#deadLetters = new DeadLetterFile(join(this.#state.path, "dead-letter.ndjson"));
    const servers = serversOf(settings);
    if (resilient || mode === "continuous") this.#health = new ServerHealth(servers, settings, report);
    this.#destination = new TcpDestination(servers, settings, (server, isUp) =>
      this.#health?.note(server, isUp),
    );
    const policy = deliveryPolicyOf(settings);
    const log = new DeliveryLog(report, policy.attemptsMax);
    const observer = this.#observeDelivery(log);
    this.#delivery = new Delivery(this.#queue, this.#destination, this.#deadLetters, policy, observer);
    this.#stallWatch = new StallWatch(stallAfterMs, {
      isWaiting: () => this.#queue.unackedEvents > 0,
      began: () => this.#log("error", this.#stallMessage()),
      ended: (ms) => this.#log("info", `No longer stalled: acked again after ${Math.round(ms / 1000)} s`),
    });
  }

  /** Where refused events are kept; the file exists only once there are any. */
  get deadLetterPath(): string {
    return this.#deadLetters.path;
  }

  /** Opens the input and begins to ship. Rejects with a `LogshipError` if it cannot. */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error("a shipper can be started once");
    const checkpoint = await this.#state.open();
    const input = this.#createInput({
      settings: this.#settings,
      destination: this.#destination.name,
      isConnected: () => this.#delivery.isConnected,
      state: this.#state,
      checkpoint,
      deadLetterPath: this.#deadLetters.path,
      pool: new SlabPool(this.#settings.windowBytes + 2 * BATCH_BYTES_MAX),
      lines: this.#lines,
      report: (level, message) => this.#log(level, message),
    });
    try {
      await input.open();
    } catch (error) {
      await input.close();
      await this.#state.close();
      throw error;
    }
    this.#input = input;
    this.#running = this.#run(input);
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
      clearTimeout(this.#drainTimer);
      this.#drainTimer = setTimeout(() => this.#abort.abort(), this.#settings.drainTimeoutMs);
    }
    return this.#running;
  }

  stats(): ShipperStats {
    const { read, ...counts } = this.#counts;
    return {
      ...counts,
      unacked: read - counts.sent - counts.failed - counts.duplicate - counts.dropped,
      ...(this.#input?.extent() ?? { sizeBytes: 0, readBytes: 0, settledBytes: 0 }),
      isComplete: this.#isRead && this.#queue.isEmpty,
      isStalled: this.#stallWatch.isStalled,
      lines: { ...this.#lines },
    };
  }

  #stopReading(): void {
    this.#isStopping = true;
    this.#intake?.stop();
  }

  async #run(input: Input): Promise<ShipperStats> {
    this.#intake = new Intake(input, this.#queue, intakePolicyOf(this.#settings), this.#observeIntake());
    this.#startWatching();
    const delivering = this.#delivery.run(this.#abort.signal).finally(() => this.#stopReading());
    try {
      // Both are waited for, so that neither outlives the run; a fault of the input is told after what was read is delivered.
      const [read, delivered] = await Promise.allSettled([this.#read(this.#intake, input), delivering]);
      if (delivered.status === "rejected") throw delivered.reason;
      if (read.status === "rejected") throw read.reason;
      return this.stats();
    } finally {
      this.#stopWatching();
      await input.close();
      await this.#deadLetters.close();
      await this.#state.close();
    }
  }

  async #read(intake: Intake, input: Input): Promise<void> {
    try {
      await intake.run();
      this.#isRead = input.isOpenEnded || !this.#isStopping;
    } finally {
      this.#delivery.end();
      if (!this.#isStopping) this.#drainWhileAcked();
    }
  }

  /** The input has ended: who else would wait for a server for ever now waits only as long as acks come. */
  #drainWhileAcked(): void {
    if (Number.isFinite(deliveryPolicyOf(this.#settings).attemptsMax)) return;
    const before = this.#queue.unackedEvents;
    this.#drainTimer = setTimeout(() => {
      if (this.#queue.unackedEvents === before) this.#abort.abort();
      else this.#drainWhileAcked();
    }, this.#settings.drainTimeoutMs);
  }

  #startWatching(): void {
    const { metricsIntervalMs } = this.#settings;
    this.#stallWatch.start();
    this.#health?.start({
      isConnected: () => this.#delivery.isConnected,
      recovered: () => this.#delivery.retryNow(),
    });
    if (metricsIntervalMs > 0) {
      this.#metricsTimer = setInterval(() => this.#emitMetrics(), metricsIntervalMs);
    }
  }

  #stopWatching(): void {
    clearTimeout(this.#drainTimer);
    this.#stallWatch.stop();
    this.#health?.stop();
    if (this.#metricsTimer === undefined) return;
    clearInterval(this.#metricsTimer);
    this.#emitMetrics();
  }

  #emitMetrics(): void {
    const { sizeBytes, settledBytes } = this.stats();
    this.#metrics.sample(this.#queue.unackedEvents);
    this.emit("metrics", this.#metrics.take({ ...this.#counts }, sizeBytes - settledBytes));
  }

  #observeIntake(): IntakeObserver {
    const { whenFull } = this.#settings;
    return {
      read: (events) => {
        this.#counts.read += events;
      },
      queued: (wasEmpty) => {
        if (wasEmpty) this.#stallWatch.moved();
        this.#metrics.sample(this.#queue.unackedEvents);
        this.#delivery.notify();
      },
      dropped: (events) => {
        this.#counts.dropped += events;
      },
      dropping: (isDropping) => {
        const { dropped } = this.#counts;
        if (isDropping) this.#log("warn", `the buffer is full: lines are dropped (--when-full=${whenFull})`);
        else this.#log("info", `the buffer has room again: no more lines are dropped than ${dropped} in all`);
      },
    };
  }

  #observeDelivery(log: DeliveryLog): DeliveryObserver {
    return {
      delivered: (events) => {
        this.#counts.sent += events;
        this.#acked();
      },
      duplicate: (events) => {
        this.#counts.duplicate += events;
        this.#acked();
      },
      refused: (events, reason) => {
        this.#counts.failed += events;
        this.#acked();
        this.emit("refused", events, reason);
      },
      settled: () => {
        this.#metrics.sample(this.#queue.unackedEvents);
        this.#intake?.notify();
      },
      answered: (latencyMs) => this.#metrics.answered(latencyMs),
      connected: (server) => {
        this.#counts.connections++;
        log.connected(server);
        this.#input?.status?.connected(server);
      },
      failed: (error, attempt, waitMs) => {
        if (waitMs !== undefined) this.#counts.retries++;
        log.failed(error, attempt, waitMs);
        this.#input?.status?.failed(error);
        // What was in flight waits again, and may now be dropped.
        this.#intake?.notify();
      },
    };
  }

  #acked(): void {
    this.#stallWatch.moved();
    this.#input?.status?.acked();
  }

  #stallMessage(): string {
    const { unacked, sizeBytes, settledBytes } = this.stats();
    const waiting = `${unacked} lines wait, ${sizeBytes - settledBytes} bytes are undelivered`;
    return `Stalled: nothing was acked for ${this.#settings.stallAfterMs / 1000} s; ${waiting}`;
  }

  #log(level: LogLevel, message: string): void {
    this.emit("log", level, message);
  }
}

/** Makes a shipper; see {@link Shipper}. */
export function createShipper({ logFile, stdin, ownLogs = [], ...options }: ShipperOptions): Shipper {
  const logFiles = typeof logFile === "string" ? [logFile] : logFile;
  const settings = resolveSettings(clientOptions, { ...options, logFile: logFiles }, process.env);
  if (!logFiles.includes(STDIN))
    return new Shipper(settings, (context) => new FileInput(context, inodesOf(ownLogs)));
  if (logFiles.length > 1) throw new ConfigError(`logFile: ${STDIN} stands alone`);
  return new Shipper(settings, (context) => new StdinInput(context, stdin));
}

/** Makes a shipper that sends the events of a dead-letter file again. */
export function createRedrive(file: string, options: Partial<DeliverySettings>): Shipper {
  const settings = resolveSettings<ClientSettings>(clientOptions, options, process.env);
  return new Shipper(settings, (context) => new RedriveInput(context, file));
}
