import { expect, test } from "vitest";
import { clientOptions } from "../../src/config/client-options.ts";
import { defaultsOf } from "../../src/config/option.ts";
import { backoffMs } from "../../src/pipeline/backoff.ts";

const defaults = defaultsOf(clientOptions, {});
/** The policy that the reference client has: `min(1.0 * 2**(n-1), 60)` seconds plus 0 to 30 %. */
const usual = {
  baseMs: defaults.backoffBaseMs,
  maxMs: defaults.backoffMaxMs,
  jitter: defaults.backoffJitter,
};

test.each([
  [1, 1000],
  [2, 2000],
  [3, 4000],
  [6, 32_000],
  [7, 60_000],
  [8, 60_000],
  [100_000, 60_000],
])("after %i failures the wait is %i ms and up to 30 %% more", (failures, ms) => {
  expect(backoffMs(failures, usual, () => 0)).toBe(ms);
  expect(backoffMs(failures, usual, () => 0.5)).toBe(ms * 1.15);
  expect(backoffMs(failures, usual, () => 1)).toBe(ms * 1.3);
});

test("without a cap in reach it doubles on, and stays finite", () => {
  const policy = { baseMs: 1, maxMs: Number.MAX_VALUE, jitter: 0 };
  expect(backoffMs(11, policy)).toBe(1024);
  expect(backoffMs(1_000_000, policy)).toBeLessThan(Number.POSITIVE_INFINITY);
});

test("no base, no wait", () => {
  for (const failures of [1, 5, 100_000]) expect(backoffMs(failures, { ...usual, baseMs: 0 })).toBe(0);
});

test("the waits of two clients differ", () => {
  const waits = new Set(Array.from({ length: 20 }, () => backoffMs(1, usual)));
  expect(waits.size).toBeGreaterThan(1);
});
