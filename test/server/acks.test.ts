// The tables of docs/protocol.md, "Messages" and "Acks", over real sockets.

import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { LogServerOptions } from "../../src/server/options.ts";
import { LogClient } from "../support/log-client.ts";
import { randomCuts, singleBytes } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import {
  errorAckText,
  eventLine,
  framed,
  gzipFrame,
  INVALID_JSON,
  MISSING_FIELDS,
  OK,
} from "../support/wire.ts";

const failed = (reason: string): string => errorAckText(`decompression failed: ${reason}`);
const NO_MAGIC = failed("a length prefix must be followed by gzip or zstd data");

interface Row {
  readonly name: string;
  readonly stream: (string | Buffer)[];
  readonly acks: string[];
  readonly stored?: string[];
  readonly options?: Partial<LogServerOptions>;
}

const one = eventLine("one");
const two = eventLine("größe");
const gzipOne = gzipSync(one);
const corrupt = Buffer.concat([gzipOne.subarray(0, -8), Buffer.alloc(4, 0xee), gzipOne.subarray(-4)]);
const lying = Buffer.concat([gzipSync("x".repeat(50_000)).subarray(0, -4), Buffer.alloc(4)]);

const rows: Row[] = [
  { name: "an event", stream: [one], acks: [OK], stored: [one] },
  { name: "an event with CRLF", stream: [one.trim(), "\r\n", two], acks: [OK, OK], stored: [one, two] },
  {
    name: "other fields and spelling are kept as they came",
    stream: ['{ "b":1.50, "message":"\\u0041", "level":"x", "a":[{}] } \n'],
    acks: [OK],
    stored: ['{ "b":1.50, "message":"\\u0041", "level":"x", "a":[{}] } \n'],
  },
  { name: "not JSON", stream: ["bad\n", one], acks: [INVALID_JSON, OK], stored: [one] },
  {
    name: "JSON but no object",
    stream: ["[]\n1\nnull\n", one],
    acks: [INVALID_JSON, INVALID_JSON, INVALID_JSON, OK],
    stored: [one],
  },
  {
    name: "not UTF-8",
    stream: [one, Buffer.from('{"level":"I","message":"\xff"}\n', "latin1"), two],
    acks: [OK, INVALID_JSON, OK],
    stored: [one, two],
  },
  {
    name: "NUL bytes in a line",
    stream: [one, '{"level":"I","message":"\0"}\n', "x\0\0\0\n", two],
    acks: [OK, INVALID_JSON, INVALID_JSON, OK],
    stored: [one, two],
  },
  {
    name: "fields missing",
    stream: ["{}\n", '{"level":"I"}\n', one],
    acks: [MISSING_FIELDS, MISSING_FIELDS, OK],
    stored: [one],
  },
  { name: "fields that are no strings", stream: ['{"level":3,"message":"m"}\n'], acks: [MISSING_FIELDS] },
  { name: "blank lines", stream: ["\n \n\t\r\n", one, "\r\n\n", two], acks: [OK, OK], stored: [one, two] },
  { name: "an unterminated last line is dropped", stream: [one, two.trim()], acks: [OK], stored: [one] },
  { name: "a frame", stream: [gzipFrame(one + two)], acks: [OK, OK], stored: [one, two] },
  {
    name: "a frame whose last line lacks its \\n",
    stream: [gzipFrame(one + two.trim())],
    acks: [OK, OK],
    stored: [one, two],
  },
  {
    name: "a frame with all kinds of lines",
    stream: [gzipFrame(`\n${one}bad\r\n \r\n{}\n${two.trim()}\r\n${one.trim()}`)],
    acks: [OK, INVALID_JSON, MISSING_FIELDS, OK, OK],
    stored: [one, two, one],
  },
  {
    name: "a frame of several gzip members",
    stream: [framed(Buffer.concat([gzipOne, gzipSync(two)]))],
    acks: [OK, OK],
    stored: [one, two],
  },
  { name: "a frame of nothing", stream: [gzipFrame(""), gzipFrame("\n\n"), one], acks: [OK], stored: [one] },
  {
    name: "both kinds alternating",
    stream: ["{}\n", gzipFrame(one), "bad\n", gzipFrame(two), gzipFrame("x"), one],
    acks: [MISSING_FIELDS, OK, INVALID_JSON, OK, INVALID_JSON, OK],
    stored: [one, two, one],
  },
  {
    name: "a frame that is cut short",
    stream: [framed(gzipOne.subarray(0, -5)), one],
    acks: [failed("unexpected end of file"), OK],
    stored: [one],
  },
  {
    name: "a frame with a wrong checksum",
    stream: [framed(corrupt), one],
    acks: [failed("incorrect data check"), OK],
    stored: [one],
  },
  {
    name: "a frame of the magic alone",
    stream: [framed(gzipOne.subarray(0, 2)), one],
    acks: [failed("unexpected end of file"), OK],
    stored: [one],
  },
  {
    name: "garbage after the gzip data",
    stream: [framed(Buffer.concat([gzipOne, Buffer.from("garbage!")])), one],
    acks: [failed("incorrect header check"), OK],
    stored: [one],
  },
  {
    name: "garbage behind zero padding",
    stream: [framed(Buffer.concat([gzipOne, Buffer.alloc(8), gzipSync(two)])), one],
    acks: [failed("there is data after the end of the gzip stream"), OK],
    stored: [one],
  },
  {
    name: "zero padding",
    stream: [framed(Buffer.concat([gzipOne, Buffer.alloc(8)]))],
    acks: [OK],
    stored: [one],
  },
  {
    name: "a frame that inflates to too much",
    stream: [gzipFrame(Buffer.alloc(2001, 32)), one],
    acks: [failed("it inflates to more than 2000 bytes"), OK],
    stored: [one],
    options: { inflatedBytesMax: 2000 },
  },
  {
    name: "a frame that lies about what it inflates to",
    stream: [framed(lying), one],
    acks: [failed("it inflates to more than 2000 bytes"), OK],
    stored: [one],
    options: { inflatedBytesMax: 2000 },
  },
  {
    name: "a zstd frame",
    stream: [framed(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0])), one],
    acks: [failed("zstd is not supported here"), OK],
    stored: [one],
  },
  {
    name: "lines over the limit, plain and in a frame",
    stream: [
      one,
      `{"level":"I","message":"${"x".repeat(100)}"}\n`,
      two,
      gzipFrame(`${"y".repeat(65)}\n${one}`),
      `${"z".repeat(300)}\n`,
      one,
    ],
    acks: [
      OK,
      errorAckText("line exceeds 64 bytes"),
      OK,
      errorAckText("line exceeds 64 bytes"),
      OK,
      errorAckText("line exceeds 64 bytes"),
      OK,
    ],
    stored: [one, two, one, one],
    options: { eventBytesMax: 64 },
  },
  {
    name: "a length prefix with neither magic: the end",
    stream: [one, framed(Buffer.from("hello")), one],
    acks: [OK, NO_MAGIC],
    stored: [one],
  },
  {
    name: "an empty frame: the end",
    stream: [one, framed(Buffer.alloc(0)), one],
    acks: [OK, NO_MAGIC],
    stored: [one],
  },
  {
    name: "a frame over the limit: the end",
    stream: [one, framed(gzipSync("x"), 5000), one],
    acks: [OK, failed("frame of 5000 bytes exceeds 4096 bytes")],
    stored: [one],
    options: { frameBytesMax: 4096 },
  },
  {
    name: "a frame over the ceiling, known by its magic: the end",
    stream: [one, framed(gzipSync("x"), 2 ** 25), one],
    acks: [OK, failed("frame of 33554432 bytes exceeds 16777216 bytes")],
    stored: [one],
  },
];

describe.each(rows)("$name", ({ stream, acks, stored = [], options }) => {
  const bytes = Buffer.concat(stream.map((part) => Buffer.from(part)));
  const ways: [string, () => Buffer[]][] = [
    ["whole", () => [bytes]],
    ["byte by byte", () => singleBytes(bytes)],
    ["at random cuts", () => randomCuts(bytes, acks.length)],
  ];
  test.each(ways)("%s", async (_way, pieces) => {
    const { port, readStore } = await startServer(options);
    const client = await LogClient.to(port);
    await client.sendPieces(pieces());
    expect(await client.finish()).toBe(acks.join(""));
    expect(await readStore()).toBe(stored.join(""));
  });
});

test("short lines are answered without waiting for more bytes", async () => {
  const { port } = await startServer();
  const client = await LogClient.to(port);
  client.send("{}\n");
  expect(await client.acks(1)).toBe(MISSING_FIELDS);
  client.send("bad\n");
  expect(await client.acks(2)).toBe(MISSING_FIELDS + INVALID_JSON);
  client.send("1\n");
  expect(await client.acks(3)).toBe(MISSING_FIELDS + INVALID_JSON + INVALID_JSON);
});

test("a line over the limit is answered before it has ended", async () => {
  const { port } = await startServer({ eventBytesMax: 1024 });
  const client = await LogClient.to(port);
  client.send("x".repeat(1025));
  expect(await client.acks(1)).toBe(errorAckText("line exceeds 1024 bytes"));
  client.send(`${"x".repeat(100_000)}\n${one}`);
  expect(await client.acks(2)).toBe(errorAckText("line exceeds 1024 bytes") + OK);
});

test("a line of 100 MB is one error ack, and held nowhere", async () => {
  const { port, readStore } = await startServer();
  const client = await LogClient.to(port);
  const piece = Buffer.alloc(1024 * 1024, "x");
  for (let count = 0; count < 100; count++) await client.sendPieces([piece]);
  client.send(`\n${one}`);
  expect(await client.finish()).toBe(errorAckText("line exceeds 8388608 bytes") + OK);
  expect(await readStore()).toBe(one);
});

test("a bomb is refused, and the connection goes on", async () => {
  const { port, server } = await startServer();
  const client = await LogClient.to(port);
  client.send(gzipFrame(Buffer.alloc(65 * 1024 * 1024)));
  client.send(one);
  expect(await client.finish()).toBe(failed("it inflates to more than 67108864 bytes") + OK);
  expect(server.stats()).toMatchObject({ framesReceived: 1, framesRefused: 1, linesStored: 1 });
});

test("many lines in one go are acked each", async () => {
  const { port, readStore, server } = await startServer();
  const client = await LogClient.to(port);
  const lines = Array.from({ length: 20_000 }, (_, index) =>
    index % 1000 === 7 ? "bad\n" : eventLine(index),
  );
  client.send(lines.join(""));
  const acks = await client.finish();
  expect(acks).toBe(lines.map((line) => (line === "bad\n" ? INVALID_JSON : OK)).join(""));
  expect(await readStore()).toBe(lines.filter((line) => line !== "bad\n").join(""));
  expect(server.stats()).toMatchObject({ linesStored: 19_980, linesRefused: { invalidJson: 20 } });
});

test("everything is counted", async () => {
  const { port, server } = await startServer({ eventBytesMax: 64 });
  const client = await LogClient.to(port);
  const stream = Buffer.concat([
    Buffer.from(`${one}bad\n{}\n\n${"x".repeat(65)}\n`),
    gzipFrame(two),
    framed(Buffer.alloc(0)),
  ]);
  client.send(stream);
  await client.finish();
  expect(server.stats()).toMatchObject({
    connectionsAccepted: 1,
    bytesReceived: stream.length,
    bytesStored: Buffer.byteLength(one + two),
    linesStored: 2,
    linesBlank: 1,
    linesRefused: { invalidJson: 1, missingFields: 1, tooLong: 1 },
    framesReceived: 1,
    framesRefused: 1,
  });
});
