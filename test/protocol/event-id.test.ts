import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENT_ID, EVENT_ID_BYTES_MAX, EventIdReader } from "../../src/protocol/event-id.ts";
import { idLine } from "../support/wire.ts";

interface EventId {
  readonly stream: string;
  readonly sequence: number;
}

/** The id at the end of a line's content, by the reader. */
function read(content: string | Buffer): EventId | undefined {
  const bytes = Buffer.from(content as string, "latin1");
  const reader = new EventIdReader();
  reader.begin(bytes);
  const found = reader.read(bytes.length);
  expect(found).not.toBe(EVENT_ID.sameStream);
  return found === EVENT_ID.none ? undefined : { stream: reader.stream, sequence: reader.sequence };
}

/** The same by the grammar as it is written down. */
function readPlainly(content: string): EventId | undefined {
  const grammar = /,"event_id":"([A-Za-z0-9_-]{16}):(0|[1-9][0-9]*)"\}$/;
  const [, stream, sequence] = grammar.exec(content) ?? [];
  if (stream === undefined || BigInt(sequence!) >= 2n ** 53n) return undefined;
  return { stream, sequence: Number(sequence) };
}

const stream = "AZaz09-_AZaz09-_";
const head = '{"level":"I","message":"m"';

describe("an id", () => {
  test.each([0, 7, 10, 12345678, 123456789, 2 ** 31, 2 ** 32 + 1, 9007199254740990, 2 ** 53 - 1])(
    "with the sequence %d",
    (sequence) => {
      const line = `${head},"event_id":"${stream}:${sequence}"}`;
      expect(read(line)).toEqual({ stream, sequence });
      expect(readPlainly(line)).toEqual({ stream, sequence });
    },
  );

  test.each([
    ["at the head of the bytes", `,"event_id":"${stream}:5"}`],
    ["behind a duplicate of the key", `{"event_id":1,"level":"I","message":"m","event_id":"${stream}:5"}`],
    ["behind white space elsewhere", ` { "level" : "I", "message":"m" ,"event_id":"${stream}:5"}`],
  ])("%s", (_, line) => expect(read(line)).toEqual({ stream, sequence: 5 }));

  test("is no longer than a scan in blocks takes it to be", () => {
    const longest = `,"event_id":"${stream}:${2 ** 53 - 1}"}`;
    expect(longest.length).toBe(EVENT_ID_BYTES_MAX);
    expect(read(longest)).toBeDefined();
  });
});

describe("ordinary data", () => {
  test.each([
    "",
    "}",
    '"}',
    "{}",
    `${head}}`,
    `"event_id":"${stream}:5"}`,
    `{"event_id":"${stream}:5"}`,
    `${head},"event_id":"${stream}:"}`,
    `${head},"event_id":"${stream}:05"}`,
    `${head},"event_id":"${stream}:00"}`,
    `${head},"event_id":"${stream}:-5"}`,
    `${head},"event_id":"${stream}:5.0"}`,
    `${head},"event_id":"${stream}:5e3"}`,
    `${head},"event_id":"${stream}:${2n ** 53n}"}`,
    `${head},"event_id":"${stream}:9999999999999999"}`,
    `${head},"event_id":"${stream}:10000000000000000"}`,
    `${head},"event_id":"${stream}:00000000000000001"}`,
    `${head},"event_id":"${stream.slice(1)}:5"}`,
    `${head},"event_id":"${stream}x:5"}`,
    `${head},"event_id":"${stream.slice(1)}+:5"}`,
    `${head},"event_id":"${stream.slice(1)}/:5"}`,
    `${head},"event_id":"${stream.slice(1)}=:5"}`,
    `${head},"event_id":"\0${stream.slice(1)}:5"}`,
    `${head},"event_id":"${"\0".repeat(16)}:5"}`,
    `${head},"event_id":"${stream}5"}`,
    `${head},"event_id":"${stream}:5"} `,
    `${head},"event_id":"${stream}:5" }`,
    `${head},"event_id":"${stream}:5"}\r`,
    `${head},"event_id": "${stream}:5"}`,
    `${head}, "event_id":"${stream}:5"}`,
    `${head},"event_ID":"${stream}:5"}`,
    `${head},"source_event_id":"${stream}:5"}`,
    `${head},"event_id":"${stream}:5","x":1}`,
    `${head},"event_id":["${stream}:5"]}`,
    `${head},"nested":{"a":1,"event_id":"${stream}:5"}}`,
    `{"level":"I","message":"m,\\"event_id\\":\\"${stream}:5\\"}"}`,
    `{"level":"I","message":",\\"event_id\\":\\"${stream}:5"}`,
  ])("%s", (line) => {
    expect(readPlainly(line)).toBeUndefined();
    expect(read(line)).toBeUndefined();
  });
});

describe("from line to line", () => {
  test("it tells whether the stream is that of the last id", () => {
    const other = "other-stream-012";
    const lines = [
      [idLine(stream, 1), EVENT_ID.otherStream],
      [idLine(stream, 2), EVENT_ID.sameStream],
      ["{}\n", EVENT_ID.none],
      [idLine(`${stream.slice(1)}.`, 2), EVENT_ID.none],
      [idLine(stream, 3), EVENT_ID.sameStream],
      [idLine(other, 3), EVENT_ID.otherStream],
      [idLine(stream, 3), EVENT_ID.otherStream],
    ] as const;
    const region = Buffer.from(lines.map(([line]) => line).join(""));
    const reader = new EventIdReader();
    for (let round = 0; round < 2; round++) {
      reader.begin(region);
      let end = 0;
      for (const [line, found] of lines) {
        end += line.length;
        expect(reader.read(end - 1)).toBe(found);
      }
    }
  });

  test.each([0, 4, 8, 12])("streams that differ in the four characters at %d are told apart", (at) => {
    const other = `${stream.slice(0, at)}xxxx${stream.slice(at + 4)}`;
    const line = idLine(stream, 1);
    const reader = new EventIdReader();
    reader.begin(Buffer.from(line + idLine(other, 1)));
    reader.read(line.length - 1);
    expect(reader.read(2 * line.length - 1)).toBe(EVENT_ID.otherStream);
    expect(reader.stream).toBe(other);
  });
});

describe("agrees with the grammar", () => {
  const id = fc
    .tuple(
      fc.oneof(
        { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{16}$/) },
        fc.base64String({ maxLength: 20 }),
      ),
      fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 54n }), fc.stringMatching(/^[0-9]{0,18}$/)),
    )
    .map(([name, sequence]) => `${name}:${sequence}`);
  const member = fc.oneof(
    fc.tuple(fc.constantFrom("event_id", "event_id", "a", "b"), fc.oneof(id, fc.jsonValue())),
    fc.tuple(fc.constant("nested"), fc.record({ a: fc.nat(), event_id: id })),
  );
  const object = fc
    .array(member, { minLength: 1, maxLength: 4 })
    .map((members) => members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`))
    .map((members) => Buffer.from(`{"level":"I",${members.join(",")}}`).toString("latin1"));

  test("on objects, where an id is always the object's own", () => {
    let found = 0;
    fc.assert(
      fc.property(object, (line) => {
        const id = read(line);
        expect(id).toEqual(readPlainly(line));
        if (id === undefined) return;
        found++;
        expect(JSON.parse(line).event_id).toBe(`${id.stream}:${id.sequence}`);
      }),
      { numRuns: 3000 },
    );
    expect(found).toBeGreaterThan(100);
  });

  test("on lines with a byte changed, put in or taken out", () => {
    const damaged = fc
      .tuple(fc.nat(2 ** 40), fc.nat(), fc.constantFrom(0, 1), fc.constantFrom("", ...'0:9"}{,\\ a-\0\xff\r'))
      .map(([sequence, at, cut, put]) => {
        const line = `${head},"event_id":"${stream}:${sequence}"}`;
        const pos = line.length - 1 - (at % 55);
        return line.slice(0, pos) + put + line.slice(pos + cut);
      });
    fc.assert(
      fc.property(damaged, (line) => {
        expect(read(line)).toEqual(readPlainly(line));
      }),
      { numRuns: 5000 },
    );
  });
});
