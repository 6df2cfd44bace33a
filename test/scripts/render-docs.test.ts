import { expect, test } from "vitest";
import { renderConfiguration, renderEnvExample } from "../../scripts/render-docs.ts";
import { clientProgram } from "../../src/config/client-options.ts";
import { optionEntries } from "../../src/config/option.ts";
import { serverProgram } from "../../src/config/server-options.ts";

const programs = [clientProgram, serverProgram];

test(".env.example has each variable once, and sets nothing", () => {
  const text = renderEnvExample(programs);
  const variables = programs.flatMap(({ options }) =>
    optionEntries<object>(options).map(([, { env }]) => env),
  );
  for (const variable of variables) expect(text.match(new RegExp(`^# ${variable}=`, "gm"))).toHaveLength(1);
  for (const line of text.split("\n")) expect(line).toMatch(/^(#.*)?$/);
  expect(text).toMatch(
    /# logship: [^\n]*\n(# [^\n]*\n)*# logship-server: [^\n]*\n(# [^\n]*\n)*# SERVER_PORT=9000\n/,
  );
});

test("docs/configuration.md has a row for each setting", () => {
  const text = renderConfiguration(programs);
  for (const program of programs) {
    const chapter = text.slice(text.indexOf(`## ${program.name}\n`));
    for (const [, { flag, env }] of optionEntries<object>(program.options)) {
      expect(chapter).toContain(`| \`--${flag}\` | \`${env}\` | `);
    }
  }
});
