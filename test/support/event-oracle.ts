import { isUtf8 } from "node:buffer";
import { VERDICT, type Verdict } from "../../src/protocol/event-check.ts";

/** The plain reading of the rule for events, without any speed: what `EventChecker` must agree with. */
export function checkEventPlainly(line: Buffer, eventBytesMax: number = Number.POSITIVE_INFINITY): Verdict {
  if (line.length > eventBytesMax) return VERDICT.tooLong;
  if (/^[ \t\r]*$/.test(line.toString("latin1"))) return VERDICT.blank;
  if (!isUtf8(line)) return VERDICT.invalidJson;
  let event: unknown;
  try {
    event = JSON.parse(line.toString("utf8"));
  } catch {
    return VERDICT.invalidJson;
  }
  if (typeof event !== "object" || event === null || Array.isArray(event)) return VERDICT.invalidJson;
  const fields = new Map(Object.entries(event));
  const isEvent = typeof fields.get("level") === "string" && typeof fields.get("message") === "string";
  return isEvent ? VERDICT.ok : VERDICT.missingFields;
}
