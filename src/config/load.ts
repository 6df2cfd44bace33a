import { parseArgs } from "node:util";
import { ConfigError, UsageError } from "../errors.ts";
import {
  defaultOf,
  defaultsOf,
  type Environment,
  InvalidValue,
  type Option,
  optionEntries,
  type Program,
} from "./option.ts";

/** What a command line asks for. When it is help or the version, the settings are the defaults. */
export interface Loaded<S> {
  readonly settings: S;
  /** What stands for the program's operand; empty where it has none. */
  readonly operand: string;
  readonly help: boolean;
  readonly version: boolean;
}

type Tokens = NonNullable<ReturnType<typeof parseArgs>["tokens"]>;

/** A flag as it stood on the command line, `text` missing where it was bare. */
interface GivenFlag {
  readonly key: string;
  readonly option: Option<unknown>;
  readonly text: string | undefined;
}

/**
 * Reads a program's settings: the command line over the environment over the defaults. An empty variable counts
 * as not set. `argv` is without the program's own name.
 * @throws {UsageError} at the command line's first fault.
 * @throws {ConfigError} at the environment's first fault in a variable that no flag overrides.
 */
export function loadSettings<S>(program: Program<S>, argv: readonly string[], env: Environment): Loaded<S> {
  const entries = optionEntries(program.options);
  const tokens = tokenize(entries, argv);
  const help = tokens.some((token) => token.kind === "option" && token.name === "help");
  const version = tokens.some((token) => token.kind === "option" && token.name === "version");
  if (help || version) return { settings: defaultsOf(program.options, env), operand: "", help, version };

  const given = new Map<string, unknown>();
  const { flags, words } = readTokens(program, entries, tokens);
  for (const { key, option, text } of flags) given.set(key, flagValue(option, text, given.get(key)));
  const operand = operandOf(program, words);
  const settings = Object.fromEntries(
    entries.map(([key, option]) => [key, given.has(key) ? given.get(key) : environmentValue(option, env)]),
  ) as S;
  const conflict = program.conflict?.(settings);
  if (conflict !== undefined) throw new UsageError(conflict);
  return { settings, operand, help, version };
}

function tokenize(entries: [string, Option<unknown>][], argv: readonly string[]): Tokens {
  const kinds = entries.map(([, { flag, type }]) => [
    flag,
    { type: isBareable(type) ? "boolean" : "string" },
  ]);
  const options = {
    ...(Object.fromEntries(kinds) as Record<string, { type: "boolean" | "string" }>),
    help: { type: "boolean", short: "h" },
    version: { type: "boolean", short: "V" },
  } as const;
  return parseArgs({ args: [...argv], options, strict: false, tokens: true }).tokens;
}

/** Sorts a command line into flags, each with its value, and the words that are no flag's. */
function readTokens<S>(
  program: Program<S>,
  entries: [string, Option<unknown>][],
  tokens: Tokens,
): { flags: GivenFlag[]; words: string[] } {
  const byFlag = new Map(entries.map(([key, option]) => [option.flag, { key, option }]));
  const flags: GivenFlag[] = [];
  const words: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      words.push(token.value);
      continue;
    }
    const found = byFlag.get(token.name);
    if (found === undefined)
      throw new UsageError(unknownFlag(program.name, token.rawName, [...byFlag.keys()]));
    let text = token.value;
    if (text?.startsWith("--") && !token.inlineValue) text = undefined;
    const next = tokens[i + 1];
    // parseArgs knows no optional values: what follows such a flag as a word of its own is its value all the same.
    if (isBareable(found.option.type) && text === undefined && next?.kind === "positional") {
      const isOperand = program.operand !== undefined && !isTaken(found.option.type, next.value);
      if (!isOperand) {
        text = next.value;
        i++;
      }
    }
    flags.push({ ...found, text });
  }
  return { flags, words };
}

function operandOf<S>({ name, operand, commands = [] }: Program<S>, words: readonly string[]): string {
  const [first, second] = words;
  if (operand !== undefined && first === undefined)
    throw new UsageError(`takes a ${operand}: ${name} ${operand}`);
  const extra = operand === undefined ? first : second;
  if (extra === undefined) return first ?? "";
  const what =
    operand === undefined ? `every setting is a flag (${name} --help lists them)` : `it takes one ${operand}`;
  const isCommand = commands.some((command) => command.name === extra);
  const why = isCommand ? `a command stands first: ${name} ${extra}` : what;
  throw new UsageError(`unexpected argument ${JSON.stringify(extra)}: ${why}`);
}

function isTaken(type: Option<unknown>["type"], text: string): boolean {
  try {
    type.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isBareable(type: Option<unknown>["type"]): boolean {
  return type.bare !== undefined;
}

function flagValue({ flag, type }: Option<unknown>, text: string | undefined, earlier: unknown): unknown {
  try {
    if (text === undefined && !isBareable(type))
      throw new InvalidValue(`takes ${type.takes}, and got nothing`);
    const value = text === undefined ? type.bare : type.parse(text);
    return earlier === undefined || type.merge === undefined ? value : type.merge(earlier, value);
  } catch (error) {
    throw error instanceof InvalidValue ? new UsageError(`--${flag} ${error.message}`) : error;
  }
}

function environmentValue(option: Option<unknown>, env: Environment): unknown {
  const { type, env: name } = option;
  const text = env[name];
  if (text === undefined || text === "") return defaultOf(option, env);
  try {
    if (type.merge === undefined) return type.parse(text);
    const values = text.split(",").map((part) => type.parse(part));
    return values.reduce((earlier, later) => type.merge!(earlier, later));
  } catch (error) {
    throw error instanceof InvalidValue ? new ConfigError(`${name} ${error.message}`) : error;
  }
}

function unknownFlag(programName: string, rawName: string, flags: readonly string[]): string {
  const name = rawName.replace(/^-+/, "").toLowerCase();
  const [closest] = flags
    .map((flag) => ({ flag, edits: flag.startsWith(`${name}-`) ? 0 : editDistance(name, flag) }))
    .filter(({ flag, edits }) => edits <= Math.min(2, flag.length / 3))
    .sort((a, b) => a.edits - b.edits);
  const hint = closest === undefined ? `${programName} --help lists them` : `did you mean --${closest.flag}?`;
  return `unknown flag ${rawName}: ${hint}`;
}

/** Levenshtein's: how many letters to add, drop or change. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(change, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}
