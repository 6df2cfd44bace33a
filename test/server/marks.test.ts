import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Advances, MarkTable, NO_MARK } from "../../src/server/marks.ts";

const position = { segment: 1, offset: 10 };

function table(streamsMax: number) {
  const log: string[] = [];
  const stats = { streamsEvicted: 0 };
  const marks = new MarkTable(streamsMax, stats, (level, message) => log.push(`${level}: ${message}`));
  const add = (stream: string, mark: number): Advances => {
    const advances = new Map([[stream, mark]]);
    marks.append(advances);
    return advances;
  };
  const commit = (...groups: Advances[]): void => {
    for (const group of groups) marks.commit(group, position);
  };
  return { marks, stats, log, add, commit, known: () => marks.snapshot().streams };
}

describe("marks", () => {
  test("rise with the append, count in a snapshot with the commit", () => {
    const { marks, add, commit } = table(10);
    expect(marks.markOf("a")).toBe(NO_MARK);
    const first = add("a", 0);
    add("a", 7);
    expect(marks.markOf("a")).toBe(7);
    expect(marks.snapshot()).toEqual({ position: { segment: 1, offset: 0 }, streams: [], marks: [] });
    commit(first);
    expect(marks.snapshot()).toEqual({ position, streams: ["a"], marks: [0] });
  });

  test("fall back to what is committed, of however many appends", () => {
    const { marks, add, commit } = table(10);
    commit(add("a", 5));
    const groups = [add("a", 6), add("b", 1), add("a", 9), add("b", 2)];
    for (const group of groups) marks.revert(group);
    expect([marks.markOf("a"), marks.markOf("b")]).toEqual([5, NO_MARK]);
    commit(add("b", 0));
    expect(marks.markOf("b")).toBe(0);
  });
});

describe("too many streams", () => {
  test("the least recently used go; that is counted, and said once", () => {
    const { marks, stats, log, add, commit, known } = table(2);
    commit(add("a", 1), add("b", 1));
    marks.markOf("a");
    commit(add("c", 1));
    expect(known()).toEqual(["a", "c"]);
    commit(add("a", 2), add("d", 1));
    expect(known()).toEqual(["a", "d"]);
    expect(marks.markOf("b")).toBe(NO_MARK);
    expect(stats.streamsEvicted).toBe(2);
    expect(log).toEqual([
      "warn: store: more than 2 streams: those unused the longest are forgotten, and what is sent again of them would be stored again",
    ]);
  });

  test("none goes that waits for a commit", () => {
    const { marks, add, commit, known } = table(1);
    const waiting = add("a", 1);
    commit(add("b", 1), add("c", 1));
    expect(marks.markOf("a")).toBe(1);
    expect(known()).toEqual([]);
    commit(waiting);
    expect(known()).toEqual(["a"]);
  });
});

// The table against plain maps: what was appended in order, and how much of that is committed.
type Step = { stream: string; rise: number } | "commit" | "fail";
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      stream: fc.constantFrom("a", "b", "c", "d"),
      rise: fc.integer({ min: 1, max: 3 }),
    }),
  },
  fc.constantFrom<Step>("commit", "commit", "fail"),
);

test("agrees with a plain model", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { marks } = table(10);
      const committed = new Map<string, number>();
      let waiting: Map<string, number>[] = [];
      const markOf = (stream: string): number =>
        waiting.findLast((group) => group.has(stream))?.get(stream) ?? committed.get(stream) ?? NO_MARK;
      for (const step of steps) {
        if (step === "commit") {
          const group = waiting.shift() ?? new Map();
          for (const [stream, mark] of group) committed.set(stream, mark);
          marks.commit(group, position);
        } else if (step === "fail") {
          for (const group of waiting) marks.revert(group);
          waiting = [];
        } else {
          const advances = new Map([[step.stream, markOf(step.stream) + step.rise]]);
          waiting.push(advances);
          marks.append(advances);
        }
        for (const stream of ["a", "b", "c", "d"]) expect(marks.markOf(stream)).toBe(markOf(stream));
        const { streams, marks: values } = marks.snapshot();
        expect(new Map(streams.map((stream, index) => [stream, values[index]]))).toEqual(committed);
      }
    }),
    { numRuns: 500 },
  );
});
