// What a line becomes on the wire, told plainly. The encoder's fast kernel covers the usual shapes and hands every
// other line to this code, which is also the oracle that the tests compare the kernel with.

import type { JsonMember } from "./json-line.ts";
import { parseJsonLine } from "./json-line.ts";
import { UNKNOWN_LEVEL } from "./severity.ts";
import { parseTextLine } from "./text-line.ts";

/** Which formats a line is tried as: `auto` is JSON, then text; `raw` is none. */
export type LineFormat = "auto" | "text" | "json" | "raw";

/** How lines become events. */
export interface LineRules {
  readonly format: LineFormat;
  /** Fields that every event gets, in this order, behind its own. Never one of the reserved names. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Names that only logship itself gives to a field. */
export const RESERVED_FIELDS: readonly string[] = ["timestamp", "level", "message", "continued", "event_id"];

/** An event without its closing brace: constant fields and what follows them are appended as bytes. */
export interface OpenEvent {
  readonly json: string;
  /** False for a line that fits no format and so ships under level `UNKNOWN`. */
  readonly parsed: boolean;
}

/** Formats one line, without its line end. */
export function formatLine(line: string, rules: LineRules): OpenEvent {
  if (rules.format === "auto" || rules.format === "json") {
    const fields = parseJsonLine(line);
    if (fields !== undefined) {
      const timestamp = fields.timestamp === undefined ? "" : `"timestamp":${fields.timestamp},`;
      const others = renameTaken(fields.others, rules)
        .map(({ name, value }) => `,${JSON.stringify(name)}:${value}`)
        .join("");
      return {
        json: `{${timestamp}"level":${fields.level},"message":${fields.message}${others}`,
        parsed: true,
      };
    }
  }
  if (rules.format === "auto" || rules.format === "text") {
    const fields = parseTextLine(line);
    if (fields !== undefined) {
      const { timestamp, level, message } = fields;
      return { json: JSON.stringify({ timestamp, level, message }).slice(0, -1), parsed: true };
    }
  }
  return { json: formatRaw(line), parsed: false };
}

/** A line shipped as it is, also the later parts of a line over the limit. */
export function formatRaw(line: string): string {
  return JSON.stringify({ level: UNKNOWN_LEVEL, message: line }).slice(0, -1);
}

/**
 * The bytes that end every event of a source: its constant fields, then, where events have ids, the field `event_id`
 * up to its sequence; else the brace and the newline.
 */
export function eventTail(fields: ReadonlyMap<string, string>, continued: boolean, stream?: string): Buffer {
  const added = [...fields]
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join("");
  const end = stream === undefined ? "}\n" : `,"event_id":"${stream}:`;
  return Buffer.from(`${continued ? ',"continued":true' : ""}${added}${end}`);
}

/** A source's own field under a name that we give is kept as `source_<name>`: nothing of a line is lost. */
function renameTaken(members: readonly JsonMember[], rules: LineRules): readonly JsonMember[] {
  const isTaken = (name: string): boolean => RESERVED_FIELDS.includes(name) || rules.fields.has(name);
  if (!members.some(({ name }) => isTaken(name))) return members;
  const used = new Set(members.map(({ name }) => name));
  return members.map((member) => {
    let { name } = member;
    if (!isTaken(name)) return member;
    do name = `source_${name}`;
    while (used.has(name) || isTaken(name));
    used.add(name);
    return { name, value: member.value };
  });
}
