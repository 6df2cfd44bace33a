// What the lines of a file become, told plainly and slowly; and files of every kind to compare with it.

import fc from "fast-check";
import { eventTail, formatLine, formatRaw, type LineFormat } from "../../src/event/line-format.ts";

/** How lines are read. */
export interface LineSetup {
  format: LineFormat;
  unparsed: "ship" | "skip";
  lineBytesMax: number;
  fields: Map<string, string>;
  /** Events get ids of this stream. */
  stream?: string;
}

export const usual: LineSetup = {
  format: "auto",
  unparsed: "ship",
  lineBytesMax: 1 << 20,
  fields: new Map(),
};

/** The events of a file, by the plain code alone; ids count from where the bytes stand in the file. */
export function encodePlainly(bytes: Buffer, setup: LineSetup, bytesOffset = 0): string {
  const { format, unparsed, lineBytesMax, fields, stream } = setup;
  const rules = { format, fields };
  const tail = (continued: boolean, offset: number): string => {
    const end = stream === undefined ? "" : `${bytesOffset + offset}"}\n`;
    return eventTail(fields, continued, stream) + end;
  };
  let written = "";
  const lines: { line: Buffer; start: number }[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    lines.push({ line: bytes.subarray(start, bytes[end - 1] === 13 && end > start ? end - 1 : end), start });
    start = end + 1;
  }
  for (const { line, start } of lines) {
    if (/^[ \t\r]*$/.test(line.toString("latin1")) && line.length <= lineBytesMax) continue;
    for (let at = 0; at < line.length; ) {
      let cut = Math.min(line.length, at + lineBytesMax);
      if (cut < line.length) {
        let back = cut;
        while (back > cut - 4 && back > at && (line[back]! & 0xc0) === 0x80) back--;
        if (back > cut - 4 && back > at) cut = back;
      }
      const text = line.toString("utf8", at, cut);
      const { json, parsed } = formatLine(text, rules);
      if (at > 0) written += formatRaw(text) + tail(true, start + at);
      else if (parsed || unparsed === "ship") written += json + tail(false, start + at);
      at = cut;
    }
  }
  return written;
}

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "INFO",
    "warn",
    "[ERROR]",
    "DEBUG:",
    "2024-01-15",
    "08:23:45",
    "08:23:45.5Z",
    "a-b",
    "x:y",
    "{",
    "é",
    "温",
  ),
);
const space = fc.constantFrom(" ", " ", " ", "  ", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "\u001c");
const usualLine = fc
  .tuple(
    fc.constantFrom(
      "2024-01-15 08:23:45",
      "2024-01-15T08:23:45",
      "2024-01-15T08:23:45.123Z",
      "2024-01-15 08:23:45,9",
    ),
    space,
    fc.constantFrom("INFO", "Warn", "e", "[INFO]", "ERROR:", "É", "L1"),
    space,
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom("", " ", "\u00a0", "温度", '"', "\\", "\u0000", "\u007f"),
  )
  .map((parts) => parts.join(""));
const wordsLine = fc.array(fc.tuple(word, space), { maxLength: 6 }).map((pairs) => pairs.flat().join(""));
const jsonLine = fc
  .dictionary(fc.constantFrom("level", "msg", "message", "time", "event_id", "service", "x"), fc.jsonValue())
  .map((object) => JSON.stringify(object));
const textLine = fc.oneof({ weight: 4, arbitrary: usualLine }, wordsLine, jsonLine);
const line = fc.oneof(
  { weight: 6, arbitrary: textLine.map((text) => Buffer.from(text)) },
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);
/** Lines of every kind, whole or damaged, with every kind of end. */
export const fileContent: fc.Arbitrary<Buffer> = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\n", "\r\n", "\n\n")), { maxLength: 12 })
  .map((lines) => Buffer.concat(lines.flatMap(([bytes, end]) => [bytes, Buffer.from(end)])));

export const lineSetups: fc.Arbitrary<LineSetup> = fc.record(
  {
    format: fc.constantFrom<LineFormat>("auto", "text", "json", "raw"),
    unparsed: fc.constantFrom<"ship" | "skip">("ship", "skip"),
    lineBytesMax: fc.constantFrom(8, 30, 100, 1 << 20),
    fields: fc.constantFrom(new Map(), new Map([["service", 'a"b']])),
    stream: fc.constant("AbCdEf-_01234567"),
  },
  { requiredKeys: ["format", "unparsed", "lineBytesMax", "fields"] },
);
