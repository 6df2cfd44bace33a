// Runs drawn from a seed, which draws the flags of client and server too. With CHAOS_SHRINK set, one that fails is cut
// down to the actions that it takes, which needs many runs.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runChaos, shrink } from "../support/chaos-run.ts";
import { type Action, anyAction } from "../support/file-actions.ts";

const ACTIONS = 60;
/** `make chaos` draws seeds of its own. */
const SEEDS = [1, 3, 8];
const TIMEOUT_MS = process.env.CHAOS_SHRINK === undefined ? 90_000 : 3_600_000;

async function complaintsOf(actions: readonly Action[], seed: number): Promise<readonly string[]> {
  return (await runChaos(actions, { seed })).verdict.complaints;
}

describe("files, programs and the network treated at random", { retry: 1 }, () => {
  test.concurrent.each(SEEDS)(
    "seed %i: every line is stored once, in order, unaltered",
    async (seed) => {
      const actions = fc.sample(anyAction, { seed, numRuns: ACTIONS });
      const complaints = await complaintsOf(actions, seed);
      if (complaints.length > 0 && process.env.CHAOS_SHRINK !== undefined) {
        const fails = async (fewer: readonly Action[]): Promise<boolean> =>
          (await complaintsOf(fewer, seed)).length > 0;
        expect(await shrink(actions, fails)).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
