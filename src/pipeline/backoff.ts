/** How long to wait between attempts. */
export interface BackoffPolicy {
  /** The first wait, in milliseconds. */
  readonly baseMs: number;
  /** No wait is longer, before jitter, in milliseconds. */
  readonly maxMs: number;
  /** Up to this fraction is added at random, so that many clients do not come back at the same moment. */
  readonly jitter: number;
}

/** The wait after the given number of failures in a row (1 or more): doubling, capped, then jittered. */
export function backoffMs(
  failures: number,
  policy: BackoffPolicy,
  random: () => number = Math.random,
): number {
  const doubled = policy.baseMs * 2 ** Math.min(failures - 1, 52);
  return Math.min(doubled, policy.maxMs) * (1 + policy.jitter * random());
}
