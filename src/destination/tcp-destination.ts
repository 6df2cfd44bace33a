// Log servers reached over TCP: the first of them that can be, each time a connection is made.

import type { Socket } from "node:net";
import type { Address } from "../config/address.ts";
import { showAddress } from "../config/address.ts";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { DeliveryHandler, Destination, Link } from "../pipeline/interfaces.ts";
import type { NoteHealth, TcpOptions } from "./interfaces.ts";
import { connectTo } from "./tcp-connect.ts";
import { type Inbox, TcpLink } from "./tcp-link.ts";

const READ_BYTES = 64 * 1024;

export class TcpDestination implements Destination {
  /** That of the first server, which stays the same when others are added. */
  readonly name: string;
  readonly #servers: readonly Address[];
  readonly #options: TcpOptions;
  readonly #noteHealth: NoteHealth;
  /** The server of the last connection; undefined if the last attempt made none. */
  #last: Address | undefined;

  constructor(servers: readonly Address[], options: TcpOptions, noteHealth: NoteHealth = () => {}) {
    this.name = showAddress(servers[0]!);
    this.#servers = servers;
    this.#options = options;
    this.#noteHealth = noteHealth;
  }

  async connect(handler: DeliveryHandler, patience: number, signal: AbortSignal): Promise<Link> {
    const failures: LogshipError[] = [];
    const servers = this.#inOrder(patience > 1);
    this.#last = undefined;
    for (const server of servers) {
      const name = showAddress(server);
      const inbox: Inbox = { receive: () => {} };
      try {
        const socket = await this.#open(server, inbox, signal);
        this.#noteHealth(name, true);
        this.#last = server;
        return new TcpLink(socket, inbox, name, this.#options, handler, patience);
      } catch (error) {
        if (signal.aborted) throw error;
        this.#noteHealth(name, false);
        failures.push(unreachable(name, error as Error));
      }
    }
    if (failures.length === 1) throw failures[0];
    const message = failures.map((failure) => failure.message).join("; ");
    throw new LogshipError("ERR_UNREACHABLE", EXIT.unavailable, message, { cause: failures });
  }

  /** A server that let itself be connected to and then acked nothing is tried last: it would keep us from the others. */
  #inOrder(wasFruitless: boolean): readonly Address[] {
    const last = this.#last;
    if (!wasFruitless || last === undefined) return this.#servers;
    return [...this.#servers.filter((server) => server !== last), last];
  }

  #open(server: Address, inbox: Inbox, signal: AbortSignal): Promise<Socket> {
    // One buffer for all reads: acks of some 40 bytes a line would else be as much garbage as the lines themselves.
    const callback = (length: number, buffer: Uint8Array): boolean => {
      inbox.receive((buffer as Buffer).subarray(0, length));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback };
    return connectTo(server, this.#options.connectTimeoutMs, signal, onread);
  }
}

function unreachable(name: string, cause: Error): LogshipError {
  const why = describeSystemError(cause);
  return new LogshipError("ERR_UNREACHABLE", EXIT.unavailable, `cannot reach ${name}: ${why}`, { cause });
}
