import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BlockSums } from "../../src/audit/block-sums.ts";
import { EventHash } from "../../src/audit/event-hash.ts";
import { EventIndex } from "../../src/audit/event-index.ts";

interface Taken {
  readonly sequence: number;
  readonly high: number;
  readonly low: number;
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const few = fc.constantFrom(-1, 0, 7, -(2 ** 31), 2 ** 31 - 1);
const sequence = fc.oneof(fc.nat(40), fc.maxSafeNat(), fc.constantFrom(2 ** 32, 2 ** 32 + 1));
const event: fc.Arbitrary<Taken> = fc.record({ sequence, high: few, low: few });
const all = (): boolean => true;

describe("the index finds what a plain list finds", () => {
  test("in any order, with repetitions", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), fc.array(event), (taken, asked) => {
        const index = new EventIndex({ eventsLeft: 1000 }, all);
        for (const { sequence, high, low } of taken) index.take(sequence, high, low);
        for (const { sequence, high, low } of [...taken, ...asked]) {
          const same = taken.filter((other) => other.sequence === sequence);
          const equal = same.filter((other) => other.high === high && other.low === low);
          expect(index.count(sequence, high, low)).toEqual({ all: same.length, equal: equal.length });
          const behind = taken.map((other) => other.sequence).filter((other) => other >= sequence);
          expect(index.next(sequence)).toBe(Math.min(...behind));
        }
        expect(index.limit).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });

  test("below the limit, when there is no room for all", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.nat(60), (taken, eventsLeft) => {
        const index = new EventIndex({ eventsLeft }, all);
        for (const { sequence, high, low } of taken) index.take(sequence, high, low);
        expect(index.limit).toBe(Math.min(...taken.slice(eventsLeft).map(({ sequence }) => sequence)));
        for (const { sequence, high, low } of taken.filter((one) => one.sequence < index.limit)) {
          const same = taken.filter((other) => other.sequence === sequence);
          expect(index.count(sequence, high, low).all).toBe(same.length);
        }
      }),
    );
  });

  test("and only of what is wanted", () => {
    const index = new EventIndex({ eventsLeft: 1 }, (sequence) => sequence % 2 === 0);
    index.take(1, 0, 0);
    index.take(2, 0, 0);
    expect([index.next(0), index.next(3), index.limit]).toEqual([
      2,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });
});

describe("sums by blocks", () => {
  const BLOCK = 65_536;
  const within = fc.record({ sequence: fc.integer({ min: 100, max: 6 * BLOCK }), high: int32, low: int32 });

  test("are equal for the same events in any order, and differ only where one is missing, repeated or another", () => {
    fc.assert(
      fc.property(
        fc.array(within, { minLength: 1, maxLength: 100 }),
        fc.nat(),
        fc.constantFrom("missing", "repeated", "altered", "nothing"),
        (events, seed, damage) => {
          const sums = new BlockSums(100, 5 * BLOCK);
          for (const { sequence, high, low } of events) sums.file.take(sequence, high, low);
          const victim = events[seed % events.length]!;
          const stored = events.filter((one) => damage !== "missing" || one !== victim);
          if (damage === "repeated") stored.push(victim);
          for (const one of stored.reverse()) {
            const isAltered = damage === "altered" && one === victim;
            sums.store.take(one.sequence, one.high, isAltered ? one.low ^ 1 : one.low);
          }
          const counts = victim.sequence < 5 * BLOCK;
          const isDamaged = damage !== "nothing" && counts;
          expect(sums.differs).toBe(isDamaged);
          expect(sums.differsAt(victim.sequence)).toBe(isDamaged);
          for (let start = 0; start < 6 * BLOCK; start += 20_000) {
            const block = (at: number): number => Math.floor((at - 100) / BLOCK);
            const touches =
              block(Math.max(start, 100)) <= block(victim.sequence) &&
              block(victim.sequence) <= block(Math.min(start + 20_000, 5 * BLOCK) - 1);
            expect(sums.differsIn(start, start + 20_000)).toBe(isDamaged && touches);
          }
        },
      ),
    );
  });
});

describe("the hash", () => {
  function hashOf(bytes: Buffer, before = 0): string {
    const hash = new EventHash();
    hash.begin(Buffer.concat([Buffer.alloc(before, 120), bytes, Buffer.from("behind")]));
    hash.hash(before, before + bytes.length);
    return `${hash.high} ${hash.low}`;
  }

  test("depends on the bytes alone, not on where they stand", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(9), (bytes, before) => {
        expect(hashOf(Buffer.from(bytes), before)).toBe(hashOf(Buffer.from(bytes)));
      }),
    );
  });

  test("changes with any bit, in both halves, and with the length", () => {
    const bytes = Buffer.from("2024-01-15 08:23:45 INFO a line of a usual length, more or less");
    const seen = [new Set<string>(), new Set<string>()];
    let count = 0;
    const note = (changed: Buffer): void => {
      count++;
      for (const [half, text] of hashOf(changed).split(" ").entries()) seen[half]!.add(text);
    };
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      note(changed);
    }
    for (let length = 0; length < 100; length++) note(Buffer.alloc(length));
    expect(seen.map(({ size }) => size)).toEqual([count, count]);
  });
});
