import { levelOfWord } from "./severity.ts";

/** The three fields of a text line. */
export interface TextFields {
  readonly timestamp: string;
  readonly level: string;
  readonly message: string;
}

const iso8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * Splits `DATE TIME LEVEL message` or `ISO8601 LEVEL message`; undefined if the line has neither form.
 *
 * White space is what Python's `str.split()` splits at, since users of the format know it from there.
 */
export function parseTextLine(line: string): TextFields | undefined {
  const end = trimmedEnd(line);
  const first = token(line, 0, end);
  const second = token(line, first.end, end);
  if (iso8601.test(first.text)) {
    const level = levelOfWord(second.text);
    const message = rest(line, second.end, end);
    if (level !== undefined && message !== "") return { timestamp: first.text, level, message };
  }
  if (!first.text.includes("-") || !second.text.includes(":")) return undefined;
  const third = token(line, second.end, end);
  const level = levelOfWord(third.text);
  const message = rest(line, third.end, end);
  if (level === undefined || message === "") return undefined;
  return { timestamp: `${first.text} ${second.text}`, level, message };
}

function isSpace(code: number): boolean {
  if (code <= 0x20) return (code >= 0x09 && code <= 0x0d) || code >= 0x1c;
  if (code < 0x80) return false;
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

// Loops, not regular expressions: those take quadratic time on a long line with long runs of spaces.
function trimmedEnd(line: string): number {
  let end = line.length;
  while (end > 0 && isSpace(line.charCodeAt(end - 1))) end--;
  return end;
}

function skipSpaces(line: string, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(line.charCodeAt(at))) at++;
  return at;
}

function token(line: string, from: number, end: number): { text: string; end: number } {
  const start = skipSpaces(line, from, end);
  let at = start;
  while (at < end && !isSpace(line.charCodeAt(at))) at++;
  return { text: line.slice(start, at), end: at };
}

function rest(line: string, from: number, end: number): string {
  return line.slice(skipSpaces(line, from, end), end);
}
