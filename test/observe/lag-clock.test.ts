import fc from "fast-check";
import { expect, test } from "vitest";
import { LagClock } from "../../src/observe/lag-clock.ts";

test("it tells when the first undelivered byte was first seen", () => {
  const step = fc.record({ grows: fc.nat(3), settles: fc.nat(4), passes: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new LagClock();
      const file = {};
      /** When each byte was first seen. */
      const seenMs: number[] = [];
      let [settled, nowMs] = [0, 1];
      for (const { grows, settles, passes } of steps) {
        nowMs += passes;
        seenMs.push(...Array.from({ length: grows }, () => nowMs));
        settled = Math.min(seenMs.length, settled + settles);
        expect(clock.since(file, settled, seenMs.length, nowMs)).toBe(seenMs[settled] ?? 0);
      }
    }),
  );
});

test("of a file that grows and grows the first sighting is kept, and of the others enough", () => {
  const clock = new LagClock();
  const file = {};
  for (let bytes = 1; bytes <= 10_000; bytes++) expect(clock.since(file, 0, bytes, bytes)).toBe(1);
  const since = clock.since(file, 5000, 10_000, 10_000);
  expect(since).toBeGreaterThan(5000);
  expect(since).toBeLessThan(7000);
});

test("files are told apart, and one that has caught up begins anew", () => {
  const clock = new LagClock();
  const [one, other] = [{}, {}];
  expect(clock.since(one, 0, 10, 100)).toBe(100);
  expect(clock.since(other, 0, 10, 200)).toBe(200);
  expect(clock.since(one, 10, 10, 300)).toBe(0);
  expect(clock.since(one, 10, 11, 400)).toBe(400);
});
