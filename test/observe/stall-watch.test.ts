import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StallWatch } from "../../src/observe/stall-watch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A watch over lines that may wait for 60 s. */
function setUp(): { watch: StallWatch; told: string[]; wait(isWaiting: boolean): void } {
  const told: string[] = [];
  let waits = false;
  const watch = new StallWatch(60_000, {
    isWaiting: () => waits,
    began: () => told.push("began"),
    ended: (ms) => told.push(`ended after ${ms}`),
  });
  watch.start();
  const wait = (isWaiting: boolean): void => {
    waits = isWaiting;
    watch.moved();
  };
  return { watch, told, wait };
}

test("it is told once when nothing was acked for so long, and once when something is", () => {
  const { watch, told, wait } = setUp();
  vi.advanceTimersByTime(30_000);
  wait(true);
  vi.advanceTimersByTime(59_000);
  expect([told, watch.isStalled]).toEqual([[], false]);
  vi.advanceTimersByTime(1_000);
  expect([told, watch.isStalled]).toEqual([["began"], true]);
  vi.advanceTimersByTime(600_000);
  expect(told).toEqual(["began"]);
  watch.moved();
  expect([told, watch.isStalled]).toEqual([["began", "ended after 660000"], false]);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(3);
});

test("acks that keep coming, however slowly, are no stall", () => {
  const { watch, told, wait } = setUp();
  wait(true);
  for (let acks = 0; acks < 10; acks++) {
    vi.advanceTimersByTime(59_000);
    watch.moved();
  }
  expect(told).toEqual([]);
});

test("where nothing waits, nothing is stalled", () => {
  const { told, watch } = setUp();
  vi.advanceTimersByTime(3_600_000);
  expect(told).toEqual([]);
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});
