import { levelOfJson, UNKNOWN_LEVEL } from "./severity.ts";

/** One member of a JSON object: its name, and its value as the JSON text that stood there. */
export interface JsonMember {
  readonly name: string;
  readonly value: string;
}

/** A JSON line in our terms. Values are JSON texts, copied as they came: a parsed number could lose digits. */
export interface JsonFields {
  readonly timestamp: string | undefined;
  readonly level: string;
  readonly message: string;
  readonly others: readonly JsonMember[];
}

// Names in order of preference. `event` is what structlog calls the message.
const timestampNames = ["timestamp", "time", "ts"];
const messageNames = ["message", "msg", "event"];

/** Reads a line that is a JSON object with a string message; undefined for any other line. */
export function parseJsonLine(line: string): JsonFields | undefined {
  const start = line.search(/[^ \t]/);
  if (start < 0 || line[start] !== "{") return undefined;
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const messageName = messageNames.find(
    (name) => Object.hasOwn(parsed, name) && typeof parsed[name] === "string",
  );
  if (messageName === undefined) return undefined;
  const level = Object.hasOwn(parsed, "level") ? parsed.level : UNKNOWN_LEVEL;
  if (typeof level !== "string" && typeof level !== "number") return undefined;
  const timestampName = timestampNames.find((name) => Object.hasOwn(parsed, name));

  let timestamp: string | undefined;
  let message = "";
  const others: JsonMember[] = [];
  // Of a repeated name the last one counts, as it does for every JSON parser.
  for (const member of splitMembers(line, start)) {
    if (member.name === messageName) message = member.value;
    else if (member.name === timestampName) timestamp = isoTimestamp(member.value);
    else if (member.name !== "level") others.push(member);
  }
  return { timestamp, level: JSON.stringify(levelOfJson(level)), message, others };
}

/** The members of the JSON object that starts at `start`. The text must be valid JSON: the caller has parsed it. */
export function splitMembers(text: string, start: number): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipBlanks(text, start + 1);
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const valueStart = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    const end = valueEnd(text, valueStart);
    members.push({ name, value: text.slice(valueStart, end).trimEnd() });
    at = text[end] === "," ? skipBlanks(text, end + 1) : end;
  }
  return members;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\r") at++;
  return at;
}

/** The position behind the closing quote of the string that opens at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** The position of the `,` or `}` that ends the value that starts at `from`. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const char = text[at];
    if (char === '"') {
      at = stringEnd(text, at);
      continue;
    }
    if (char === "{" || char === "[") depth++;
    else if (depth === 0 && (char === "," || char === "}")) return at;
    else if (char === "}" || char === "]") depth--;
    at++;
  }
}

/**
 * A numeric time as an ISO 8601 text in UTC, any other value as it is. Seconds (zap), milliseconds (pino), micro- and
 * nanoseconds are told apart by size, which holds for the years 1973 to 5138; no digit of a fraction is lost.
 */
function isoTimestamp(json: string): string {
  const match = /^(\d{9,19})(?:\.(\d+))?$/.exec(json);
  if (match === null) return json;
  const whole = match[1]!;
  const fraction = match[2] ?? "";
  const unitDigits = whole.length <= 11 ? 0 : whole.length <= 14 ? 3 : whole.length <= 17 ? 6 : 9;
  const seconds = whole.slice(0, whole.length - unitDigits);
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return json;
  const digits = (whole.slice(whole.length - unitDigits) + fraction).replace(/0+$/, "").padEnd(3, "0");
  return `"${date.toISOString().slice(0, -4)}${digits}Z"`;
}
