import { describe, expect, test } from "vitest";
import { BATCH_BYTES_MAX, type Batch, eventOffset, SlabPool, splitBatch } from "../../src/pipeline/batch.ts";

test("the offset of an event is where its line starts", () => {
  const bytes = Buffer.from("a\nbc\n\nd\n");
  expect([0, 1, 2, 3].map((index) => eventOffset(bytes, index))).toEqual([0, 2, 5, 6]);
  expect(eventOffset(bytes, 2, 2)).toBe(6);
});

describe("a batch in parts", () => {
  /** Five events, and what was told to their source. */
  function fiveEvents(): { batch: Batch; told: string[] } {
    const told: string[] = [];
    const bytes = Buffer.from("a\nbb\n\nccc\nd\n");
    const [release, drop] = ["release", "drop"].map((word) => () => void told.push(word));
    return { batch: { bytes, count: 5, start: 10, end: 20, release: release!, drop: drop! }, told };
  }

  test("holds the same events in the same order", () => {
    const { batch } = fiveEvents();
    const parts = splitBatch(batch, 2);
    expect(parts.map(({ bytes, count }) => [bytes.toString(), count])).toEqual([
      ["a\nbb\n", 2],
      ["\nccc\n", 2],
      ["d\n", 1],
    ]);
    expect(splitBatch(batch, 5)).toEqual([batch]);
  });

  // A part is settled only when all before it are; a dropped one may have unsettled ones before it.
  test.each<[string, string[], string]>([
    ["settled when all are", ["release 0", "release 1", "release 2"], "release"],
    ["settled, though its last parts were dropped before", ["drop 2", "drop 1", "release 0"], "release"],
    ["settled, though its last parts were dropped after", ["release 0", "drop 1", "drop 2"], "release"],
    ["settled, though its first parts were dropped", ["drop 0", "drop 1", "release 2"], "release"],
    ["dropped when all are", ["drop 1", "drop 0", "drop 2"], "drop"],
  ])("is %s", (_, steps, word) => {
    const { batch, told } = fiveEvents();
    const parts = splitBatch(batch, 2);
    for (const step of steps) {
      expect(told).toEqual([]);
      const part = parts[Number(step.at(-1))]!;
      if (step.startsWith("drop")) part.drop();
      else part.release();
    }
    expect(told).toEqual([word]);
  });
});

describe("the pool of slabs", () => {
  test("gives back what it was given, up to its limit", () => {
    const pool = new SlabPool(2 * BATCH_BYTES_MAX);
    const slabs = [pool.take(), pool.take(), pool.take()];
    expect(new Set(slabs).size).toBe(3);
    for (const slab of slabs) {
      expect(slab.length).toBe(BATCH_BYTES_MAX);
      pool.give(slab);
    }
    const again = [pool.take(), pool.take(), pool.take()];
    expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(2);
    expect(new Set(again).size).toBe(3);
  });

  test("keeps no buffer of another size", () => {
    const pool = new SlabPool(2 * BATCH_BYTES_MAX);
    pool.give(Buffer.alloc(BATCH_BYTES_MAX + 1));
    pool.give(Buffer.alloc(10));
    expect(pool.take().length).toBe(BATCH_BYTES_MAX);
  });

  test("forgets those of the old size when larger ones are asked for", () => {
    const pool = new SlabPool(8 * BATCH_BYTES_MAX);
    const old = pool.take();
    pool.give(pool.take());
    pool.growTo(3 * BATCH_BYTES_MAX);
    pool.give(old);
    const slab = pool.take();
    expect(slab.length).toBe(3 * BATCH_BYTES_MAX);
    pool.give(slab);
    expect(pool.take()).toBe(slab);
  });
});
