/** What was done between two reports, and how things stand at the second. */
export interface Metrics {
  /** Events that the server stored. */
  readonly sent: number;
  /** Events that it refused. */
  readonly failed: number;
  /** From sending a message to its last ack. */
  readonly latencyMsAverage: number;
  readonly latencyMsMax: number;
  /** Lines in memory, on average. */
  readonly bufferedAverage: number;
  readonly dropped: number;
  /** Attempts to connect again. */
  readonly retries: number;
  /** Bytes of the input that are not settled, at the end. */
  readonly lagBytes: number;
}

/** Counts that only grow. */
export interface Totals {
  readonly sent: number;
  readonly failed: number;
  readonly dropped: number;
  readonly retries: number;
}

/** Collects the figures of one interval after the other. */
export class MetricsCollector {
  #before: Totals = { sent: 0, failed: 0, dropped: 0, retries: 0 };
  #latencyMsSum = 0;
  #latencyMsMax = 0;
  #messages = 0;
  #bufferedSum = 0;
  #samples = 0;

  /** A message got its last ack. */
  answered(latencyMs: number): void {
    this.#messages++;
    this.#latencyMsSum += latencyMs;
    this.#latencyMsMax = Math.max(this.#latencyMsMax, latencyMs);
  }

  /** So many lines are buffered now. */
  sample(lines: number): void {
    this.#samples++;
    this.#bufferedSum += lines;
  }

  /** The figures since the last call; the next ones start at 0. */
  take(totals: Totals, lagBytes: number): Metrics {
    const before = this.#before;
    const metrics = {
      sent: totals.sent - before.sent,
      failed: totals.failed - before.failed,
      latencyMsAverage: average(this.#latencyMsSum, this.#messages),
      latencyMsMax: this.#latencyMsMax,
      bufferedAverage: average(this.#bufferedSum, this.#samples),
      dropped: totals.dropped - before.dropped,
      retries: totals.retries - before.retries,
      lagBytes,
    };
    this.#before = totals;
    this.#latencyMsSum = this.#latencyMsMax = this.#messages = this.#bufferedSum = this.#samples = 0;
    return metrics;
  }
}

function average(sum: number, count: number): number {
  return count === 0 ? 0 : sum / count;
}

/** `[metrics] sent=4500 failed=0 avg_latency=0.4ms max_latency=0.5ms avg_buffer=45016 dropped=0 retries=0 lag=0` */
export function metricsLine(metrics: Metrics): string {
  const { sent, failed, latencyMsAverage, latencyMsMax, bufferedAverage, dropped, retries, lagBytes } =
    metrics;
  const latency = `avg_latency=${latencyMsAverage.toFixed(1)}ms max_latency=${latencyMsMax.toFixed(1)}ms`;
  const buffer = `avg_buffer=${Math.round(bufferedAverage)}`;
  return `[metrics] sent=${sent} failed=${failed} ${latency} ${buffer} dropped=${dropped} retries=${retries} lag=${lagBytes}`;
}
