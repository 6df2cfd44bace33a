// Moves the queue's batches to the destination, over as many connections as it takes.
//
// Invariant: every event reported settled was acked by the destination, or refused by it and safe in the dead letters.

import { EXIT, LogshipError } from "../errors.ts";
import type { BackoffPolicy } from "./backoff.ts";
import { backoffMs } from "./backoff.ts";
import type { Batch } from "./batch.ts";
import { eventOffset } from "./batch.ts";
import type { BatchQueue } from "./batch-queue.ts";
import type { DeliveryHandler, Destination, Link } from "./interfaces.ts";

/** Where refused events are kept. */
export interface DeadLetters {
  add(event: Buffer, reason: string): void;
  /** Resolves when everything added is on disk. */
  flush(): Promise<void>;
}

/** When to try again and when to give up. */
export interface DeliveryPolicy {
  readonly backoff: BackoffPolicy;
  /** Attempts in a row without one acked event before giving up; Infinity to go on for ever. */
  readonly attemptsMax: number;
  /** Bytes in flight at most; a batch that is larger goes alone. */
  readonly windowBytes: number;
}

/** What a delivery tells its owner. */
export interface DeliveryObserver {
  delivered(events: number): void;
  duplicate(events: number): void;
  /** So many events were refused, and are safe in the dead letters. */
  refused(events: number, reason: string): void;
  /** A batch is done with: its bytes are free and the source's checkpoint may move to its end. */
  settled(batch: Batch): void;
  /** A message got its last ack, so long after it was sent. */
  answered(latencyMs: number): void;
  connected(name: string): void;
  /** A connection or an attempt failed; the next attempt comes after `waitMs`, or never if undefined. */
  failed(error: Error, attempt: number, waitMs: number | undefined): void;
}

/** The waits for acks double at each fruitless reconnect, up to this factor. */
const PATIENCE_MAX = 16;

export class Delivery {
  readonly #queue: BatchQueue;
  readonly #destination: Destination;
  readonly #deadLetters: DeadLetters;
  readonly #policy: DeliveryPolicy;
  readonly #observer: DeliveryObserver;

  #link: Link | undefined;
  #settling: Promise<void> | undefined;
  #failures = 0;
  #hasProgressed = false;
  #wake: (() => void) | undefined;
  #endBackOff: (() => void) | undefined;
  #lost: Error | undefined;
  #fatal: Error | undefined;
  #isEnded = false;
  /** What was refused and is not known to be safe yet; it is told once it is. */
  #refusals: { events: number; reason: string }[] = [];
  /** Where the event behind the last refused one starts. */
  #lastBuried: { batch: Batch; event: number; offset: number } | undefined;

  constructor(
    queue: BatchQueue,
    destination: Destination,
    deadLetters: DeadLetters,
    policy: DeliveryPolicy,
    observer: DeliveryObserver,
  ) {
    this.#queue = queue;
    this.#destination = destination;
    this.#deadLetters = deadLetters;
    this.#policy = policy;
    this.#observer = observer;
  }

  /** A batch was pushed. */
  notify(): void {
    if (this.#link === undefined) this.#wake?.();
    else this.#sendWaiting();
  }

  /** A connection is up, as far as is known. */
  get isConnected(): boolean {
    return this.#link !== undefined && this.#lost === undefined;
  }

  /** Makes the next attempt at once, if one is being waited for. */
  retryNow(): void {
    this.#endBackOff?.();
  }

  /** No further batch will be pushed: `run` returns when the queue is empty. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /**
   * Delivers until the queue has ended and is empty. Rejects when it gives up or when dead letters cannot be kept;
   * when the signal fires it returns at once and leaves what is undelivered in the queue.
   */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener("abort", onAbort);
    try {
      while (await this.#hasWork(signal)) {
        const attempted = await this.#connect(signal);
        if (attempted) await this.#untilLostOrDone(signal);
      }
      if (!signal.aborted) await this.#link?.close();
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#link?.destroy();
      this.#link = undefined;
    }
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  get #isDone(): boolean {
    return this.#fatal !== undefined || (this.#isEnded && this.#queue.isEmpty);
  }

  /** Waits for something to send; no connection is made before. */
  async #hasWork(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && !this.#isDone && this.#queue.unackedEvents === 0) await this.#sleep();
    return !signal.aborted && !this.#isDone;
  }

  /** Makes one connection, or notes the failure and waits before the next attempt. */
  async #connect(signal: AbortSignal): Promise<boolean> {
    this.#lost = undefined;
    this.#hasProgressed = false;
    const patience = Math.min(2 ** this.#failures, PATIENCE_MAX);
    try {
      this.#link = await this.#destination.connect(this.#handler, patience, signal);
    } catch (error) {
      if (!signal.aborted) await this.#backOff(error as Error, signal);
      return false;
    }
    this.#observer.connected(this.#link.name);
    this.#sendWaiting();
    return true;
  }

  async #untilLostOrDone(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isDone && this.#lost === undefined) await this.#sleep();
    if (this.#lost === undefined) return;
    this.#link = undefined;
    this.#queue.rewind();
    // A connection that ends with nothing under way is no failure; after progress the next attempt comes at once.
    if (this.#queue.unackedEvents === 0 || signal.aborted) return;
    if (this.#hasProgressed) this.#observer.failed(this.#lost, 0, 0);
    else await this.#backOff(this.#lost, signal);
  }

  /** Counts a failure; waits before the next attempt, or gives up. */
  async #backOff(error: Error, signal: AbortSignal): Promise<void> {
    const attempt = ++this.#failures;
    const { attemptsMax } = this.#policy;
    const isHopeless = error instanceof LogshipError && error.isFinal && Number.isFinite(attemptsMax);
    if (attempt >= attemptsMax || isHopeless) {
      this.#observer.failed(error, attempt, undefined);
      this.#fatal =
        error instanceof LogshipError
          ? error
          : new LogshipError("ERR_DELIVERY", EXIT.temporary, error.message);
      return;
    }
    const waitMs = backoffMs(attempt, this.#policy.backoff);
    this.#observer.failed(error, attempt, waitMs);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#endBackOff = undefined;
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      signal.addEventListener("abort", done);
      this.#endBackOff = done;
    });
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #sendWaiting(): void {
    const queue = this.#queue;
    for (let batch = queue.peekWaiting(); batch !== undefined; batch = queue.peekWaiting()) {
      const isAlone = queue.inFlightBatches === 0;
      if (!isAlone && queue.inFlightBytes + batch.bytes.length > this.#policy.windowBytes) return;
      if (this.#link === undefined || this.#lost !== undefined) return;
      this.#link.send(batch, queue.markSent());
    }
  }

  readonly #handler: DeliveryHandler = {
    delivered: (events) => this.#acked(events, () => this.#observer.delivered(events)),
    duplicate: (events) => this.#acked(events, () => this.#observer.duplicate(events)),
    refused: (events, reason) => {
      this.#bury(events, reason);
      this.#acked(events, () => this.#refusals.push({ events, reason }));
    },
    answered: (latencyMs) => this.#observer.answered(latencyMs),
    down: (error) => {
      this.#lost = error;
      this.#wake?.();
    },
  };

  #acked(events: number, report: () => void): void {
    if (!this.#queue.ack(events)) {
      this.#link?.destroy();
      this.#handler.down(new Error(`${this.#destination.name} acked more lines than it was sent`));
      return;
    }
    report();
    this.#failures = 0;
    this.#hasProgressed = true;
    this.#settleAcked();
    this.#sendWaiting();
  }

  /** Copies refused events into the dead letters. */
  #bury(events: number, reason: string): void {
    const head = this.#queue.head;
    if (head === undefined) return;
    const { batch, event } = head;
    const { bytes } = batch;
    // Of a batch whose every event is refused, one by one, each search begins where the last one ended.
    const last =
      this.#lastBuried?.batch === batch && this.#lastBuried.event <= event ? this.#lastBuried : undefined;
    let at = eventOffset(bytes, event - (last?.event ?? 0), last?.offset);
    for (let left = events; left > 0 && at < bytes.length; left--) {
      const end = bytes.indexOf(10, at) + 1;
      this.#deadLetters.add(bytes.subarray(at, end - 1), reason);
      at = end;
    }
    this.#lastBuried = { batch, event: event + events, offset: at };
  }

  #settleAcked(): void {
    if (this.#settling !== undefined) return;
    if (this.#refusals.length === 0) {
      this.#settle(this.#queue.ackedBatches);
      return;
    }
    const refusals = this.#refusals;
    this.#refusals = [];
    const batches = this.#queue.ackedBatches;
    this.#settling = this.#deadLetters.flush().then(
      () => {
        this.#settling = undefined;
        for (const { events, reason } of refusals) this.#observer.refused(events, reason);
        this.#settle(batches);
        this.#settleAcked();
      },
      (error: Error) => {
        this.#fatal = error;
        this.#wake?.();
      },
    );
  }

  #settle(batches: number): void {
    for (let left = batches; left > 0; left--) {
      const batch = this.#queue.settle();
      if (this.#lastBuried?.batch === batch) this.#lastBuried = undefined;
      this.#observer.settled(batch);
      batch.release();
    }
    if (this.#isDone) this.#wake?.();
  }
}
