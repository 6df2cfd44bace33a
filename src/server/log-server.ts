// The log server: a listener whose sessions share one store. Started bottom up (store, then listener), stopped top down
// (listener, sessions, store). Each step of the stop is bounded by `drainTimeoutMs`.

import { EventEmitter } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { LogLevel } from "../observe/interfaces.ts";
import { type LogServerOptions, resolveOptions } from "./options.ts";
import { Session } from "./session.ts";
import { type LogServerStats, newCounters, type ServerCounters } from "./stats.ts";
import { Store } from "./store.ts";

/** The events of a log server. */
export interface LogServerEvents {
  /** A line for the server's own log. */
  log: [level: LogLevel, message: string];
  /** Lines that were stored and acked: NDJSON, each line ended by `\n`. Costs nothing while nobody listens. */
  stored: [lines: Buffer];
}

const BACKLOG = 1024;

/** Receives log lines and stores them. Starts once; made by `createLogServer`. */
export class LogServer extends EventEmitter<LogServerEvents> {
  readonly #options: LogServerOptions;
  readonly #counters: ServerCounters = newCounters();
  readonly #store: Store;
  readonly #sessions = new Set<Session>();
  readonly #listener: Server;
  #starting: Promise<{ host: string; port: number }> | undefined;
  #stopping: Promise<void> | undefined;
  #overLimit = false;
  #allClosed: () => void = () => {};

  constructor(options: LogServerOptions) {
    super();
    this.#options = options;
    this.#store = new Store({
      ...options,
      report: (level, message) => this.#report(level, message),
      onRoom: () => {
        for (const session of this.#sessions) session.adjustFlow();
      },
    });
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#listener.maxConnections = options.connectionsMax;
    this.#listener.on("drop", () => this.#refuse());
  }

  /**
   * Opens the store and listens. Resolves with the address, whose port is the one taken where 0 was asked for.
   * Rejects with a `LogshipError`: `ERR_CONFIG` (78) when the store cannot be used, `ERR_LOCKED` (75) when another
   * server has it, `ERR_LISTEN` (69) when the address cannot be listened on.
   */
  start(): Promise<{ host: string; port: number }> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Takes no more connections, reads and acks what has arrived, and closes the store; after `drainTimeoutMs` whatever
   * the state of things. Never rejects, and can be called at any time and again.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A copy of the counts. */
  stats(): LogServerStats {
    const { linesRefused, ...counters } = this.#counters;
    return { ...counters, ...this.#store.stats, linesRefused: { ...linesRefused } };
  }

  async #start(): Promise<{ host: string; port: number }> {
    if (this.#stopping !== undefined)
      throw new LogshipError("ERR_STOPPED", EXIT.internal, "the server was stopped");
    const { durability } = this.#options;
    if (durability !== "disk") this.#report("warn", durabilityWarnings[durability]);
    await this.#store.open();
    try {
      await this.#listen();
    } catch (error) {
      await this.#store.close();
      throw error;
    }
    const { address, port } = this.#listener.address() as AddressInfo;
    return { host: address, port };
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(listenError(error, host, port));
      this.#listener.once("error", fail);
      this.#listener.listen({ host, port, backlog: BACKLOG }, () => {
        this.#listener.off("error", fail);
        this.#listener.on("error", (error) =>
          this.#report("error", `cannot accept connections: ${describeSystemError(error)}`),
        );
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    this.#overLimit = false;
    this.#counters.connectionsAccepted++;
    this.#counters.connectionsOpen++;
    const session = new Session(socket, {
      options: this.#options,
      counters: this.#counters,
      store: this.#store,
      stored: () => (this.listenerCount("stored") === 0 ? undefined : (lines) => this.#emitStored(lines)),
      report: (level, message) => this.#report(level, message),
    });
    this.#sessions.add(session);
    socket.once("close", () => {
      this.#counters.connectionsOpen--;
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#allClosed();
    });
  }

  /** Node has closed a connection because `connectionsMax` are open. */
  #refuse(): void {
    this.#counters.connectionsRefused++;
    if (this.#overLimit) return;
    this.#overLimit = true;
    this.#report(
      "warn",
      `${this.#options.connectionsMax} connections are open: further ones are closed at once`,
    );
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    const deadline = performance.now() + this.#options.drainTimeoutMs;
    const closed = new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
    this.#listener.close();
    for (const session of this.#sessions) session.stop();
    if (this.#sessions.size > 0 && !(await settlesBefore(closed, deadline))) {
      this.#report("warn", `stopping with ${this.#sessions.size} connections that did not end in time`);
      for (const session of this.#sessions) session.destroy();
    }
    if (!(await settlesBefore(this.#store.close(), deadline))) {
      this.#report(
        "error",
        "stopping although the store has not finished writing; what it was writing is not acked",
      );
    }
  }

  // A listener that throws must not break into the work that had something to say.

  #emitStored(lines: Buffer): void {
    process.nextTick(() => this.emit("stored", lines));
  }

  #report(level: LogLevel, message: string): void {
    process.nextTick(() => this.emit("log", level, message));
  }
}

/** Makes a log server; it does nothing until it is started. Throws a `ConfigError` for a value out of its range. */
export function createLogServer(options: Partial<LogServerOptions> = {}): LogServer {
  return new LogServer(resolveOptions(options));
}

const durabilityWarnings = {
  write: "durability is `write`: lines are acked before they are on disk, a power cut can lose them",
  memory:
    "durability is `memory`: lines are acked before they are written, whatever ends the server can lose them",
} as const;

function listenError(error: Error, host: string, port: number): LogshipError {
  const reason = describeSystemError(error);
  const advice =
    (error as NodeJS.ErrnoException).code === "EADDRINUSE"
      ? "stop what listens there, or take another port (0 takes a free one)"
      : "check the host and the port";
  return new LogshipError(
    "ERR_LISTEN",
    EXIT.unavailable,
    `cannot listen on ${host}:${port}: ${reason}; ${advice}`,
    {
      cause: error,
    },
  );
}

/** Whether a promise settles before a time on the clock of `performance.now`. */
async function settlesBefore(promise: Promise<void>, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(1, deadline - performance.now()));
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  return inTime;
}
