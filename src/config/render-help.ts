import { type Option, optionEntries, type Program, shownDefault } from "./option.ts";

const WIDTH_MAX = 100;

/** The text of `--help`, at most 100 columns wide; `color` makes the headings bold. */
export function renderHelp<S>(program: Program<S>, { color = false }: { color?: boolean } = {}): string {
  const heading = (title: string): string => (color ? `\x1b[1m${title}\x1b[22m` : title);
  const sections = optionsBySection(program);
  const { commands = [] } = program;
  const commandWidth = Math.max(0, ...commands.map(({ name }) => program.name.length + 1 + name.length));
  const leftWidth = Math.max(...[...sections.values()].flat().map((option) => flagOf(option).length));

  const blocks = [
    [
      `${heading("Usage:")} ${[program.name, program.operand, "[--flag value]..."].filter(Boolean).join(" ")}`,
    ],
    wrap(program.summary, WIDTH_MAX),
    ...(commands.length === 0
      ? []
      : [
          [
            heading("Commands"),
            ...commands.flatMap(({ name, does }) => columns(`${program.name} ${name}`, commandWidth, does)),
          ],
        ]),
    wrap(
      "A flag wins over the variable in brackets, and that over the default. Sizes are written as 65536, 64K, 1M or 2G, times in seconds.",
      WIDTH_MAX,
    ),
    ...[...sections].map(([title, options]) => [
      heading(title),
      ...options.flatMap((option) => columns(flagOf(option), leftWidth, describe(option))),
    ]),
    [
      heading("Other"),
      ...columns("-h, --help", leftWidth, "Prints this text."),
      ...columns("-V, --version", leftWidth, "Prints the version."),
    ],
    [
      heading("Examples"),
      ...program.examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`]),
    ],
    [
      heading("Exit codes"),
      ...program.exitCodes.flatMap(({ code, means }) => columns(String(code), 2, means)),
    ],
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** A program's options under the titles of their sections, in the order of its table. */
export function optionsBySection<S>(program: Program<S>): Map<string, Option<unknown>[]> {
  const sections = new Map<string, Option<unknown>[]>();
  for (const [, option] of optionEntries(program.options)) {
    const section = sections.get(option.section);
    if (section === undefined) sections.set(option.section, [option]);
    else section.push(option);
  }
  return sections;
}

/** Breaks a text into lines of at most `width` characters, but for words that are longer; U+00A0 does not break. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.replaceAll("\u00a0", " "));
}

function flagOf({ flag, type }: Option<unknown>): string {
  return `--${flag} ${type.valueName}`;
}

function describe(option: Option<unknown>): string {
  return `${option.help} [${option.env}, default\u00a0${shownDefault(option) || "none"}]`;
}

function columns(left: string, leftWidth: number, right: string): string[] {
  const lines = wrap(right, WIDTH_MAX - leftWidth - 4);
  return lines.map((line, i) => `  ${(i === 0 ? left : "").padEnd(leftWidth)}  ${line}`);
}
