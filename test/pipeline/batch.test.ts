import { describe, expect, test } from "vitest";
import { BATCH_BYTES_MAX, eventOffset, SlabPool } from "../../src/pipeline/batch.ts";

test("the offset of an event is where its line starts", () => {
  const bytes = Buffer.from("a\nbc\n\nd\n");
  expect([0, 1, 2, 3].map((index) => eventOffset(bytes, index))).toEqual([0, 2, 5, 6]);
  expect(eventOffset(bytes, 2, 2)).toBe(6);
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
