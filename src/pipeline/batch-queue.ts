// The one buffer in memory: a FIFO of batches, each in one of three states, always in this order:
//
//   acked (kept until their refused lines are safe)  |  in flight  |  waiting
//
// Invariant: a batch leaves from the front, once every event of it is settled, or it is dropped while it waits; a rewind
// makes what is in flight waiting again, and the same bytes are sent again.

import type { Batch } from "./batch.ts";
import { Fifo } from "./fifo.ts";

export class BatchQueue {
  readonly #batches: Fifo<Batch> = new Fifo();
  #acked = 0;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** Events in flight that are not acked. */
  #inFlightEvents = 0;
  #bytes = 0;
  /** Events of the first unacked batch that are acked. */
  #headEvents = 0;
  #unackedEvents = 0;

  /** Bytes held in all three states. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of the batches in flight. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Events that were sent or wait to be, and are not acked. */
  get unackedEvents(): number {
    return this.#unackedEvents;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  get ackedBatches(): number {
    return this.#acked;
  }

  get inFlightBatches(): number {
    return this.#inFlight;
  }

  push(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes.length;
    this.#unackedEvents += batch.count;
  }

  /** The first waiting batch, which the caller looks at before it takes it. */
  peekWaiting(): Batch | undefined {
    return this.#batches.at(this.#acked + this.#inFlight);
  }

  /** Puts the first waiting batch in flight; says from which of its events on it is to be sent. */
  markSent(): number {
    const batch = this.peekWaiting()!;
    const from = this.#inFlight === 0 ? this.#headEvents : 0;
    this.#inFlight++;
    this.#inFlightBytes += batch.bytes.length;
    this.#inFlightEvents += batch.count - from;
    return from;
  }

  /** Takes out the first waiting batch, and says how many unacked events it takes along; undefined if none waits. */
  dropWaiting(): { batch: Batch; events: number } | undefined {
    const batch = this.#batches.remove(this.#acked + this.#inFlight);
    if (batch === undefined) return undefined;
    // A batch that was in flight before the connection was lost may be acked in part.
    const acked = this.#inFlight === 0 ? this.#headEvents : 0;
    if (this.#inFlight === 0) this.#headEvents = 0;
    const events = batch.count - acked;
    this.#bytes -= batch.bytes.length;
    this.#unackedEvents -= events;
    return { batch, events };
  }

  /** What is in flight waits again, but for the events that were acked. */
  rewind(): void {
    this.#inFlight = 0;
    this.#inFlightBytes = 0;
    this.#inFlightEvents = 0;
  }

  /** The batch of the next ack and the index of its event; undefined if nothing is in flight. */
  get head(): { batch: Batch; event: number } | undefined {
    const batch = this.#inFlight === 0 ? undefined : this.#batches.at(this.#acked);
    return batch && { batch, event: this.#headEvents };
  }

  /** Counts acks against the events in flight, in order. False, and nothing counted, if fewer are in flight. */
  ack(events: number): boolean {
    if (events > this.#inFlightEvents) return false;
    this.#inFlightEvents -= events;
    let left = events;
    while (left > 0) {
      const batch = this.#batches.at(this.#acked)!;
      const taken = Math.min(left, batch.count - this.#headEvents);
      left -= taken;
      this.#headEvents += taken;
      this.#unackedEvents -= taken;
      if (this.#headEvents < batch.count) break;
      this.#headEvents = 0;
      this.#inFlight--;
      this.#inFlightBytes -= batch.bytes.length;
      this.#acked++;
    }
    return true;
  }

  /** Removes the first acked batch; its memory is the caller's to release. */
  settle(): Batch {
    const batch = this.#batches.shift()!;
    this.#acked--;
    this.#bytes -= batch.bytes.length;
    return batch;
  }
}
