// The seams of the client: whatever yields batches, and whatever takes them.

import type { Batch } from "./batch.ts";

/** Yields batches in order. */
export interface Source {
  /** Finds and opens the input. Throws a `LogshipError` if there is none that can be read. */
  open(): Promise<void>;
  /** The next batch; undefined when the input is at its end. */
  read(): Promise<Batch | undefined>;
  /** Makes `read` come to an end: no more is taken from the input than was taken already. */
  stop(): void;
  close(): Promise<void>;
}

/** Takes batches in order and says what became of their lines. */
export interface Destination {
  /** How messages name it, such as `localhost:9000`. */
  readonly name: string;
  /**
   * Makes one connection. Rejects if that fails or the signal fires first.
   *
   * @param patience Factor on the time-outs for acks: a slow server is given longer at each fruitless reconnect. It is
   *   1 unless the last connection, or the last attempt at one, was fruitless.
   */
  connect(handler: DeliveryHandler, patience: number, signal: AbortSignal): Promise<Link>;
}

/** One connection to a destination, usable until `down` is called or it is closed. */
export interface Link {
  /** How messages name what it leads to. */
  readonly name: string;
  /** Hands over the events of a batch from index `from` on. Their outcomes are reported in this order. */
  send(batch: Batch, from: number): void;
  /** Ends the connection in good order; bounded. Nothing is reported any more. */
  close(): Promise<void>;
  /** Ends the connection now. Nothing is reported any more. */
  destroy(): void;
}

/** Where a link reports, in the order in which the events were sent. */
export interface DeliveryHandler {
  /** So many events are durable at the destination. */
  delivered(events: number): void;
  /** So many events had been there already. */
  duplicate(events: number): void;
  /** So many events were refused for good. */
  refused(events: number, reason: string): void;
  /** All events of one `send` have their outcomes, so long after it. */
  answered(latencyMs: number): void;
  /** The connection is gone. What it did not report is to be sent again on another. */
  down(error: Error): void;
}
