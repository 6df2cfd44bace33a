// Moves batches from a source into the queue, as far as there is room.
//
// Invariant: while it is not told to stop, the queue holds no more than its bounds, but for a batch that is larger and
// then alone. A batch in flight is never dropped.

import { type Batch, splitBatch } from "./batch.ts";
import type { BatchQueue } from "./batch-queue.ts";
import type { Source } from "./interfaces.ts";

export interface IntakePolicy {
  /** Bounds of the queue; Infinity for none. */
  readonly linesMax: number;
  readonly bytesMax: number;
  readonly whenFull: "block" | "drop-newest" | "drop-oldest";
  /** A batch of more events than this is taken in parts. */
  readonly partEventsMax: number;
}

export interface IntakeObserver {
  /** So many events were read. */
  read(events: number): void;
  /** A batch was pushed. */
  queued(wasEmpty: boolean): void;
  dropped(events: number): void;
  /** From now on events are dropped, or are not any more. */
  dropping(isDropping: boolean): void;
}

export class Intake {
  readonly #source: Source;
  readonly #queue: BatchQueue;
  readonly #policy: IntakePolicy;
  readonly #observer: IntakeObserver;
  #isStopping = false;
  #isDropping = false;
  #wake: (() => void) | undefined;

  constructor(source: Source, queue: BatchQueue, policy: IntakePolicy, observer: IntakeObserver) {
    this.#source = source;
    this.#queue = queue;
    this.#policy = policy;
    this.#observer = observer;
  }

  /** Reads until the source ends, by itself or because it was told to stop. */
  async run(): Promise<void> {
    for (let batch = await this.#source.read(); batch !== undefined; batch = await this.#source.read()) {
      for (const part of splitBatch(batch, this.#policy.partEventsMax)) {
        this.#observer.read(part.count);
        if (await this.#makeRoom(part)) this.#push(part);
        else this.#drop(part, part.count);
      }
    }
  }

  /** What is read already is still taken, beyond the bounds if need be. */
  stop(): void {
    this.#isStopping = true;
    this.#source.stop();
    this.#wake?.();
  }

  /** The queue may have room now, or what was in flight waits again. */
  notify(): void {
    if (this.#isDropping && this.#isHalfEmpty) this.#setDropping(false);
    this.#wake?.();
  }

  /** Waits for room, or makes some; false if the batch is to be dropped. */
  async #makeRoom(batch: Batch): Promise<boolean> {
    const { whenFull } = this.#policy;
    while (!this.#isStopping && !this.#hasRoom(batch)) {
      if (whenFull === "drop-newest") return false;
      const oldest = whenFull === "drop-oldest" ? this.#queue.dropWaiting() : undefined;
      if (oldest !== undefined) this.#drop(oldest.batch, oldest.events);
      else await this.#change();
    }
    return true;
  }

  #hasRoom(batch: Batch): boolean {
    const { linesMax, bytesMax } = this.#policy;
    const { isEmpty, unackedEvents, bytes } = this.#queue;
    return isEmpty || (unackedEvents + batch.count <= linesMax && bytes + batch.bytes.length <= bytesMax);
  }

  get #isHalfEmpty(): boolean {
    const { linesMax, bytesMax } = this.#policy;
    return this.#queue.unackedEvents <= linesMax / 2 && this.#queue.bytes <= bytesMax / 2;
  }

  #push(batch: Batch): void {
    const wasEmpty = this.#queue.unackedEvents === 0;
    this.#queue.push(batch);
    this.#observer.queued(wasEmpty);
  }

  #drop(batch: Batch, events: number): void {
    this.#setDropping(true);
    batch.drop();
    this.#observer.dropped(events);
  }

  #setDropping(isDropping: boolean): void {
    if (this.#isDropping === isDropping) return;
    this.#isDropping = isDropping;
    this.#observer.dropping(isDropping);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
