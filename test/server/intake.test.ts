import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultWireLimits } from "../../src/protocol/limits.ts";
import { type Intake, IntakeChecker } from "../../src/server/intake.ts";
import { NO_MARK } from "../../src/server/marks.ts";
import { newCounters } from "../../src/server/stats.ts";
import { FakeSocket } from "../support/fake-socket.ts";
import { DUPLICATE, eventLine, INVALID_JSON, idLine, OK, streamName } from "../support/wire.ts";

const a = streamName("a");
const b = streamName("b");

/** Takes lines where these marks are known. */
function take(text: string, known: Record<string, number> = {}): Intake & { stored: string; acked: string } {
  const counters = newCounters();
  const marks = { markOf: (stream: string) => known[stream] ?? NO_MARK };
  const intake = new IntakeChecker(defaultWireLimits, counters, marks).takeLines(Buffer.from(text));
  const socket = new FakeSocket();
  intake.acks.writeTo(socket);
  expect(counters.duplicates).toBe(intake.duplicates);
  return { ...intake, stored: Buffer.concat(intake.buffers).toString(), acked: socket.answered };
}

describe("duplicates are left out, and acked in their place", () => {
  test.each<[name: string, lines: string[], stored: string[], acks: string[]]>([
    ["nothing but new lines", [idLine(a, 5), idLine(a, 6)], [idLine(a, 5), idLine(a, 6)], [OK, OK]],
    ["nothing but duplicates", [idLine(a, 3), idLine(a, 4)], [], [DUPLICATE, DUPLICATE]],
    [
      "duplicates before new lines",
      [idLine(a, 3), idLine(a, 4), idLine(a, 5)],
      [idLine(a, 5)],
      [DUPLICATE, DUPLICATE, OK],
    ],
    [
      "a line twice in one region",
      [idLine(a, 5), idLine(a, 5), idLine(a, 6)],
      [idLine(a, 5), idLine(a, 6)],
      [OK, DUPLICATE, OK],
    ],
    [
      "streams that alternate",
      [idLine(a, 5), idLine(b, 0), idLine(a, 5), idLine(a, 6), idLine(b, 0), idLine(b, 1)],
      [idLine(a, 5), idLine(b, 0), idLine(a, 6), idLine(b, 1)],
      [OK, OK, DUPLICATE, OK, DUPLICATE, OK],
    ],
    [
      "events without ids, and what is refused",
      [eventLine(1), "bad\n", idLine(a, 4), eventLine(1), "\n", idLine(a, 5)],
      [eventLine(1), eventLine(1), idLine(a, 5)],
      [OK, INVALID_JSON, DUPLICATE, OK, OK],
    ],
    [
      "CRLF",
      [idLine(a, 4).replace("\n", "\r\n"), idLine(a, 5).replace("\n", "\r\n"), idLine(a, 5)],
      [idLine(a, 5)],
      [DUPLICATE, OK, DUPLICATE],
    ],
    ["a last line without its end", [idLine(a, 5), idLine(a, 5).trim()], [idLine(a, 5)], [OK, DUPLICATE]],
    [
      "a refused line with an id, which is stored when it comes whole",
      [idLine(a, 9, "\t"), idLine(a, 9)],
      [idLine(a, 9)],
      [INVALID_JSON, OK],
    ],
  ])("%s", (_name, lines, stored, acks) => {
    const taken = take(lines.join(""), { [a]: 4 });
    expect(taken.stored).toBe(stored.join(""));
    expect(taken.acked).toBe(acks.join(""));
    expect(taken.lines).toBe(stored.length);
  });
});

test("the streams' advances are told, and only of those that advance", () => {
  const lines = [
    idLine(b, 0),
    idLine(a, 5),
    idLine(a, 7),
    eventLine("x"),
    idLine(b, 9),
    idLine("c".repeat(16), 1),
  ];
  const { advances } = take(lines.join(""), { [a]: 4, ["c".repeat(16)]: 1 });
  expect([...advances]).toEqual([
    [b, 9],
    [a, 7],
  ]);
  expect(take(idLine(a, 4), { [a]: 4 }).advances.size).toBe(0);
});

test("a check that was broken off leaves nothing behind", () => {
  let breaks = true;
  const marks = {
    markOf: (stream: string): number => {
      if (stream === b && breaks) throw new Error("a bug");
      return NO_MARK;
    },
  };
  const checker = new IntakeChecker(defaultWireLimits, newCounters(), marks);
  expect(() => checker.takeLines(Buffer.from(idLine(a, 5) + idLine(b, 1)))).toThrow("a bug");
  breaks = false;
  expect([...checker.takeLines(Buffer.from(idLine(b, 1))).advances]).toEqual([[b, 1]]);
});

test("agrees with a plain model on any lines", () => {
  const name = fc.constantFrom(a, b, "c".repeat(16), "not a stream");
  const line = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(name, fc.nat(12)).map(([stream, sequence]) => idLine(stream, sequence)),
    },
    fc.constantFrom(eventLine("x"), "bad\n", "\n", " \r\n"),
  );
  const ended = fc
    .tuple(line, fc.boolean())
    .map(([text, crlf]) => (crlf ? text.replace("\n", "\r\n") : text));
  fc.assert(
    fc.property(fc.array(ended, { maxLength: 25 }), fc.nat(12), fc.boolean(), (lines, known, whole) => {
      const marks = new Map([[a, known]]);
      let stored = "";
      let acked = "";
      for (const line of lines.map((text) => text.replace("\r\n", "\n"))) {
        if (line.trim() === "") continue;
        const [, stream, sequence] = /"event_id":"([\w-]{16}):(\d+)"/.exec(line) ?? [];
        if (line === "bad\n") acked += INVALID_JSON;
        else if (stream !== undefined && Number(sequence) <= (marks.get(stream) ?? NO_MARK))
          acked += DUPLICATE;
        else {
          acked += OK;
          stored += line;
          if (stream !== undefined) marks.set(stream, Number(sequence));
        }
      }
      const text = lines.join("");
      const taken = take(whole ? text : text.replace(/\r?\n$/, ""), { [a]: known });
      expect(taken.stored).toBe(stored);
      expect(taken.acked).toBe(acked);
      const advanced = [...marks].filter(([stream, mark]) => stream !== a || mark > known);
      expect(new Map(taken.advances)).toEqual(new Map(advanced));
    }),
    { numRuns: 1000 },
  );
});
