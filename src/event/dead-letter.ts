// The records of a dead-letter file: `{"time":…,"reason":…,"event":{…}}`.

import { splitMembers } from "./json-line.ts";

/** The start of a record; the event as it is and `}` follow. */
export function deadLetterHead(time: Date, reason: string): string {
  return `{"time":"${time.toISOString()}","reason":${JSON.stringify(reason)},"event":`;
}

/**
 * The event of a record, without the id that it had and without its closing brace; undefined for what is no record.
 * Values stay as they are written: a parsed number could lose digits.
 */
export function openEventOf(record: string): string | undefined {
  const start = record.search(/[^ \t]/);
  if (start < 0 || !isRecord(record)) return undefined;
  const event = splitMembers(record, start).findLast(({ name }) => name === "event")!.value;
  const members = splitMembers(event, 0).filter(({ name }) => name !== "event_id");
  return `{${members.map(({ name, value }) => `${JSON.stringify(name)}:${value}`).join(",")}`;
}

function isRecord(text: string): boolean {
  try {
    const parsed = JSON.parse(text) as { event?: unknown } | null;
    return isObject(parsed) && isObject(parsed.event);
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
