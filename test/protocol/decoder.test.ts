import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decoder } from "../../src/protocol/decoder.ts";
import { defaultWireLimits, type WireLimits } from "../../src/protocol/limits.ts";
import { randomCuts, singleBytes } from "../support/random.ts";
import { eventLine, framed, gzipFrame } from "../support/wire.ts";

/** What the decoder tells, as text; neighbouring regions are joined, for where they are cut is not promised. */
function decode(pieces: readonly Buffer[], limits: Partial<WireLimits> = {}): string[] {
  const told: string[] = [];
  const given: Buffer[] = [];
  let lines = "";
  const tell = (what: string): void => {
    if (lines !== "") told.push(`lines ${lines}`);
    lines = "";
    if (what !== "") told.push(what);
  };
  const decoder = new Decoder(
    { ...defaultWireLimits, ...limits },
    {
      lines: (region) => {
        expect(region.at(-1)).toBe(10);
        lines += region.toString("latin1");
        given.push(region.fill(0xff)); // ours now
      },
      frame: (payload) => {
        tell(`frame ${payload.toString("base64")}`);
        given.push(payload.fill(0xff));
      },
      lineTooLong: () => tell("too long"),
      unframeable: (reason) => tell(`unframeable: ${reason}`),
    },
  );
  for (const piece of pieces) decoder.push(piece);
  tell("");
  for (const buffer of given) expect(buffer.every((byte) => byte === 0xff)).toBe(true); // not written again
  return told;
}

const NO_MAGIC = "unframeable: a length prefix must be followed by gzip or zstd data";
const gzip = gzipSync(eventLine("in a frame"));
const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]);
const frame = `frame ${gzip.toString("base64")}`;
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const text = (value: string): Buffer => Buffer.from(value, "latin1");

interface Case {
  readonly name: string;
  readonly stream: Buffer;
  readonly told: readonly string[];
  readonly limits?: Partial<WireLimits>;
}

const cases: Case[] = [
  { name: "one plain line", stream: text(eventLine(1)), told: [`lines ${eventLine(1)}`] },
  { name: "short lines", stream: text("{}\nbad\n\n1\n"), told: ["lines {}\nbad\n\n1\n"] },
  { name: "CRLF and blank lines", stream: text("a\r\n\r\n \t\r\n"), told: ["lines a\r\n\r\n \t\r\n"] },
  { name: "an unterminated last line", stream: text(`${eventLine(1)}half`), told: [`lines ${eventLine(1)}`] },
  { name: "an unterminated short head", stream: text("{}"), told: [] },
  { name: "a frame", stream: framed(gzip), told: [frame] },
  { name: "a zstd frame", stream: framed(zstd), told: [`frame ${zstd.toString("base64")}`] },
  { name: "an unfinished frame", stream: framed(gzip).subarray(0, -1), told: [] },
  {
    name: "both kinds alternating",
    stream: Buffer.concat([
      text("{}\n"),
      framed(gzip),
      text("bad\n"),
      framed(gzip),
      framed(gzip),
      text("x\ny\n"),
    ]),
    told: ["lines {}\n", frame, "lines bad\n", frame, frame, "lines x\ny\n"],
  },
  ...[1, 2, 3, 4].map((length) => ({
    name: `a line of ${length} bytes before a frame`,
    stream: Buffer.concat([text(`${"x".repeat(length - 1)}\n`), framed(gzip)]),
    told: [`lines ${"x".repeat(length - 1)}\n`, frame],
  })),
  {
    name: "a line whose \\n is the fourth byte, then gzip magic",
    stream: Buffer.concat([text("bad\n"), bytes(0x1f, 0x8b), text("x\n")]),
    told: ["lines bad\n\x1f\x8bx\n"],
  },
  {
    name: "a line with half of the gzip magic",
    stream: text("abcd\x1f\nabcde\x1f\x8b\nabcd\x1fx\n"),
    told: ["lines abcd\x1f\nabcde\x1f\x8b\nabcd\x1fx\n"],
  },
  { name: "NUL bytes in a line", stream: text("a\0b\0\n{}\n"), told: ["lines a\0b\0\n{}\n"] },
  {
    name: "a NUL byte at the head",
    stream: text("\0nul\nabcd\n"),
    told: [`unframeable: frame of 7239020 bytes exceeds 4096 bytes`],
    limits: { frameBytesMax: 4096 },
  },
  { name: "a frame of length 0", stream: Buffer.concat([bytes(0, 0, 0, 0), text("{}\n")]), told: [NO_MAGIC] },
  { name: "a frame of length 1", stream: bytes(0, 0, 0, 1, 0x1f, 0x8b), told: [NO_MAGIC] },
  { name: "a frame of only the gzip magic", stream: bytes(0, 0, 0, 2, 0x1f, 0x8b), told: ["frame H4s="] },
  {
    name: "a frame too short for the zstd magic",
    stream: bytes(0, 0, 0, 3, 0x28, 0xb5, 0x2f),
    told: [NO_MAGIC],
  },
  { name: "neither magic", stream: Buffer.concat([framed(text("hello")), text("{}\n")]), told: [NO_MAGIC] },
  { name: "half a gzip magic", stream: framed(bytes(0x1f, 0x8c, 0)), told: [NO_MAGIC] },
  { name: "half a zstd magic", stream: framed(bytes(0x28, 0xb5, 0x2f, 0)), told: [NO_MAGIC] },
  {
    name: "a frame over the limit",
    stream: framed(gzip, 1025),
    told: ["unframeable: frame of 1025 bytes exceeds 1024 bytes"],
    limits: { frameBytesMax: 1024 },
  },
  {
    name: "a frame of just the limit",
    stream: framed(gzip),
    told: [frame],
    limits: { frameBytesMax: gzip.length },
  },
  {
    name: "a frame just over the ceiling",
    stream: bytes(1, 0, 0, 1),
    told: ["unframeable: frame of 16777217 bytes exceeds 16777216 bytes"],
  },
  {
    name: "a frame of 32 MiB, known by its magic",
    stream: bytes(2, 0, 0, 0, 0x1f, 0x8b),
    told: ["unframeable: frame of 33554432 bytes exceeds 16777216 bytes"],
  },
  {
    name: "the same between lines, without a zero byte",
    stream: Buffer.concat([text("a\n"), bytes(2, 3, 4, 5, 0x1f, 0x8b), text("b\nc\n")]),
    told: ["lines a\n", "unframeable: frame of 33752069 bytes exceeds 16777216 bytes"],
  },
  {
    name: "a line that begins with 02 00 00 00",
    stream: text("\x02\0\0\0{\n"),
    told: ["lines \x02\0\0\0{\n"],
  },
  {
    name: "lines before what cannot be framed",
    stream: Buffer.concat([text("a\nb\n"), bytes(0, 0, 0, 0), text("c\n")]),
    told: ["lines a\nb\n", NO_MAGIC],
  },
];

describe.each(cases)("$name", ({ stream, told, limits }) => {
  test("whole", () => expect(decode([Buffer.from(stream)], limits)).toEqual(told));
  test("byte by byte", () => expect(decode(singleBytes(stream), limits)).toEqual(told));
  test.each([1, 2, 3, 4, 5])("at random cuts, seed %i", (seed) => {
    expect(decode(randomCuts(stream, seed), limits)).toEqual(told);
  });
  test("in two pieces, cut anywhere", () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const pieces = [Buffer.from(stream.subarray(0, cut)), Buffer.from(stream.subarray(cut))];
      expect(decode(pieces, limits)).toEqual(told);
    }
  });
});

describe("lines over the limit", () => {
  const limits = { eventBytesMax: 20 };
  const at = "x".repeat(20);

  /** Complete long lines in a region are the checker's to refuse, so cut here only where the decoder must know. */
  test("an unfinished line is told once, and skipped up to its line end", () => {
    expect(decode(singleBytes(text(`a\n${at}yyyyyy\nb\n`)), limits)).toEqual([
      "lines a\n",
      "too long",
      "lines b\n",
    ]);
    expect(decode([text(`${at}y`), text("zzz"), text("z\nbcd"), text("e\n")], limits)).toEqual([
      "too long",
      "lines bcde\n",
    ]);
  });

  test("it is told before the line ends", () => {
    expect(decode([text(`${at}y`)], limits)).toEqual(["too long"]);
    expect(decode(singleBytes(text(`${at}y`)), limits)).toEqual(["too long"]);
  });

  test("the line end does not count, be it \\n or \\r\\n", () => {
    expect(decode(singleBytes(text(`${at}\n${at}\r\n`)), limits)).toEqual([`lines ${at}\n${at}\r\n`]);
    expect(decode(singleBytes(text(`${at}\r\r\nb\n`)), limits)).toEqual(["too long", "lines b\n"]);
  });

  test("a skipped line may hold anything, and what follows is a message again", () => {
    const stream = Buffer.concat([text(`${at}\0\x01\x1f\x8b`), text("\0\0\n"), framed(gzip), text("{}\n")]);
    expect(decode(singleBytes(stream), limits)).toEqual(["too long", frame, "lines {}\n"]);
    for (const seed of [1, 2, 3]) {
      const pieces = randomCuts(stream, seed);
      expect(decode([text(`${at}y`), ...pieces], limits)).toEqual(["too long", frame, "lines {}\n"]);
    }
  });
});

describe("what is held", () => {
  const quiet = { lines: () => {}, frame: () => {}, lineTooLong: () => {}, unframeable: () => {} };

  test("is the unfinished message, and nothing once it is complete or given up", () => {
    const decoder = new Decoder({ ...defaultWireLimits, eventBytesMax: 100 }, quiet);
    decoder.push(text("{}\nhalf a line"));
    expect(decoder.buffered).toBe(11);
    decoder.push(text("\n"));
    expect(decoder.buffered).toBe(0);
    decoder.push(framed(gzip).subarray(0, 9));
    expect(decoder.buffered).toBe(9);
    decoder.push(framed(gzip).subarray(9));
    expect(decoder.buffered).toBe(0);
    decoder.push(text("x".repeat(101)));
    expect(decoder.buffered).toBe(0);
    decoder.push(text("\n\0\0\0\0 no more"));
    decoder.push(text("ignored\n"));
    expect(decoder.buffered).toBe(0);
  });

  test("no memory is taken for a frame's claim", () => {
    const decoders = Array.from({ length: 200 }, () => new Decoder(defaultWireLimits, quiet));
    const before = process.memoryUsage().arrayBuffers;
    for (const decoder of decoders) decoder.push(bytes(1, 0, 0, 0, 0x1f, 0x8b));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });

  test("a line of 2 MiB may come byte by byte", () => {
    const line = Buffer.alloc(2 * 1024 * 1024, "x");
    let length = 0;
    const decoder = new Decoder(defaultWireLimits, {
      ...quiet,
      lines: (region) => (length += region.length),
    });
    for (let pos = 0; pos < line.length; pos++) decoder.push(line.subarray(pos, pos + 1));
    decoder.push(text("\n"));
    expect(length).toBe(line.length + 1);
  });
});

/** One message of any kind, with a bias to the bytes that mean something. */
const anyMessage = fc.oneof(
  fc
    .array(fc.constantFrom(0x02, 0x0d, 0x20, 0x1f, 0x8b, 0x7b, 0x7d, 0x28, 0xb5, 0x00, 0x01), {
      maxLength: 12,
    })
    .map((values) => Buffer.from([...values, 10])),
  fc.string({ maxLength: 30 }).map((value) => gzipFrame(value)),
  fc.constantFrom(
    text(eventLine("x")),
    text("\n"),
    bytes(0, 0, 0, 0),
    framed(zstd),
    bytes(2, 0, 0, 0, 0x1f, 0x8b),
  ),
);

test("what is told depends on the bytes, not on the cuts", () => {
  const streams = fc.array(anyMessage, { maxLength: 12 }).map((messages) => Buffer.concat(messages));
  fc.assert(
    fc.property(streams, fc.nat(), (stream, seed) => {
      const whole = decode([Buffer.from(stream)]);
      expect(decode(singleBytes(stream))).toEqual(whole);
      expect(decode(randomCuts(stream, seed))).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});
