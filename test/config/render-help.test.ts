import { describe, expect, test } from "vitest";
import { clientProgram } from "../../src/config/client-options.ts";
import { optionEntries, shownDefault } from "../../src/config/option.ts";
import { renderHelp } from "../../src/config/render-help.ts";
import { serverProgram } from "../../src/config/server-options.ts";

const clientHelp = renderHelp(clientProgram);
const serverHelp = renderHelp(serverProgram);

describe.each([
  { program: clientProgram, help: clientHelp },
  { program: serverProgram, help: serverHelp },
])("the help of $program.name", ({ program, help }) => {
  const flowing = help.replace(/\s+/g, " ");

  test.each(optionEntries<object>(program.options))("tells all about %s", (_, option) => {
    expect(help).toMatch(new RegExp(`^  --${option.flag} `, "m"));
    expect(flowing).toContain(`${option.help} [${option.env}, default ${shownDefault(option) || "none"}]`);
  });

  test("has usage, examples and exit codes, and fits in 100 columns", () => {
    expect(help).toMatch(new RegExp(`^Usage: ${program.name} `));
    for (const { command } of program.examples) expect(help).toContain(`\n  ${command}\n`);
    for (const { code, means } of program.exitCodes) expect(help).toContain(`${code}`.padEnd(4) + means);
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(help).not.toMatch(/[ \u00a0]\n/);
  });

  test("has no flag and no variable twice", () => {
    const options = optionEntries<object>(program.options).map(([, option]) => option);
    expect(new Set(options.map(({ flag }) => flag)).size).toBe(options.length);
    expect(new Set(options.map(({ env }) => env)).size).toBe(options.length);
  });

  test.each(optionEntries<object>(program.options))(
    "the default of %s is within its own bounds",
    (_, option) => {
      if (!("default" in option) || option.type.merge !== undefined) return;
      expect(option.type.parse(option.type.show(option.default))).toEqual(option.default);
    },
  );
});

test("headings are bold only where colour is wanted", () => {
  const bold = renderHelp(serverProgram, { color: true });
  expect(bold).toContain("\x1b[1mLimits\x1b[22m");
  expect(serverHelp).not.toContain("\x1b");
  expect(bold.replaceAll("\x1b[1m", "").replaceAll("\x1b[22m", "")).toBe(serverHelp);
});
