import { type Option, optionEntries, type Program, shownDefault } from "../src/config/option.ts";
import { optionsBySection, wrap } from "../src/config/render-help.ts";

/** A program whatever its settings: their conflicts are for the loader alone. */
export type AnyProgram = Omit<Program<object>, "conflict">;

const COMMENT_WIDTH_MAX = 110;

/** The whole of `.env.example`: each variable once, even where several programs read it. */
export function renderEnvExample(programs: readonly AnyProgram[]): string {
  const readers = readersByVariable(programs);
  const shared = [...readers].filter(([, { length }]) => length > 1);
  const blocks = [
    comment(
      "Settings of logship and logship-server. Copy this file to .env and take the # off a line to change it.",
    ),
    comment(
      "make reads .env for the targets that run a program. A value is all that follows the =, without quotes; an empty one counts as not set. `make docs` writes this file.",
    ),
    ["## Both programs"],
    ...shared.map(([variable, users]) => [
      ...users.flatMap(({ program, option }) => comment(`${program.name}: ${describe(option)}`)),
      assignment(variable, users[0]!.option),
    ]),
  ];
  for (const program of programs) {
    for (const [title, options] of optionsBySection(program)) {
      const own = options.filter(({ env }) => readers.get(env)?.length === 1);
      if (own.length === 0) continue;
      blocks.push([`## ${program.name}: ${title}`]);
      blocks.push(...own.map((option) => [...comment(describe(option)), assignment(option.env, option)]));
    }
  }
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** The options of a program that are not the very ones of a program before it. */
function ownOptions(program: AnyProgram, programs: readonly AnyProgram[]): Option<unknown>[] {
  const earlier = programs.slice(0, programs.indexOf(program));
  const shared = new Set(earlier.flatMap((one) => optionEntries(one.options).map(([, option]) => option)));
  return optionEntries(program.options).flatMap(([, option]) => (shared.has(option) ? [] : [option]));
}

interface Reader {
  readonly program: AnyProgram;
  readonly option: Option<unknown>;
}

function readersByVariable(programs: readonly AnyProgram[]): Map<string, Reader[]> {
  const readers = new Map<string, Reader[]>();
  for (const program of programs) {
    for (const option of ownOptions(program, programs)) {
      readers.set(option.env, [...(readers.get(option.env) ?? []), { program, option }]);
    }
  }
  return readers;
}

function describe(option: Option<unknown>): string {
  return `${option.help} Takes ${option.type.takes}; default ${shownDefault(option) || "none"}.`;
}

function comment(text: string): string[] {
  return wrap(text, COMMENT_WIDTH_MAX - 2).map((line) => `# ${line}`);
}

/** A default that differs from machine to machine is left for the reader to fill in. */
function assignment(variable: string, option: Option<unknown>): string {
  return `# ${variable}=${"derive" in option || option.default === undefined ? "" : shownDefault(option)}`;
}

/** The whole of `docs/configuration.md`. */
export function renderConfiguration(programs: readonly AnyProgram[]): string {
  const blocks = [
    "# Configuration",
    "Every setting is a flag and an environment variable. A flag wins over the variable, and the variable over the default; an empty variable counts as not set. A flag is written `--flag value` or `--flag=value`; one that is given twice counts as given last, but for one of which the table says that it may be repeated. A flag that does not exist or a value that is not taken ends the program with exit code 64, a bad variable with 78, in one line that says what is taken.",
    "`make docs` writes this page and [`.env.example`](../.env.example) from the tables in `src/config/`, which the programs themselves read and `--help` prints.",
    ...programs.flatMap((program) => renderProgram(program, ownOptions(program, programs))),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function renderProgram(program: AnyProgram, own: readonly Option<unknown>[]): string[] {
  const shared = optionEntries(program.options).flatMap(([, option]) =>
    own.includes(option) ? [] : [option],
  );
  const others = shared.map(({ flag }) => `\`--${flag}\``).join(", ");
  const sections = [...optionsBySection(program)].flatMap(([title, options]) => {
    const rows = options.filter((option) => own.includes(option));
    return rows.length === 0 ? [] : renderSection(title, rows);
  });
  const exitCodes = table(
    ["Code", "Meaning"],
    program.exitCodes.map(({ code, means }) => [String(code), means]),
  );
  return [
    `## ${program.name}`,
    ...(program.operand === undefined ? [] : [`\`${program.name} ${program.operand} [--flag value]...\``]),
    program.summary,
    ...(others === "" ? [] : [`As above: ${others}.`]),
    ...sections,
    "### Exit codes",
    exitCodes,
  ];
}

function renderSection(title: string, options: readonly Option<unknown>[]): string[] {
  return [
    `### ${title}`,
    table(
      ["Flag", "Variable", "Takes", "Default", "What it does"],
      options.map((option) => [
        `\`--${option.flag}\``,
        `\`${option.env}\``,
        option.type.takes,
        shownDefault(option) === "" ? "none" : `\`${shownDefault(option)}\``,
        option.help,
      ]),
    ),
  ];
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(titles), `|${" --- |".repeat(titles.length)}`, ...rows.map(line)].join("\n");
}
