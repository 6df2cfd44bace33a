// The hot kernel of the event check: a byte scan that recognises the usual shape of an event, a flat JSON object of
// strings, numbers, true, false and null, without white space, with one string level and one string message.
// Invariants: what it recognises is valid JSON of that shape, given valid UTF-8; it never passes a `\n`, which no token
// may hold. Each function returns the position after what it read, or `~pos` (negative) where it gave up.

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const LEVEL = 1;
const MESSAGE = 2;
const BOTH = 3;

// Four bytes read as one little-endian number.
const LEVE = word("leve");
const MESS = word("mess");
const SAGE = word("sage");
const TRUE = word("true");
const ALSE = word("alse");
const NULL = word("null");

/** The bytes that may follow a backslash, `u` apart. */
const SIMPLE_ESCAPE = new Uint8Array(256);
for (const char of '"\\/bfnrt') SIMPLE_ESCAPE[char.charCodeAt(0)] = 1;

const HEX_DIGIT = new Uint8Array(256);
for (const char of "0123456789abcdefABCDEF") HEX_DIGIT[char.charCodeAt(0)] = 1;

/** Scans the event that starts at `pos`. `view` covers the same bytes. Returns the position after its `}`, or `~pos`. */
export function scanEvent(bytes: Uint8Array, view: DataView, start: number): number {
  if (bytes[start] !== OPEN_BRACE) return ~start;
  let pos = start;
  let seen = 0;
  do {
    const key = pos + 2;
    if (bytes[pos + 1] !== QUOTE) return ~pos;
    const field = wantedField(bytes, view, key);
    pos = field === 0 ? scanKey(bytes, key) : field === LEVEL ? key + 6 : key + 8;
    if (pos < 0) return pos;
    if (bytes[pos] !== COLON) return ~pos;
    pos++;
    if (bytes[pos] === QUOTE) {
      seen |= field;
      pos = scanString(bytes, view, pos + 1);
    } else {
      if (field !== 0) return ~pos;
      pos = scanScalar(bytes, view, pos);
    }
    if (pos < 0) return pos;
  } while (bytes[pos] === COMMA);
  return bytes[pos] === CLOSE_BRACE && seen === BOTH ? pos + 1 : ~pos;
}

/** Which of the wanted keys stands at `pos` with its closing quote, 0 for none. */
function wantedField(bytes: Uint8Array, view: DataView, pos: number): number {
  if (pos + 8 > bytes.length) return 0;
  const first = view.getInt32(pos, true);
  if (first === LEVE) return bytes[pos + 4] === 0x6c && bytes[pos + 5] === QUOTE ? LEVEL : 0;
  if (first === MESS) return view.getInt32(pos + 3, true) === SAGE && bytes[pos + 7] === QUOTE ? MESSAGE : 0;
  return 0;
}

/** A key other than the wanted ones, without escapes: an escaped one might spell a wanted one. */
function scanKey(bytes: Uint8Array, start: number): number {
  let pos = start;
  while (pos < bytes.length) {
    const byte = bytes[pos]!;
    if (byte === QUOTE) return pos + 1;
    if (byte === BACKSLASH || byte < 0x20) return ~pos;
    pos++;
  }
  return ~pos;
}

/** The rest of a string whose opening quote has been read. */
function scanString(bytes: Uint8Array, view: DataView, start: number): number {
  let pos = start;
  for (;;) {
    pos = findSpecial(bytes, view, pos);
    const byte = bytes[pos];
    if (byte === QUOTE) return pos + 1;
    if (byte !== BACKSLASH) return ~pos;
    const escaped = bytes[pos + 1]!;
    if (SIMPLE_ESCAPE[escaped] === 1) pos += 2;
    else if (escaped === LOWER_U && isHex4(bytes, pos + 2)) pos += 6;
    else return ~pos;
  }
}

/** The position of the first quote, backslash or control character from `pos` on, or the end. Eight bytes a step. */
function findSpecial(bytes: Uint8Array, view: DataView, start: number): number {
  let pos = start;
  const last = bytes.length - 8;
  while (pos <= last) {
    const low = specials(view.getInt32(pos, true));
    const high = specials(view.getInt32(pos + 4, true));
    if ((low | high) !== 0) return low !== 0 ? pos + firstByte(low) : pos + 4 + firstByte(high);
    pos += 8;
  }
  while (pos < bytes.length) {
    const byte = bytes[pos]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return pos;
    pos++;
  }
  return pos;
}

/** The top bit of each special byte among the four; those above the first may be wrong, which is why only it counts. */
function specials(four: number): number {
  const quoteOrControl = four ^ 0x02020202; // a quote becomes 0x20, so both are below 0x21 and nothing else is
  const backslash = four ^ 0x5c5c5c5c;
  return (
    (((quoteOrControl - 0x21212121) & ~quoteOrControl) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080
  );
}

function firstByte(tops: number): number {
  return (31 - Math.clz32(tops & -tops)) >> 3;
}

function isHex4(bytes: Uint8Array, pos: number): boolean {
  if (pos + 4 > bytes.length) return false;
  return (
    HEX_DIGIT[bytes[pos]!]! +
      HEX_DIGIT[bytes[pos + 1]!]! +
      HEX_DIGIT[bytes[pos + 2]!]! +
      HEX_DIGIT[bytes[pos + 3]!]! ===
    4
  );
}

function scanScalar(bytes: Uint8Array, view: DataView, pos: number): number {
  const byte = bytes[pos]!;
  if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return scanNumber(bytes, pos);
  if (pos + 5 > bytes.length) return ~pos;
  const first = view.getInt32(pos, true);
  if (first === TRUE || first === NULL) return pos + 4;
  return byte === 0x66 && view.getInt32(pos + 1, true) === ALSE ? pos + 5 : ~pos;
}

function scanNumber(bytes: Uint8Array, start: number): number {
  const whole = bytes[start] === MINUS ? start + 1 : start;
  let pos = skipDigits(bytes, whole);
  if (pos === whole || (bytes[whole] === ZERO && pos > whole + 1)) return ~pos;
  if (bytes[pos] === DOT) {
    const fraction = pos + 1;
    pos = skipDigits(bytes, fraction);
    if (pos === fraction) return ~pos;
  }
  if ((bytes[pos]! | 0x20) === 0x65) {
    const sign = bytes[pos + 1];
    const exponent = sign === PLUS || sign === MINUS ? pos + 2 : pos + 1;
    pos = skipDigits(bytes, exponent);
    if (pos === exponent) return ~pos;
  }
  return pos;
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let pos = start;
  while (pos < bytes.length && bytes[pos]! >= ZERO && bytes[pos]! <= NINE) pos++;
  return pos;
}

function word(four: string): number {
  return Buffer.from(four, "latin1").readInt32LE(0);
}
