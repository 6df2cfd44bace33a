// One run of chaos: actions, then the end, then the verdict.

import { ChaosRig, type RigOptions } from "./chaos-rig.ts";
import { type Action, Interpreter } from "./file-actions.ts";
import { seededRandom } from "./random.ts";
import type { Verdict } from "./store-oracle.ts";

export interface ChaosResult {
  readonly verdict: Verdict;
  /** How often each thing was done. */
  readonly counts: Readonly<Record<string, number>>;
  readonly directory: string;
}

export interface ChaosOptions {
  /** Draws the flags of client and server, and what happens to connections. */
  readonly seed: number;
  /** Asked before each action. */
  readonly isOver?: () => boolean;
  /** Leaves the files behind. */
  readonly keep?: boolean;
}

/** Settings that change the paths taken through client and server; drawn by the seed. */
export function drawFlags(seed: number): RigOptions {
  const random = seededRandom(seed);
  const oneOf = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const clientFlags = [
    ...oneOf([], ["--compress"]),
    ...oneOf([], [], ["--batch-size", "1"], ["--batch-size", "50"]),
    ...oneOf([], ["--window-bytes", "20000"]),
    ...oneOf([], ["--watch", "poll", "--poll-interval", "0.05"]),
  ];
  const serverFlags = oneOf([], ["--segment-bytes", "200000"]);
  return { clientFlags, serverFlags };
}

export async function runChaos(actions: Iterable<Action>, options: ChaosOptions): Promise<ChaosResult> {
  const { seed, isOver = () => false, keep = process.env.CHAOS_KEEP !== undefined } = options;
  const rig = await ChaosRig.create(drawFlags(seed));
  try {
    rig.proxy.drawBy(seed);
    const interpreter = new Interpreter(rig);
    await rig.startServer();
    rig.startClient();
    for (const action of actions) {
      if (isOver() || rig.complaints.length > 3) break;
      await interpreter.run(action);
    }
    interpreter.close();
    const verdict = await rig.finish();
    const counts = { ...Object.fromEntries(interpreter.counts), ...rig.counts, cuts: rig.proxy.cuts };
    return { verdict, counts, directory: rig.directory };
  } finally {
    await rig.close({ keep });
  }
}

/** The fewest actions that still fail, as far as leaving out some of them finds it; each try is a run. */
export async function shrink(
  actions: readonly Action[],
  fails: (actions: readonly Action[]) => Promise<boolean>,
): Promise<readonly Action[]> {
  let smallest = actions;
  for (let size = Math.ceil(actions.length / 2); ; size = Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length; ) {
      const fewer = [...smallest.slice(0, at), ...smallest.slice(at + size)];
      if (await fails(fewer)) smallest = fewer;
      else at += size;
    }
    if (size === 1) return smallest;
  }
}
