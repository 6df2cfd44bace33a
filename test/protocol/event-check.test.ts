import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventChecker, VERDICT, type Verdict } from "../../src/protocol/event-check.ts";
import { scanEvent } from "../../src/protocol/event-scan.ts";
import { checkEventPlainly } from "../support/event-oracle.ts";
import { seededRandom } from "../support/random.ts";

const { ok, blank, invalidJson, missingFields, tooLong } = VERDICT;

/** The verdicts on all lines of a region, with the content that each was said to have. */
function checkAll(region: Buffer, eventBytesMax = 1000): [verdict: Verdict, content: string][] {
  const checker = new EventChecker(eventBytesMax);
  const verdicts: [Verdict, string][] = [];
  checker.begin(region);
  for (let pos = 0; pos < region.length; pos = checker.next) {
    const verdict = checker.check(pos);
    expect(checker.next).toBeGreaterThan(pos);
    verdicts.push([verdict, region.toString("latin1", pos, checker.lineEnd)]);
  }
  return verdicts;
}

/** The same, plainly. */
function checkAllPlainly(region: Buffer, eventBytesMax = 1000): [verdict: Verdict, content: string][] {
  const lines = region.toString("latin1").split("\n");
  const last = lines.pop()!;
  const contents = lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  if (last !== "") contents.push(last);
  return contents.map((content) => [
    checkEventPlainly(Buffer.from(content, "latin1"), eventBytesMax),
    content,
  ]);
}

function verdictOf(line: string | Buffer): Verdict {
  const [first, ...more] = checkAll(Buffer.concat([Buffer.from(line), Buffer.from("\n")]));
  expect(more).toEqual([]);
  return first![0];
}

const LM = '"level":"I","message":"m"';

describe.each<[string, Verdict, (string | Buffer)[]]>([
  [
    "events",
    ok,
    [
      `{${LM}}`,
      '{"timestamp":"2024-01-15 08:23:45","level":"INFO","message":"Application started"}',
      '{"message":"m","level":"I"}',
      '{"level":"","message":""}',
      `{${LM},"n":-12.5e+3,"z":0,"t":true,"f":false,"u":null}`,
      `{"n":1E5,${LM}}`,
      `{${LM},"nested":{"a":[1,{"level":2}]}}`,
      ` { "level" : "I" , "message" : "m" } \t`,
      '{"level":"I","message":"quote \\" slash \\/ \\\\ \\b\\f\\n\\r\\t \\u00e9\\uD83D"}',
      '{"l\\u0065vel":"I","message":"m"}',
      '{"level":1,"level":"I","message":"m"}',
      '{"message":"a","message":"b","level":"I"}',
      '{"level":"I","message":"größe 😀 \u007f\u2028"}',
      `{"":"",${LM}}`,
      `{"levels":1,"messages":2,"leve":3,"messag":4,${LM}}`,
      `{"__proto__":"x",${LM}}`,
      `{"__proto__":{"level":1},${LM}}`,
    ],
  ],
  ["blank lines", blank, ["", " ", "\t", "\r", " \t\r \t"]],
  [
    "what is not JSON, or no object",
    invalidJson,
    [
      "bad",
      "null",
      "1",
      '"level"',
      "[]",
      `[{${LM}}]`,
      "{",
      "}",
      "{}}",
      `{${LM}`,
      `{${LM}}x`,
      `{${LM}} {}`,
      `{${LM},}`,
      `{,${LM}}`,
      `{"level":"I""message":"m"}`,
      `{"level" "I","message":"m"}`,
      `{level:"I","message":"m"}`,
      `{${LM},"n":01}`,
      `{${LM},"n":1.}`,
      `{${LM},"n":.5}`,
      `{${LM},"n":-}`,
      `{${LM},"n":1e}`,
      `{${LM},"n":+1}`,
      `{${LM},"n":NaN}`,
      `{${LM},"n":tru}`,
      `{${LM},"n":nulls}`,
      `{${LM},"n":falsy}`,
      `{${LM},"n":}`,
      '{"level":"I","message":"tab\there"}',
      '{"level":"I","message":"nul\0"}',
      '{"level":"I","message":"\\x"}',
      '{"level":"I","message":"\\u12g4"}',
      '{"level":"I","message":"\\u12',
      '{"level":"I","message":"m',
      '{"level":"I","message":"m\\"}',
      `\ufeff{${LM}}`,
      `\u00a0{${LM}}`,
      `{${LM}}\v`,
      "{'level':'I'}",
      `{"a\\":"x",${LM}}`,
      `{"\\x":"x",${LM}}`,
      `{"tab\t":"x",${LM}}`,
      '{"level":"I","message":"aaaaaaaa"bbbbbbbbbbbbbbbb"}',
      '{"level":"I","message":"aaaaaaaa\u0001bbbbbbbbbbbbbbbb"}',
      Buffer.from([0xff]),
      Buffer.from(`{"level":"I","message":"\xe9"}`, "latin1"),
      Buffer.from(`{"level":"I","message":"\xed\xa0\x80"}`, "latin1"),
      Buffer.from(`{"level":"I","message":"\xc0\xaf"}`, "latin1"),
      Buffer.from(`{ "level":"I","message":"\xe9" }`, "latin1"),
    ],
  ],
  [
    "objects without both fields as strings",
    missingFields,
    [
      "{}",
      '{"level":"I"}',
      '{"message":"m"}',
      '{"level":1,"message":"m"}',
      '{"level":null,"message":"m"}',
      '{"level":"I","message":["m"]}',
      '{"Level":"I","Message":"m"}',
      '{"level":"I","level":2,"message":"m"}',
      `{${LM},"l\\u0065vel":1}`,
      '{"__proto__":{"level":"I","message":"m"}}',
      '{"a":{"level":"I","message":"m"}}',
      '{ "level" : "I" }',
    ],
  ],
  [
    "lines over the limit",
    tooLong,
    ["x".repeat(1001), " ".repeat(1001), `{"level":"I","message":"${"m".repeat(980)}"}`],
  ],
])("%s", (_name, verdict, lines) => {
  test.each(lines.map((line) => [line]))("%j", (line) => {
    expect(verdictOf(line)).toBe(verdict);
    expect(checkEventPlainly(Buffer.from(line), 1000)).toBe(verdict);
  });
});

test.each([
  `{${LM}}`,
  '{"timestamp":"2024-01-15 08:23:45","level":"INFO","message":"Application started successfully"}',
  '{"level":"I","message":"größe 😀 \\"quoted\\" \\u00e9","pid":17,"ok":true,"no":false,"none":null,"x":-1.5e-3}',
])("the usual shape needs no JSON.parse: %s", (line) => {
  const bytes = Buffer.from(`${line}\n`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  expect(scanEvent(bytes, view, 0)).toBe(bytes.length - 1);
});

test("a line that ends anywhere, without a line end, is judged as it stands", () => {
  const line = Buffer.from(`{"key":"v",${LM},"t":true,"n":-1.5e7,"u":"\\u00e9\\n"}`);
  for (let end = 1; end <= line.length; end++) {
    const cut = line.subarray(0, end);
    expect(checkAll(cut)).toEqual(checkAllPlainly(cut));
  }
});

test("a line of just the limit is taken, without its line end", () => {
  const line = `{"level":"I","message":"${"m".repeat(974)}"}`;
  expect(line).toHaveLength(1000);
  const region = Buffer.from(`${line}\n${line}\r\n${line}`);
  expect(checkAll(region).map(([verdict]) => verdict)).toEqual([ok, ok, ok]);
});

test("one invalid line does not spoil its neighbours", () => {
  const region = Buffer.from(`{${LM}}\n{"level":"I","message":"\xff"}\n{"a":"\xc3\xa9",${LM}}\n`, "latin1");
  expect(checkAll(region).map(([verdict]) => verdict)).toEqual([ok, invalidJson, ok]);
});

test("deep nesting ends in a verdict", () => {
  const deep = `{${LM},"d":${"[".repeat(400_000)}${"]".repeat(400_000)}}\n`;
  expect(checkAll(Buffer.from(deep), 1_000_000)[0]![0]).toBe(ok);
});

/** Lines that are events or nearly so. */
const anyValue = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary" }).map((value) => JSON.stringify(value)) },
  fc.double().map((value) => JSON.stringify(value)),
  fc.constantFrom(
    "true",
    "false",
    "null",
    "-0",
    "1e5",
    "01",
    "1.",
    "tru",
    '"\\u00zz"',
    '"\\ud800"',
    "[]",
    "{}",
    "",
  ),
  fc.json({ maxDepth: 2 }),
);
const anyKey = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("level", "message", "timestamp", "levels", "l\\u0065vel", "") },
  fc.string({ maxLength: 12 }),
);
const anySpace = fc.constantFrom("", "", "", "", "", " ", "\t", "\r");
const anyPair = fc
  .tuple(anySpace, anyKey, anySpace, anyValue)
  .map(([before, key, after, value]) => `${before}"${key}"${after}:${after}${value}`);
const anyLine = fc.oneof(
  { weight: 8, arbitrary: fc.array(anyPair, { maxLength: 5 }).map((pairs) => `{${pairs.join(",")}}`) },
  { weight: 2, arbitrary: fc.constant(`{"timestamp":"2024-01-15 08:23:45",${LM}}`) },
  fc.constantFrom("", " ", "bad", "{}", "null", "[]"),
);
const anyRegion = fc
  .array(fc.tuple(anyLine, fc.constantFrom("\n", "\n", "\r\n")), { minLength: 1, maxLength: 6 })
  .map((lines) => Buffer.from(lines.flat().join("")));

describe("the checker agrees with the plain reading", () => {
  test("on generated lines", () => {
    fc.assert(
      fc.property(anyRegion, fc.boolean(), (region, unended) => {
        const given = unended ? region.subarray(0, -1) : region;
        expect(checkAll(given, 60)).toEqual(checkAllPlainly(given, 60));
        expect(checkAll(given)).toEqual(checkAllPlainly(given));
      }),
      { numRuns: 2000 },
    );
  });

  test("on lines with bytes changed, put in and taken out", () => {
    const telling = [...Buffer.from('"\\{}[],:0159-+.eEtfnu \t\r\n\0\x1f\x7f\x80\xbf\xc3\xff', "latin1")];
    fc.assert(
      fc.property(anyRegion, fc.integer(), (region, seed) => {
        const random = seededRandom(seed);
        let mutated = region;
        for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
          const at = Math.floor(random() * mutated.length);
          const byte =
            random() < 0.7 ? telling[Math.floor(random() * telling.length)]! : Math.floor(random() * 256);
          const removed = random() < 0.6 ? 1 : 0;
          const added = random() < 0.7 ? [byte] : [];
          mutated = Buffer.concat([
            mutated.subarray(0, at),
            Buffer.from(added),
            mutated.subarray(at + removed),
          ]);
        }
        expect(checkAll(mutated)).toEqual(checkAllPlainly(mutated));
      }),
      { numRuns: 5000 },
    );
  });
});
