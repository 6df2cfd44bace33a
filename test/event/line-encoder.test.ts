import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineEncoder } from "../../src/event/line-encoder.ts";
import { encodePlainly, fileContent, type LineSetup, lineSetups, usual } from "../support/line-oracle.ts";

/** Drives the encoder as a source does, with outputs of a given size and at most so many events in each. */
function encode(
  bytes: Buffer,
  setup: LineSetup,
  outBytes = 64 * 1024,
  countMax = Number.POSITIVE_INFINITY,
  offset = 0,
): string {
  const { format, unparsed, lineBytesMax, fields, stream } = setup;
  const encoder = new LineEncoder({ rules: { format, fields }, unparsed, lineBytesMax, stream });
  const source = bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
  const written: string[] = [];
  let events = 0;
  for (let at = 0; at < source.length; ) {
    let out = Buffer.alloc(outBytes);
    const isValid = isUtf8(source.subarray(at));
    encoder.encode(source, at, source.length, isValid, out, 0, countMax, offset);
    if (encoder.count === 0 && encoder.bytesNeeded > 0) {
      out = Buffer.alloc(encoder.bytesNeeded);
      encoder.encode(source, encoder.consumed, source.length, isValid, out, 0, countMax, offset);
    }
    expect(encoder.count).toBeLessThanOrEqual(countMax);
    written.push(out.toString("utf8", 0, encoder.written));
    at = encoder.consumed;
    events += encoder.count;
  }
  expect(encoder.counters.events).toBe(events);
  return written.join("");
}

describe("the kernel and the plain code agree", () => {
  test("on whatever a file may hold, with room and without", () => {
    fc.assert(
      fc.property(
        fileContent,
        lineSetups,
        fc.constantFrom(200, 9000, 64 * 1024),
        fc.constantFrom(1, 3, 1e9),
        fc.constantFrom(0, 3, 999_999_990, 2 ** 40, Number.MAX_SAFE_INTEGER - 10_000),
        (bytes, setup, out, max, offset) => {
          expect(encode(bytes, setup, out, max, offset)).toBe(encodePlainly(bytes, setup, offset));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("on every byte at every place of a usual line", () => {
    const base = Buffer.from("2024-01-15 08:23:45 INFO some message\n");
    const lines: Buffer[] = [];
    for (let at = 0; at < base.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(base);
        changed[at] = byte;
        lines.push(changed);
      }
    }
    const bytes = Buffer.concat([...lines, Buffer.from("\n")]);
    expect(encode(bytes, usual)).toBe(encodePlainly(bytes, usual));
    for (const each of lines) expect(encode(each, usual)).toBe(encodePlainly(each, usual));
  });
});

test("every kind of white space at either end of a message is trimmed as the plain code trims it", () => {
  for (let code = 0; code < 0x3100; code++) {
    const char = String.fromCharCode(code);
    const bytes = Buffer.from(`2024-01-15 08:23:45 INFO ${char}x\n2024-01-15 08:23:45 INFO x${char}\n`);
    expect(encode(bytes, usual)).toBe(encodePlainly(bytes, usual));
  }
});

describe("a line over the limit", () => {
  test("is split at a character boundary, and its further parts say so", () => {
    const setup = { ...usual, lineBytesMax: 7 };
    expect(encode(Buffer.from("ab温度温度\n12345678"), setup)).toBe(
      [
        '{"level":"UNKNOWN","message":"ab温"}\n',
        '{"level":"UNKNOWN","message":"度温","continued":true}\n',
        '{"level":"UNKNOWN","message":"度","continued":true}\n',
        '{"level":"UNKNOWN","message":"1234567"}\n',
        '{"level":"UNKNOWN","message":"8","continued":true}\n',
      ].join(""),
    );
  });

  test("is one event when it is exactly as long as the limit, also before CRLF", () => {
    const setup = { ...usual, lineBytesMax: 4 };
    expect(encode(Buffer.from("1234\r\n1234\n"), setup)).toBe(
      '{"level":"UNKNOWN","message":"1234"}\n'.repeat(2),
    );
  });
});

test("invalid UTF-8 ships as U+FFFD and is counted", () => {
  const encoder = new LineEncoder({
    rules: { format: "auto", fields: new Map() },
    unparsed: "ship",
    lineBytesMax: 100,
  });
  const out = Buffer.alloc(1000);
  encoder.encode(Buffer.from([0x61, 0xff, 0x62, 10]), 0, 4, false, out, 0, 10);
  expect(out.toString("utf8", 0, encoder.written)).toBe('{"level":"UNKNOWN","message":"a\ufffdb"}\n');
  expect(encoder.counters).toMatchObject({ events: 1, invalidUtf8: 1, unparsed: 1 });
});
