import { describe, expect, test } from "vitest";
import { InvalidValue, type ValueType } from "../../src/config/option.ts";
import {
  autoOrInteger,
  boolean,
  booleanOrName,
  bytes,
  choice,
  integer,
  keyValueList,
  number,
  seconds,
  text,
} from "../../src/config/value-types.ts";

interface Case {
  readonly name: string;
  readonly type: ValueType<unknown>;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "text",
    type: text("<path>", "a path"),
    good: [
      ["a", "a"],
      [" a b ", " a b "],
      ["-", "-"],
      ["ü/日本", "ü/日本"],
    ],
    bad: ["", "a\0b"],
  },
  {
    name: "integer",
    type: integer(1, 65535),
    good: [
      ["1", 1],
      ["65535", 65535],
      [" 42\r", 42],
      ["007", 7],
    ],
    bad: ["", "0", "65536", "-1", "+1", "1.0", "1e3", "0x10", "abc", "1 2", "NaN", "Infinity", "９"],
  },
  {
    name: "number",
    type: number(0, 1),
    good: [
      ["0", 0],
      ["1", 1],
      ["0.3", 0.3],
      [".5", 0.5],
      ["1.", 1],
    ],
    bad: ["", ".", "1.01", "-0.1", "1e-1", "0,3", "30%"],
  },
  {
    name: "seconds",
    type: seconds(0.05, 3600),
    good: [
      ["5", 5_000],
      ["0.05", 50],
      ["1.5", 1_500],
      ["0.0504", 50],
      ["3600", 3_600_000],
    ],
    bad: ["", "0", "0.04", "3601", "5s", "-5", "500ms"],
  },
  {
    name: "bytes",
    type: bytes(64, 2 * 1024 ** 3),
    good: [
      ["64", 64],
      ["1048576", 1048576],
      ["64K", 65536],
      ["64k", 65536],
      ["1M", 1048576],
      ["2G", 2 * 1024 ** 3],
      ["1KiB", 1024],
      ["3mib", 3 * 1024 ** 2],
      ["1 GiB", 1024 ** 3],
    ],
    bad: ["", "63", "3G", "1KB", "1.5M", "-1M", "M", "1T", "64B", "1  K"],
  },
  {
    name: "boolean",
    type: boolean(),
    good: [
      ["true", true],
      ["TRUE", true],
      ["1", true],
      ["Yes", true],
      ["false", false],
      ["False", false],
      ["0", false],
      ["no", false],
      ["", false],
    ],
    bad: ["on", "2", "tru", "y"],
  },
  {
    name: "choice",
    type: choice(["auto", "raw"], { later: "it comes later" }),
    good: [
      ["auto", "auto"],
      ["RAW", "raw"],
    ],
    bad: ["", "later", "autos", "toString"],
  },
  {
    name: "autoOrInteger",
    type: autoOrInteger(1, 10),
    good: [
      ["auto", "auto"],
      ["Auto", "auto"],
      ["10", 10],
    ],
    bad: ["", "0", "11", "automatic"],
  },
  {
    name: "keyValueList",
    type: keyValueList(["level"]),
    good: [
      ["a=1", new Map([["a", "1"]])],
      ["a=", new Map([["a", ""]])],
      ["a=b=c", new Map([["a", "b=c"]])],
      [" a = b ", new Map([["a", " b "]])],
      ["__proto__=x", new Map([["__proto__", "x"]])],
    ],
    bad: ["", "a", "=1", " =1", "level=INFO"],
  },
  {
    name: "booleanOrName",
    type: booleanOrName("file", ["level"]),
    good: [
      ["true", "file"],
      ["YES", "file"],
      ["1", "file"],
      ["", undefined],
      ["false", undefined],
      ["No", undefined],
      ["source", "source"],
    ],
    bad: ["level"],
  },
];

describe.each(cases)("$name", ({ type, good, bad }) => {
  test.each(good)("takes %j", (given, value) => {
    expect(type.parse(given)).toEqual(value);
  });

  test.each(good)("writes what it read from %j so that it reads the same again", (given) => {
    const value = type.parse(given);
    expect(type.parse(type.show(value))).toEqual(value);
  });

  test.each(bad)("refuses %j", (given) => {
    expect(() => type.parse(given)).toThrow(InvalidValue);
  });
});

test.each([
  ["integer", integer(1, 9), "x", 'takes a whole number from 1 to 9, not "x"'],
  ["seconds", seconds(0.05, 3600), "x", 'takes seconds from 0.05 to 3600, not "x"'],
  ["bytes", bytes(64, 1024 ** 3), "x", 'takes bytes from 64 to 1G, as 65536, 64K or 1M, not "x"'],
  ["autoOrInteger", autoOrInteger(1, 9), "x", 'takes auto or a whole number from 1 to 9, not "x"'],
  ["choice", choice(["a", "b"]), "x", 'takes one of a, b, not "x"'],
  [
    "choice of what is to come",
    choice(["a"], { b: "it comes later" }),
    "B",
    'takes a, not "B": it comes later',
  ],
  ["a line break", boolean(), "a\nb", 'takes true or false, not "a\\nb"'],
  ["a long text", boolean(), "x".repeat(999), `takes true or false, not "${"x".repeat(60)}…"`],
] as [string, ValueType<unknown>, string, string][])(
  "says in one line what is taken: %s",
  (_, type, given, message) => {
    expect(() => type.parse(given)).toThrow(message);
  },
);

test("a list grows by one flag after the other, and no key comes twice", () => {
  const type = keyValueList([]);
  const two = type.merge!(type.parse("b=1"), type.parse("a=2"));
  expect([...two]).toEqual([
    ["b", "1"],
    ["a", "2"],
  ]);
  expect(() => type.merge!(two, type.parse("a=3"))).toThrow('names the field "a" twice');
});
