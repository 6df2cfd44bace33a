import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decompressionFailedAck, lineTooLongAck } from "../../src/protocol/ack.ts";
import { AckReader } from "../../src/protocol/ack-reader.ts";
import { randomCuts, singleBytes } from "../support/random.ts";
import { DUPLICATE, INVALID_JSON, MISSING_FIELDS, OK } from "../support/wire.ts";

/** What was reported, runs of acks taken apart: `received`, `duplicate`, `refused: …`, `garbage: …`. */
function read(pieces: readonly Buffer[]): string[] {
  const outcomes: string[] = [];
  const note = (what: string) => (lines: number) => {
    expect(lines).toBeGreaterThan(0);
    for (let left = lines; left > 0; left--) outcomes.push(what);
  };
  const reader = new AckReader({
    received: note("received"),
    duplicate: note("duplicate"),
    refused: (reason) => outcomes.push(`refused: ${reason}`),
    garbage: (text) => outcomes.push(`garbage: ${text}`),
  });
  for (const piece of pieces) reader.push(piece);
  return outcomes;
}

/** The same, read plainly: a line, a JSON text. */
function readPlainly(acks: string): string[] {
  const outcomes: string[] = [];
  for (const line of acks.split("\n").slice(0, -1)) {
    const { status, message } = JSON.parse(line) as { status: string; message?: string };
    if (status !== "ok") outcomes.push(`refused: ${message ?? ""}`);
    else outcomes.push(message === "duplicate" ? "duplicate" : "received");
  }
  return outcomes;
}

function everyWay(bytes: Buffer): [string, Buffer[]][] {
  return [
    ["whole", [bytes]],
    ["byte by byte", singleBytes(bytes)],
    ["cut at random", randomCuts(bytes, 7)],
  ];
}

describe.each<[string, string, string[]]>([
  ["an accepted line", OK, ["received"]],
  ["a duplicate", DUPLICATE, ["duplicate"]],
  ["other spacing", '{"status":"ok","message":"received"}\n', ["received"]],
  ["another order of keys", '{"message": "duplicate", "status": "ok"}\n', ["duplicate"]],
  ["CRLF", OK.replace("\n", "\r\n"), ["received"]],
  ["fields that we do not know", '{"status":"ok","message":"received","id":[1]}\n', ["received"]],
  ["an ok without a message", '{"status":"ok"}\n', ["received"]],
  ["a refusal without a message", '{"status":"error"}\n', ["refused: "]],
  ["invalid JSON", INVALID_JSON, ["refused: invalid JSON"]],
  ["missing fields", MISSING_FIELDS, ["refused: missing required fields: level, message"]],
  ["a line too long", lineTooLongAck(9).toString(), ["refused: line exceeds 9 bytes"]],
  ["a bad frame", decompressionFailedAck('a "b"').toString(), ['refused: decompression failed: a "b"']],
  [
    "acks of every kind",
    OK + OK + INVALID_JSON + DUPLICATE + OK,
    ["received", "received", "refused: invalid JSON", "duplicate", "received"],
  ],
  ["text that is no JSON", "HTTP/1.1 400 Bad Request\r\n", ["garbage: HTTP/1.1 400 Bad Request\r"]],
  ["JSON that is no object", `${OK}"ok"\n`, ["received", 'garbage: "ok"']],
  ["null", "null\n", ["garbage: null"]],
  ["another status", '{"status":"fine"}\n', ['garbage: {"status":"fine"}']],
  ["an empty line", "\n", ["garbage: "]],
  ["acks behind garbage, which count no more", `${OK}?\n${OK}${OK}`, ["received", "garbage: ?"]],
  ["a line whose end has not come", OK + OK.slice(0, -1), ["received"]],
])("%s", (_, text, outcomes) => {
  test.each(everyWay(Buffer.from(text)))("%s", (_way, pieces) => {
    expect(read(pieces)).toEqual(outcomes);
  });
});

test("what ends in no line is garbage once it is longer than any ack, and told in short", () => {
  const outcomes = read(randomCuts(Buffer.alloc(70_000, "x"), 3));
  expect(outcomes).toEqual([`garbage: ${"x".repeat(100)}`]);
});

test("long runs of acks are reported in few calls, also where another ack stands between", () => {
  const calls: number[] = [];
  const count = (lines: number): void => void calls.push(lines);
  const garbage = (): never => expect.unreachable();
  const reader = new AckReader({ received: count, duplicate: count, refused: () => {}, garbage });
  reader.push(Buffer.from(OK.repeat(5000) + INVALID_JSON + DUPLICATE.repeat(4999) + INVALID_JSON));
  expect(calls.reduce((sum, lines) => sum + lines)).toBe(9999);
  expect(calls.length).toBeLessThanOrEqual(40);
});

test("any acks, cut anywhere, are read as a plain reader reads them", () => {
  const reason = fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constant("duplicate"));
  const ack = fc.oneof(
    fc
      .tuple(fc.constantFrom(OK, DUPLICATE, INVALID_JSON), fc.integer({ min: 1, max: 1500 }))
      .map(([text, times]) => text.repeat(times)),
    fc
      .record({ status: fc.constantFrom("ok", "error"), message: reason }, { requiredKeys: ["status"] })
      .map((fields) => `${JSON.stringify(fields)}\n`),
  );
  fc.assert(
    fc.property(fc.array(ack, { maxLength: 8 }), fc.integer(), (acks, seed) => {
      const text = acks.join("");
      expect(read(randomCuts(Buffer.from(text), seed))).toEqual(readPlainly(text));
    }),
    { numRuns: 300 },
  );
});
