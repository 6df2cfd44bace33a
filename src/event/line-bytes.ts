// What the encoder's kernel knows of bytes: tables and small scanners. The scanners stop at the newline that ends every
// line they are given, and read no further than 20 bytes behind a line's start before they have seen it is long enough.

export const NEWLINE = 10;
export const RETURN = 13;
export const SPACE = 32;
export const QUOTE = 34;
export const BACKSLASH = 92;
const TAB = 9;
const COMMA = 44;
const DASH = 45;
const DOT = 46;
const COLON = 58;
const UPPER_T = 84;
const UPPER_Z = 90;
const BRACE = 123;
const DELETE = 127;

/** What a kernel returns for a line that the plain code has to format. */
export const NOT_FAST = -1;

/** 1: the byte stands for itself in a JSON string; for text that is known to be UTF-8. */
export const plainInUtf8: Uint8Array = new Uint8Array(256).fill(1);
plainInUtf8.fill(0, 0, 32);
plainInUtf8[QUOTE] = 0;
plainInUtf8[BACKSLASH] = 0;
/** The same for text that may not be UTF-8: only ASCII stands for itself. */
export const plainInAscii: Uint8Array = plainInUtf8.slice();
plainInAscii.fill(0, 128);

/** The letter of a two-character escape such as `\n`, by byte; 0 where JSON has none. */
export const shortEscape: Uint8Array = new Uint8Array(256);
for (const [char, letter] of ["\bb", "\tt", "\nn", "\ff", "\rr", '""', "\\\\"]) {
  shortEscape[char!.charCodeAt(0)] = letter!.charCodeAt(0);
}

/** 1: as the first byte of a message it may begin a white space character, which the plain code would trim. */
export const mayBeginSpace: Uint8Array = new Uint8Array(256).fill(1, 0, 33);
for (const lead of [0xc2, 0xe1, 0xe2, 0xe3]) mayBeginSpace[lead] = 1;
/** The same for the last byte of a message. */
export const mayEndSpace: Uint8Array = new Uint8Array(256).fill(1, 0, 33);
mayEndSpace.fill(1, 0x80, 0x8b);
for (const last of [0x9f, 0xa0, 0xa8, 0xa9, 0xaf]) mayEndSpace[last] = 1;

/** ASCII letters mapped to their upper case; 0 for every other byte. */
export const upperLetter: Uint8Array = new Uint8Array(256);
for (let upper = 65; upper <= 90; upper++) {
  upperLetter[upper] = upper;
  upperLetter[upper + 32] = upper;
}

const isDigit = new Uint8Array(256).fill(1, 48, 58);
/** 1: the offsets of `dddd-dd-dd dd:dd:dd` that hold no digit. */
const isSeparator = Uint8Array.from("0000-00-00 00:00:00", (char) => (char === "0" ? 0 : 1));

/** The end of `dddd-dd-dd[ T]dd:dd:dd` with an optional fraction and `Z`, before a space; else NOT_FAST. */
export function timestampEnd(source: Buffer, start: number): number {
  if (source[start + 4] !== DASH || source[start + 7] !== DASH) return NOT_FAST;
  if (source[start + 13] !== COLON || source[start + 16] !== COLON) return NOT_FAST;
  const separator = source[start + 10];
  if (separator !== SPACE && separator !== UPPER_T) return NOT_FAST;
  for (let offset = 0; offset < 19; offset++) {
    if (isDigit[source[start + offset]!] === 0 && isSeparator[offset] === 0) return NOT_FAST;
  }
  let at = start + 19;
  if (source[at] === SPACE) return at;
  if (source[at] === DOT || source[at] === COMMA) {
    do at++;
    while (isDigit[source[at]!] === 1);
    if (isDigit[source[at - 1]!] === 0) return NOT_FAST;
  }
  if (source[at] === UPPER_Z) at++;
  return source[at] === SPACE ? at : NOT_FAST;
}

/** True only if the line starts with a word that no format's first word can be: most stack traces and plain prose. */
export function isSurelyRaw(source: Buffer, start: number): boolean {
  let at = start;
  while (source[at] === SPACE || source[at] === TAB) at++;
  if (source[at]! <= SPACE || source[at] === BRACE) return false;
  for (; source[at]! > SPACE; at++) {
    if (source[at] === DASH || source[at]! >= DELETE) return false;
  }
  return source[at] === SPACE || source[at] === NEWLINE;
}

/** True for a line, without its end, that holds nothing but what the server would skip as blank. */
export function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === SPACE || byte === TAB || byte === RETURN);
}

/** The largest cut of at most `bytesMax` bytes that splits no UTF-8 character; bytes that are no UTF-8 are cut anywhere. */
export function characterCut(source: Buffer, start: number, bytesMax: number): number {
  const cut = start + bytesMax;
  for (let at = cut; at > cut - 4 && at > start; at--) {
    if ((source[at]! & 0xc0) !== 0x80) return at;
  }
  return cut;
}

/** Copies a short run of bytes: for a dozen of them a loop beats a call of `Buffer.copy`. */
export function copyShort(from: Buffer, out: Buffer, outStart: number): number {
  const { length } = from;
  for (let at = 0; at < length; at++) out[outStart + at] = from[at]!;
  return outStart + length;
}

/** Writes a whole number below 2^53 in decimal digits; returns the position behind them. */
export function writeDecimal(value: number, out: Buffer, outStart: number): number {
  // Above 2^31 a division is one of doubles and slow: such numbers are cut in two.
  if (value >= 1e9) {
    const high = Math.floor(value / 1e9);
    const to = writeDecimal(high, out, outStart);
    writeDigits(value - high * 1e9, out, to, 9);
    return to + 9;
  }
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  writeDigits(value, out, outStart, digits);
  return outStart + digits;
}

function writeDigits(value: number, out: Buffer, outStart: number, digits: number): void {
  let rest = value | 0;
  for (let at = outStart + digits - 1; at >= outStart; at--) {
    const tens = (rest / 10) | 0;
    out[at] = 48 + rest - tens * 10;
    rest = tens;
  }
}
