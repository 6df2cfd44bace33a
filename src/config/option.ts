import { ConfigError, type ExitCode } from "../errors.ts";

/** The environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How a setting's text becomes its value, and what a person is told about it. */
export interface ValueType<T> {
  /** What stands for the value in the help: `<path>`. */
  readonly valueName: string;
  /** What it takes, in words that fit after "takes": `a whole number from 1 to 65535`. */
  readonly takes: string;
  /** Reads one value; throws {@link InvalidValue}. */
  parse(text: string): T;
  /** The value as one would write it: `parse(show(value))` is the value again. */
  show(value: T): string;
  /** The value of the flag when none follows it; a type without this needs a value. */
  readonly bare?: T;
  /** Makes it a list: the flag may be repeated, the variable is comma-separated. Throws {@link InvalidValue}. */
  merge?(earlier: T, later: T): T;
}

/** A text that is no value of its type; the message fits after the name of a flag or variable. */
export class InvalidValue extends Error {
  /** `because` says more than what the type takes: `it comes with a later release`. */
  static of(takes: string, text: string, because?: string): InvalidValue {
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
    return new InvalidValue(`takes ${takes}, not ${shown}${because === undefined ? "" : `: ${because}`}`);
  }
}

interface OptionBase<T> {
  /** Without its dashes: `log-file`. */
  readonly flag: string;
  readonly env: string;
  readonly type: ValueType<T>;
  /** Groups the options in the help and the documentation. */
  readonly section: string;
  /** A sentence or two. */
  readonly help: string;
}

interface FixedDefault<T> {
  readonly default: T;
}

/** A default that depends on the environment, and how to write that down. */
interface DerivedDefault<T> {
  readonly derive: (env: Environment) => T;
  readonly derivedFrom: string;
}

/** One setting: everything about it that the parser, the help and the documentation need. */
export type Option<T> = OptionBase<T> & (FixedDefault<T> | DerivedDefault<T>);

/** One option for each setting of a program. */
export type OptionTable<S> = { readonly [K in keyof S]: Option<S[K]> };

/** A program as its command line and its documentation see it. */
export interface Program<S> {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  readonly options: OptionTable<S>;
  /** What it takes besides flags, and must be given: a name such as `FILE`. Without one every word is a flag's. */
  readonly operand?: string;
  /** Its further commands, each a word that comes first. */
  readonly commands?: readonly { readonly name: string; readonly does: string }[];
  /** What settings that are fine one by one do wrong together, if anything. */
  readonly conflict?: (settings: S) => string | undefined;
  readonly examples: readonly { readonly command: string; readonly does: string }[];
  readonly exitCodes: readonly { readonly code: ExitCode; readonly means: string }[];
}

/** The entries of a table in its order, for code that treats all settings alike. */
export function optionEntries<S>(table: OptionTable<S>): [key: string, option: Option<unknown>][] {
  return Object.entries(table) as [string, Option<unknown>][];
}

/** The value when nothing sets it. */
export function defaultOf<T>(option: Option<T>, env: Environment): T {
  return "derive" in option ? option.derive(env) : option.default;
}

/** The settings when nothing sets any. */
export function defaultsOf<S>(table: OptionTable<S>, env: Environment): S {
  return Object.fromEntries(optionEntries(table).map(([key, option]) => [key, defaultOf(option, env)])) as S;
}

/** The default as one would write it, the same on every machine. */
export function shownDefault<T>(option: Option<T>): string {
  return "derive" in option ? option.derivedFrom : option.type.show(option.default);
}

/**
 * The settings of an embedding program: what it leaves out, or gives as undefined, is the default; the rest is checked
 * as if it had been written on a command line. Throws a `ConfigError` that names the setting.
 */
export function resolveSettings<S extends object>(
  table: OptionTable<S>,
  given: Partial<S>,
  env: Environment,
): S {
  const settings = optionEntries(table).map(([key, option]) => {
    const value = given[key as keyof S];
    return [key, value === undefined ? defaultOf(option, env) : checked(key, option, value)];
  });
  return Object.fromEntries(settings) as S;
}

function checked(key: string, { type }: Option<unknown>, value: unknown): unknown {
  // A list has no form as one text; its type is all that is known of it.
  if (type.merge !== undefined) return value;
  try {
    return type.parse(String(type.show(value)));
  } catch (error) {
    throw new ConfigError(`${key}: ${error instanceof InvalidValue ? error.message : `takes ${type.takes}`}`);
  }
}
