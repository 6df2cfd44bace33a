import { expect, test } from "vitest";
import { MetricsCollector, metricsLine } from "../../src/observe/metrics.ts";

test("the figures are those of the interval, and the next ones begin anew", () => {
  const collector = new MetricsCollector();
  for (const latencyMs of [0.2, 0.5, 0.5]) collector.answered(latencyMs);
  for (const lines of [40_000, 50_032]) collector.sample(lines);
  const totals = { sent: 4500, failed: 2, dropped: 7, retries: 3 };
  expect(metricsLine(collector.take(totals, 1234))).toBe(
    "[metrics] sent=4500 failed=2 avg_latency=0.4ms max_latency=0.5ms avg_buffer=45016 dropped=7 retries=3 lag=1234",
  );
  const later = { ...totals, sent: 4600, retries: 4 };
  expect(metricsLine(collector.take(later, 0))).toBe(
    "[metrics] sent=100 failed=0 avg_latency=0.0ms max_latency=0.0ms avg_buffer=0 dropped=0 retries=1 lag=0",
  );
});
