// Which servers can be reached, as far as is known. Connections and attempts at them tell; while there is no connection,
// a TCP connection is tried now and then.

import { type Address, showAddress } from "../config/address.ts";
import type { Report } from "../observe/interfaces.ts";
import { connectTo } from "./tcp-connect.ts";

export interface HealthOptions {
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
}

export interface HealthWatcher {
  /** No probe is needed while this holds. */
  isConnected(): boolean;
  /** A server that could not be reached now can. */
  recovered(): void;
}

export class ServerHealth {
  readonly #servers: readonly Address[];
  readonly #options: HealthOptions;
  readonly #report: Report;
  readonly #unhealthy: Set<string> = new Set();
  readonly #abort: AbortController = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isProbing = false;

  constructor(servers: readonly Address[], options: HealthOptions, report: Report) {
    this.#servers = servers;
    this.#options = options;
    this.#report = report;
  }

  start(watcher: HealthWatcher): void {
    this.#timer = setInterval(() => {
      if (!this.#isProbing && !watcher.isConnected()) void this.#probeAll(watcher);
    }, this.#options.healthIntervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#abort.abort();
  }

  /** Notes what became of an attempt; true if the server had been unhealthy and no longer is. */
  note(server: string, isHealthy: boolean): boolean {
    if (isHealthy !== this.#unhealthy.has(server)) return false;
    if (isHealthy) this.#unhealthy.delete(server);
    else this.#unhealthy.add(server);
    this.#report(
      isHealthy ? "info" : "error",
      `Server ${server} is now ${isHealthy ? "healthy" : "unhealthy"}`,
    );
    return isHealthy;
  }

  async #probeAll(watcher: HealthWatcher): Promise<void> {
    this.#isProbing = true;
    const recoveries = await Promise.all(this.#servers.map((server) => this.#probe(server)));
    this.#isProbing = false;
    if (recoveries.includes(true)) watcher.recovered();
  }

  async #probe(server: Address): Promise<boolean> {
    const isHealthy = await connectTo(server, this.#options.healthTimeoutMs, this.#abort.signal).then(
      (socket) => {
        socket.destroy();
        return true;
      },
      () => false,
    );
    return !this.#abort.signal.aborted && this.note(showAddress(server), isHealthy);
  }
}
