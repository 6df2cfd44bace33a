import { describe, expect, test } from "vitest";
import type { Batch } from "../../src/pipeline/batch.ts";
import { BatchQueue } from "../../src/pipeline/batch-queue.ts";
import { Intake, type IntakePolicy } from "../../src/pipeline/intake.ts";
import type { Source } from "../../src/pipeline/interfaces.ts";

interface Setup {
  readonly queue: BatchQueue;
  readonly intake: Intake;
  /** What was dropped of which batch, and what the owner was told, in order. */
  readonly told: string[];
  /** Resolves when the intake has taken all that it can, or has ended. */
  settle(): Promise<void>;
}

/** An intake of batches of so many events, 10 bytes each, with bounds of 10 lines and 100 bytes. */
function setUp(counts: readonly number[], policy: Partial<IntakePolicy> = {}): Setup {
  const told: string[] = [];
  const queue = new BatchQueue();
  const batches = counts.map((count, start): Batch => {
    const bytes = Buffer.from("123456789\n".repeat(count));
    return {
      bytes,
      count,
      start,
      end: start,
      release: () => {},
      drop: () => void told.push(`drop ${start}`),
    };
  });
  const source: Source = {
    open: async () => {},
    read: async () => {
      await new Promise(setImmediate);
      return batches.shift();
    },
    stop: () => void batches.splice(0),
    close: async () => {},
  };
  const bounds = { linesMax: 10, bytesMax: 100, whenFull: "block", partEventsMax: 100 } as const;
  const intake = new Intake(
    source,
    queue,
    { ...bounds, ...policy },
    {
      read: () => {},
      queued: () => {},
      dropped: (events) => told.push(`dropped ${events}`),
      dropping: (isDropping) => told.push(isDropping ? "begins" : "ends"),
    },
  );
  void intake.run().then(() => told.push("ended"));
  const settle = async (): Promise<void> => {
    for (let turns = 2 * counts.length + 2; turns > 0; turns--) await new Promise(setImmediate);
  };
  return { queue, intake, told, settle };
}

/** Sends and settles so many events. */
function ack(queue: BatchQueue, events: number): void {
  while (queue.peekWaiting() !== undefined) queue.markSent();
  queue.ack(events);
  while (queue.ackedBatches > 0) queue.settle();
}

describe("block", () => {
  test.each([
    ["lines", { bytesMax: 1000 }],
    ["bytes", { linesMax: 1000 }],
  ])("reads on when there is room, in %s", async (_, bounds) => {
    const { queue, intake, told, settle } = setUp([4, 4, 4, 4], bounds);
    await settle();
    expect(queue.unackedEvents).toBe(8);
    ack(queue, 4);
    intake.notify();
    await settle();
    expect(queue.unackedEvents).toBe(8);
    ack(queue, 8);
    intake.notify();
    await settle();
    expect(told).toEqual(["ended"]);
    expect(queue.unackedEvents).toBe(4);
  });

  test("takes a batch that is larger than the bounds when it is alone", async () => {
    const { queue, intake, settle } = setUp([1, 30]);
    await settle();
    expect(queue.unackedEvents).toBe(1);
    ack(queue, 1);
    intake.notify();
    await settle();
    expect(queue.unackedEvents).toBe(30);
  });

  test("takes it in parts where parts are bounded", async () => {
    const { queue, settle } = setUp([30], { partEventsMax: 4 });
    await settle();
    expect(queue.unackedEvents).toBe(8);
  });

  test("takes what is read when it is told to stop", async () => {
    const { queue, intake, told, settle } = setUp([8, 8, 8]);
    await settle();
    intake.stop();
    await settle();
    expect(queue.unackedEvents).toBe(16);
    expect(told).toEqual(["ended"]);
  });
});

describe("drop-newest", () => {
  test("drops what is read while there is no room, and says when that begins and ends", async () => {
    const { queue, intake, told, settle } = setUp([6, 4, 3, 2], { whenFull: "drop-newest" });
    await settle();
    expect(told).toEqual(["begins", "drop 2", "dropped 3", "drop 3", "dropped 2", "ended"]);
    ack(queue, 1);
    intake.notify();
    expect(told.at(-1)).toBe("ended");
    ack(queue, 5);
    intake.notify();
    expect(told.at(-1)).toBe("ends");
    expect(queue.unackedEvents).toBe(4);
  });
});

describe("drop-oldest", () => {
  test("drops the oldest that wait, as many as are needed", async () => {
    const { queue, told, settle } = setUp([3, 3, 3, 6], { whenFull: "drop-oldest" });
    await settle();
    expect(told).toEqual(["begins", "drop 0", "dropped 3", "drop 1", "dropped 3", "ended"]);
    expect(queue.peekWaiting()?.start).toBe(2);
    expect(queue.unackedEvents).toBe(9);
  });

  test("never drops what is in flight: it waits until that waits again", async () => {
    const { queue, intake, told, settle } = setUp([5, 5, 5], { whenFull: "drop-oldest" });
    while (queue.unackedEvents < 10) await new Promise(setImmediate);
    queue.markSent();
    queue.markSent();
    await settle();
    expect(told).toEqual([]);
    expect(queue.unackedEvents).toBe(10);
    // The connection is lost, with two events of the first batch acked.
    queue.ack(2);
    queue.rewind();
    intake.notify();
    await settle();
    expect(told).toEqual(["begins", "drop 0", "dropped 3", "ended"]);
    expect(queue.unackedEvents).toBe(10);
  });
});
