import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Batch } from "../../src/pipeline/batch.ts";
import { BatchQueue } from "../../src/pipeline/batch-queue.ts";

function batchOf(count: number): Batch {
  return { bytes: Buffer.alloc(10 * count), count, start: 0, end: 0, release: () => {}, drop: () => {} };
}

function queueOf(...counts: number[]): BatchQueue {
  const queue = new BatchQueue();
  for (const count of counts) queue.push(batchOf(count));
  return queue;
}

describe("a queue of batches", () => {
  test("is sent, acked and settled in order", () => {
    const queue = queueOf(2, 3);
    expect([queue.markSent(), queue.markSent(), queue.peekWaiting()]).toEqual([0, 0, undefined]);
    expect(queue.ack(3)).toBe(true);
    expect(stateOf(queue)).toMatchObject({
      ackedBatches: 1,
      inFlightBatches: 1,
      inFlightBytes: 30,
      unackedEvents: 2,
    });
    expect(queue.head).toMatchObject({ batch: { count: 3 }, event: 1 });
    expect(queue.settle().count).toBe(2);
    expect(stateOf(queue)).toMatchObject({ bytes: 30, ackedBatches: 0, isEmpty: false });
  });

  test("sends again from the first unacked event after a rewind", () => {
    const queue = queueOf(3, 1);
    queue.markSent();
    queue.markSent();
    queue.ack(2);
    queue.rewind();
    expect(stateOf(queue)).toMatchObject({ inFlightBatches: 0, inFlightBytes: 0, unackedEvents: 2 });
    expect(queue.head).toBeUndefined();
    expect([queue.markSent(), queue.markSent()]).toEqual([2, 0]);
  });

  test("drops what waits, behind what is in flight, and less of a batch that is acked in part", () => {
    const queue = queueOf(3, 2, 1);
    queue.markSent();
    expect(queue.dropWaiting()).toMatchObject({ batch: { count: 2 }, events: 2 });
    queue.ack(1);
    queue.rewind();
    expect(queue.dropWaiting()).toMatchObject({ batch: { count: 3 }, events: 2 });
    expect(stateOf(queue)).toMatchObject({ bytes: 10, unackedEvents: 1 });
    expect(queue.markSent()).toBe(0);
    expect(queue.dropWaiting()).toBeUndefined();
  });

  test("takes no part of a run of acks that is longer than what is in flight", () => {
    const queue = queueOf(2, 3, 1);
    queue.markSent();
    queue.markSent();
    queue.ack(1);
    expect(queue.ack(5)).toBe(false);
    expect(stateOf(queue)).toMatchObject({ ackedBatches: 0, unackedEvents: 5 });
    expect(queue.head?.event).toBe(1);
    queue.rewind();
    expect(queue.ack(1)).toBe(false);
  });
});

/** One event of the model: which batch it is of, and how far it has come. */
interface ModelEvent {
  readonly batch: Batch;
  state: "waiting" | "in flight" | "acked";
}

describe("any sequence of pushes, sends, acks, rewinds, drops and settlements", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant("ack" as const), count: fc.integer({ min: 1, max: 12 }) }),
    fc.record({
      do: fc.constantFrom(
        "send" as const,
        "send" as const,
        "rewind" as const,
        "drop" as const,
        "settle" as const,
      ),
    }),
  );

  test("leaves the queue as a plain list of events has it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new BatchQueue();
        let events: ModelEvent[] = [];
        const inState = (state: ModelEvent["state"]): ModelEvent[] =>
          events.filter((event) => event.state === state);
        const batchesOf = (some: ModelEvent[]): Batch[] => [...new Set(some.map(({ batch }) => batch))];
        const bytesOf = (batches: Batch[]): number =>
          batches.reduce((sum, { bytes }) => sum + bytes.length, 0);

        for (const each of steps) {
          if (each.do === "push") {
            const batch = batchOf(each.count);
            queue.push(batch);
            for (let left = each.count; left > 0; left--) events.push({ batch, state: "waiting" });
          } else if (each.do === "send") {
            const next = batchesOf(inState("waiting"))[0];
            expect(queue.peekWaiting()).toBe(next);
            if (next === undefined) continue;
            const sent = events.filter(({ batch, state }) => batch === next && state === "waiting");
            expect(queue.markSent()).toBe(next.count - sent.length);
            for (const event of sent) event.state = "in flight";
          } else if (each.do === "ack") {
            const acked = inState("in flight").slice(0, each.count);
            const isCovered = acked.length === each.count;
            expect(queue.ack(each.count)).toBe(isCovered);
            if (isCovered) for (const event of acked) event.state = "acked";
          } else if (each.do === "drop") {
            const oldest = batchesOf(inState("waiting"))[0];
            const left = events.filter(({ batch, state }) => batch === oldest && state !== "acked").length;
            expect(queue.dropWaiting()).toEqual(oldest && { batch: oldest, events: left });
            events = events.filter(({ batch }) => batch !== oldest);
          } else if (each.do === "rewind") {
            queue.rewind();
            for (const event of inState("in flight")) event.state = "waiting";
          } else {
            const front = events[0]?.batch;
            if (queue.ackedBatches === 0) continue;
            expect(queue.settle()).toBe(front);
            expect(
              events.filter(({ batch }) => batch === front).every(({ state }) => state === "acked"),
            ).toBe(true);
            events = events.filter(({ batch }) => batch !== front);
          }

          const open = batchesOf(events.filter(({ state }) => state !== "acked"));
          const inFlight = batchesOf(inState("in flight"));
          const head = inState("in flight")[0]?.batch;
          const headAcked = events.filter(({ batch, state }) => batch === head && state === "acked").length;
          expect({ ...stateOf(queue), head: queue.head }).toEqual({
            bytes: bytesOf(batchesOf(events)),
            inFlightBytes: bytesOf(inFlight),
            inFlightBatches: inFlight.length,
            ackedBatches: batchesOf(events).length - open.length,
            unackedEvents: events.filter(({ state }) => state !== "acked").length,
            isEmpty: events.length === 0,
            head: head && { batch: head, event: headAcked },
          });
        }
      }),
      { numRuns: 500 },
    );
  });
});

function stateOf({
  bytes,
  inFlightBytes,
  inFlightBatches,
  ackedBatches,
  unackedEvents,
  isEmpty,
}: BatchQueue): object {
  return { bytes, inFlightBytes, inFlightBatches, ackedBatches, unackedEvents, isEmpty };
}
