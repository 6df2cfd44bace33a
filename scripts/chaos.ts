// Treats a client and a server badly for CHAOS_S seconds, then compares what was stored with what was written.
// The seed that it prints draws the same actions again (CHAOS_SEED=… make chaos); CHAOS_KEEP=1 leaves the files.

import fc from "fast-check";
import { runChaos } from "../test/support/chaos-run.ts";
import { anyAction } from "../test/support/file-actions.ts";

const ACTIONS_A_SECOND_MAX = 1000;

const seconds = Number(process.env.CHAOS_S || 60);
const seed = Number(process.env.CHAOS_SEED || Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

say(`chaos for ${seconds} s; CHAOS_SEED=${seed} replays it`);
const start = performance.now();
const elapsed = (): number => (performance.now() - start) / 1000;
const actions = fc.sample(anyAction, { seed, numRuns: Math.ceil(seconds * ACTIONS_A_SECOND_MAX) });
const { verdict, counts, directory } = await runChaos(actions, {
  seed,
  isOver: () => elapsed() > seconds,
  keep: process.env.CHAOS_KEEP !== undefined,
});
for (const line of verdict.complaints) say(line);
const count = (...names: string[]): number => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
say(
  [
    `${count("clientKills", "serverKills")} kills (${count("clientKills")} of the client)`,
    `${count("clientStops", "serverStops")} stops`,
    `${counts.cuts} cuts`,
    `${count("rotate", "copyTruncate")} rotations (${count("copyTruncate")} by copy and truncate, ${count("gzip")} compressed)`,
    `${count("rewrite", "remove", "repoint")} files rewritten, deleted or pointed elsewhere`,
  ].join(", "),
);
const { written, stored, missing, repeated, disordered, altered, destroyed } = verdict;
say(
  `written=${written} stored=${stored} missing=${missing} repeated=${repeated} disordered=${disordered} altered=${altered} destroyed=${destroyed} in ${elapsed().toFixed(1)} s`,
);
if (verdict.complaints.length > 0) {
  say(`FAILED; CHAOS_SEED=${seed} replays it, CHAOS_KEEP=1 keeps ${directory}`);
  process.exitCode = 1;
}
