import { connect, type OnReadOpts, type Socket } from "node:net";
import type { Address } from "../config/address.ts";

/** How long a connection may be silent before the kernel asks whether the other side is still there. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Makes one connection; the name is looked up anew. Rejects with the system's error, or with one in words after the
 * time-out or when the signal fires.
 */
export function connectTo(
  { host, port }: Address,
  timeoutMs: number,
  signal: AbortSignal,
  onread?: OnReadOpts,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const socket = connect({ host, port, noDelay: true, ...keepAlive, ...(onread && { onread }) });
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
    const onError = (error: Error): void => settle(firstCause(error));
    const onAbort = (): void => settle(new Error("stopped while connecting"));
    const onTimeout = (): void => settle(new Error(`no connection within ${timeoutMs / 1000} s`));
    const timer = setTimeout(onTimeout, timeoutMs);
    // An error that comes late, or before somebody listens, must not surface as an uncaught one.
    socket.on("error", () => {});
    socket.once("connect", onConnect);
    socket.once("error", onError);
    signal.addEventListener("abort", onAbort);
  });
}

/** A host with several addresses fails with one error that holds one for each. */
function firstCause(error: Error): Error {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as Error) : error;
}
