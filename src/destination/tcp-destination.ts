import { connect as connectSocket, isIP, type Socket } from "node:net";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { DeliveryHandler, Destination, Link } from "../pipeline/interfaces.ts";
import { type Inbox, TcpLink } from "./tcp-link.ts";

/** How a connection is made and watched. */
export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** Send each batch as one gzip frame instead of plain lines. */
  readonly compress: boolean;
  /** Milliseconds for name look-up and handshake together. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that unsent bytes may wait without the connection taking any. */
  readonly sendTimeoutMs: number;
  /** Milliseconds without an ack while lines are in flight. */
  readonly ackTimeoutMs: number;
}

const READ_BYTES = 64 * 1024;

/** A log server reached over TCP. */
export class TcpDestination implements Destination {
  readonly name: string;
  readonly #options: TcpOptions;

  constructor(options: TcpOptions) {
    this.name =
      isIP(options.host) === 6 ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`;
    this.#options = options;
  }

  async connect(handler: DeliveryHandler, patience: number, signal: AbortSignal): Promise<Link> {
    const inbox: Inbox = { receive: () => {} };
    const socket = await this.#open(inbox, signal);
    return new TcpLink(socket, inbox, this.name, this.#options, handler, patience);
  }

  #open(inbox: Inbox, signal: AbortSignal): Promise<Socket> {
    const { host, port, connectTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      // One buffer for all reads: acks of some 40 bytes a line would else be as much garbage as the lines themselves.
      const callback = (length: number, buffer: Uint8Array): boolean => {
        inbox.receive((buffer as Buffer).subarray(0, length));
        return true;
      };
      const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback };
      const socket = connectSocket({ host, port, noDelay: true, onread });
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        socket.removeListener("connect", onConnect);
        socket.removeListener("error", onError);
        if (error === undefined) {
          resolve(socket);
          return;
        }
        socket.destroy();
        reject(error);
      };
      const onConnect = (): void => settle();
      const onError = (error: Error): void =>
        settle(this.#unreachable(describeSystemError(firstCause(error)), error));
      const onAbort = (): void => settle(this.#unreachable("stopped while connecting"));
      const timer = setTimeout(
        () => settle(this.#unreachable(`no connection within ${connectTimeoutMs / 1000} s`)),
        connectTimeoutMs,
      );
      // An error that comes late, or before the link listens, must not surface as an uncaught one.
      socket.on("error", () => {});
      socket.once("connect", onConnect);
      socket.once("error", onError);
      signal.addEventListener("abort", onAbort);
    });
  }

  #unreachable(why: string, cause?: Error): LogshipError {
    return new LogshipError("ERR_UNREACHABLE", EXIT.unavailable, `cannot reach ${this.name}: ${why}`, {
      cause,
    });
  }
}

/** A host with several addresses fails with one error that holds one for each. */
function firstCause(error: Error): Error {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as Error) : error;
}
