// The documents that people write: what they name must exist.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { commands } from "../src/cli/commands.ts";
import { clientProgram } from "../src/config/client-options.ts";
import { type Option, optionEntries, shownDefault } from "../src/config/option.ts";
import { serverProgram } from "../src/config/server-options.ts";
import { EXIT } from "../src/errors.ts";
import { formatLine } from "../src/event/line-format.ts";
import { STATUS_FILE } from "../src/observe/status-file.ts";
import { MARKS_FILE } from "../src/server/marks-file.ts";
import { segmentName } from "../src/server/segment.ts";
import { CHECKPOINT, PREVIOUS_CHECKPOINT } from "../src/source/state-dir.ts";

const readme = readFileSync("README.md", "utf8");
const operations = readFileSync("docs/operations.md", "utf8");
const documents = [".", "docs"].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);
const options: readonly Option<unknown>[] = [clientProgram, serverProgram].flatMap((program) =>
  optionEntries<object>(program.options).map(([, option]) => option),
);
const commandOptions: readonly Option<unknown>[] = commands.flatMap(({ program }) =>
  optionEntries<object>(program.options).map(([, option]) => option),
);

/** Where the links of a document lead: files, and headings as `#anchor`. Addresses on the web are left out. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^\w+:/.test(link));
}

/** The anchors that a document's headings get. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** The flags that a text names, without their dashes. */
function flagsOf(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, flag]) => flag!);
}

test.each(documents)("%s links to what is there", (path) => {
  const text = readFileSync(path, "utf8");
  for (const link of linksOf(text)) {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    expect(existsSync(target), `${path} links to ${link}`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(readFileSync(target, "utf8")), link).toContain(anchor);
  }
});

// The generated page is left out: it has its own test.
test.each(documents.filter((path) => path !== "docs/configuration.md"))(
  "%s names no flag that does not exist",
  (path) => {
    const known = [...[...options, ...commandOptions].map(({ flag }) => flag), "help", "version"];
    const others = ["write"]; // of a tool that contributors use
    const named = flagsOf(readFileSync(path, "utf8"));
    expect(named.filter((flag) => !known.includes(flag) && !others.includes(flag))).toEqual([]);
  },
);

test.each(commands)("README.md and docs/operations.md show logship $name", ({ name }) => {
  for (const text of [readme, operations]) expect(text).toContain(`logship ${name}`);
});

test("docs/operations.md explains every file that is kept", () => {
  const state = [CHECKPOINT, PREVIOUS_CHECKPOINT, STATUS_FILE, "dead-letter.ndjson"];
  const store = [segmentName(1), MARKS_FILE];
  for (const name of [...state, ...store]) expect(operations).toContain(`\n| \`${name}\``);
});

test("docs/operations.md gives the services only variables and exit codes that exist", () => {
  const units = [...operations.matchAll(/^```ini\n([\s\S]*?)^```$/gm)].map(([, unit]) => unit!);
  expect(units.length).toBe(2);
  const known = options.map(({ env }) => env);
  for (const unit of units) {
    const variables = [...unit.matchAll(/\b([A-Z_]+)=/g)].map(([, name]) => name!);
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
    const codes = /^RestartPreventExitStatus=(.+)$/m.exec(unit)?.[1]?.split(" ").map(Number) ?? [];
    expect(codes.filter((code) => !Object.values<number>(EXIT).includes(code))).toEqual([]);
  }
});

test("README.md explains every exit code", () => {
  for (const code of Object.values(EXIT)) expect(readme).toContain(`\n| ${code} | `);
});

describe("README.md has the defaults right", () => {
  const rows = readme.split("\n").filter((line) => /^\|.*`--/.test(line));
  test.each(rows)("%s", (row) => {
    const [first] = flagsOf(row);
    const meant = options.filter(({ flag }) => flag === first);
    for (const option of meant) {
      const shown = shownDefault(option);
      expect(row).toContain(shown === "" ? "| none |" : `\`${shown}\``);
      if (row.startsWith("| `--")) expect(row).toContain(`| \`${option.env}\` |`);
    }
  });
});

describe("README.md shows what becomes of a line", () => {
  const rows = [...readme.matchAll(/^\| `(.+)` \| `(\{.+\})` \|$/gm)].map(([, line, event]) => [
    line!,
    event!,
  ]);
  test.each(rows)("%s", (line, event) => {
    expect(`${formatLine(line!, { format: "auto", fields: new Map() }).json}}`).toBe(event);
  });
});
