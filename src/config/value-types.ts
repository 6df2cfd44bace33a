import { InvalidValue, type ValueType } from "./option.ts";

const KIB = 1024;
const unitBytes: Readonly<Record<string, number>> = { "": 1, K: KIB, M: KIB ** 2, G: KIB ** 3 };

const trueWords: readonly string[] = ["true", "1", "yes"];
const falseWords: readonly string[] = ["false", "0", "no", ""];

/** Any text but the empty one. */
export function text(valueName: string, takes: string): ValueType<string> {
  return {
    valueName,
    takes,
    parse(given) {
      if (given === "" || given.includes("\0")) throw InvalidValue.of(takes, given);
      return given;
    },
    show: (value) => value,
  };
}

/** Texts, any number of them; the first that is given replaces the default. */
export function textList(valueName: string, takes: string): ValueType<readonly string[]> {
  const one = text(valueName, takes);
  return {
    valueName,
    takes,
    parse: (given) => [one.parse(given.trim())],
    show: (values) => values.join(","),
    merge: (earlier, later) => [...earlier, ...later],
  };
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): ValueType<number> {
  return ranged("<n>", `a whole number from ${min} to ${max}`, /^\d+$/, 1, min, max);
}

/** A number from `min` to `max`, with or without a fraction. */
export function number(min: number, max: number): ValueType<number> {
  return ranged("<x>", `a number from ${min} to ${max}`, /^(\d+(\.\d*)?|\.\d+)$/, 1, min, max);
}

/** Seconds on the outside, milliseconds in the setting; `min` and `max` are seconds. */
export function seconds(min: number, max: number): ValueType<number> {
  return ranged("<seconds>", `seconds from ${min} to ${max}`, /^(\d+(\.\d*)?|\.\d+)$/, 1000, min, max);
}

function ranged(
  valueName: string,
  takes: string,
  shape: RegExp,
  scale: number,
  min: number,
  max: number,
): ValueType<number> {
  return {
    valueName,
    takes,
    parse(given) {
      const trimmed = given.trim();
      const value = Number(trimmed);
      if (!shape.test(trimmed) || value < min || value > max) throw InvalidValue.of(takes, given);
      return scale === 1 ? value : Math.round(value * scale);
    },
    show: (value) => String(value / scale),
  };
}

/** A number of bytes, also written `64K`, `1M` or `2GiB`. */
export function bytes(min: number, max: number): ValueType<number> {
  const takes = `bytes from ${showBytes(min)} to ${showBytes(max)}, as 65536, 64K or 1M`;
  return {
    valueName: "<bytes>",
    takes,
    parse(given) {
      const [, digits, unit = ""] = /^(\d+) ?(?:([KMG])(?:iB)?)?$/i.exec(given.trim()) ?? [];
      const value = Number(digits ?? Number.NaN) * unitBytes[unit.toUpperCase()]!;
      if (!(value >= min && value <= max)) throw InvalidValue.of(takes, given);
      return value;
    },
    show: showBytes,
  };
}

function showBytes(value: number): string {
  const unit = ["G", "M", "K"].find((name) => value > 0 && value % unitBytes[name]! === 0) ?? "";
  return `${value / unitBytes[unit]!}${unit}`;
}

/** `true`, `1`, `yes` in any case; `false`, `0`, `no` or nothing; the bare flag is true. */
export function boolean(): ValueType<boolean> {
  const takes = "true or false";
  return {
    valueName: "[true|false]",
    takes,
    parse(given) {
      const word = given.trim().toLowerCase();
      if (trueWords.includes(word)) return true;
      if (falseWords.includes(word)) return false;
      throw InvalidValue.of(takes, given);
    },
    show: String,
    bare: true,
  };
}

/** One of a few words; `absent` says of a word that is not taken why not. */
export function choice<const C extends string>(
  choices: readonly C[],
  absent: Readonly<Record<string, string>> = {},
): ValueType<C> {
  const takes = choices.length === 1 ? choices[0]! : `one of ${choices.join(", ")}`;
  return {
    valueName: `<${choices.join("|")}>`,
    takes,
    parse(given) {
      const word = given.trim().toLowerCase();
      const found = choices.find((name) => name === word);
      if (found === undefined) {
        throw InvalidValue.of(takes, given, Object.hasOwn(absent, word) ? absent[word] : undefined);
      }
      return found;
    },
    show: (value) => value,
  };
}

/** `auto`, or a whole number from `min` to `max`. */
export function autoOrInteger(min: number, max: number): ValueType<"auto" | number> {
  const whole = integer(min, max);
  const takes = `auto or ${whole.takes}`;
  return {
    valueName: "<auto|n>",
    takes,
    parse(given) {
      if (given.trim().toLowerCase() === "auto") return "auto";
      try {
        return whole.parse(given);
      } catch {
        throw InvalidValue.of(takes, given);
      }
    },
    show: String,
  };
}

/** `key=value`, any number of times: all keys differ, and none is one of `reserved`. */
export function keyValueList(reserved: readonly string[]): ValueType<ReadonlyMap<string, string>> {
  const takes = "key=value";
  return {
    valueName: "<key=value>",
    takes,
    parse(given) {
      const equals = given.indexOf("=");
      const key = given.slice(0, Math.max(equals, 0)).trim();
      if (key === "") throw InvalidValue.of(takes, given);
      if (reserved.includes(key)) throw new InvalidValue(reservedName(key));
      return new Map([[key, given.slice(equals + 1)]]);
    },
    show: (fields) => [...fields].map(([key, value]) => `${key}=${value}`).join(","),
    merge(earlier, later) {
      for (const key of later.keys()) {
        if (earlier.has(key)) throw new InvalidValue(`names the field ${JSON.stringify(key)} twice`);
      }
      return new Map([...earlier, ...later]);
    },
  };
}

/** Off, on under the name `bare`, or on under a name of its own that is none of `reserved`. */
export function booleanOrName(bare: string, reserved: readonly string[]): ValueType<string | undefined> {
  return {
    valueName: "[name]",
    takes: `a field name, true for ${JSON.stringify(bare)}, or false`,
    parse(given) {
      const name = given.trim();
      if (trueWords.includes(name.toLowerCase())) return bare;
      if (falseWords.includes(name.toLowerCase())) return undefined;
      if (reserved.includes(name)) throw new InvalidValue(reservedName(name));
      return name;
    },
    show: (name) => name ?? "false",
    bare,
  };
}

function reservedName(key: string): string {
  return `cannot set ${JSON.stringify(key)}: logship writes that field itself`;
}
