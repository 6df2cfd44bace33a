import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { logship, mainScript, tidy } from "../support/logship.ts";
import { runNode } from "../support/run-node.ts";

test("the help of logship lists the commands, each with what it does", async () => {
  const { stdout } = await logship(["--help"]);
  const flowing = stdout.replace(/\s+/g, " ");
  for (const { name, does } of commands) expect(flowing).toContain(` logship ${name} ${does}`);
});

describe.each(commands.map(({ name, program }) => ({ name, program })))(
  "logship $name",
  ({ name, program }) => {
    test("has a help of its own", async () => {
      const { code, stdout } = tidy(await runNode(mainScript, [name, "--help"]));
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: logship ${name} `));
      expect(stdout).toContain(program.summary.slice(0, 40));
    });

    test("must stand first", async () => {
      const { code, stderr } = tidy(await runNode(mainScript, ["--log-file", "a", name]));
      expect(code).toBe(64);
      expect(stderr).toBe(
        `logship: unexpected argument "${name}": a command stands first: logship ${name}\n`,
      );
    });
  },
);

test("another word is no command", async () => {
  const { code, stderr } = tidy(await runNode(mainScript, ["statsu"]));
  expect([code, stderr]).toEqual([
    64,
    'logship: unexpected argument "statsu": every setting is a flag (logship --help lists them)\n',
  ]);
});
