// The head of a message: which kind it is (docs/protocol.md, "Messages"). Pure, and asked afresh at every message.
// Invariant: the answer depends only on the bytes from the head on, never on how TCP has cut them: while more bytes
// could still change it, it is `more`. Eight bytes are always enough.

/** Bytes of the big-endian length before a frame's payload. */
export const FRAME_PREFIX_BYTES = 4;

/** The kinds of message heads; anything else is the reason why the stream cannot be followed any further. */
export type MessageHead = "more" | "plain" | "frame" | { readonly unframeable: string };

const LF = 0x0a;
const GZIP_MAGIC = [0x1f, 0x8b] as const;
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;

/** Tells the kind of the message whose first bytes are `bytes[pos, end)`. A `frame` has its length and magic checked. */
export function classifyHead(bytes: Buffer, pos: number, end: number, frameBytesMax: number): MessageHead {
  if (pos === end) return "more";
  return bytes[pos]! <= 0x01
    ? classifyFrame(bytes, pos, end, frameBytesMax)
    : classifyPlain(bytes, pos, end, frameBytesMax);
}

/** Whether a frame's payload is zstd; it is gzip otherwise. */
export function isZstd(payload: Buffer): boolean {
  return payload[0] === ZSTD_MAGIC[0];
}

function classifyPlain(bytes: Buffer, pos: number, end: number, frameBytesMax: number): MessageHead {
  const magicAt = pos + FRAME_PREFIX_BYTES;
  for (let at = pos; at < magicAt; at++) {
    if (at === end) return "more";
    if (bytes[at] === LF) return "plain";
  }
  const gzip = matchMagic(GZIP_MAGIC, bytes, magicAt, end);
  if (gzip === "yes") return tooLong(bytes.readUInt32BE(pos), frameBytesMax);
  return gzip === "no" ? "plain" : "more";
}

function classifyFrame(bytes: Buffer, pos: number, end: number, frameBytesMax: number): MessageHead {
  const payload = pos + FRAME_PREFIX_BYTES;
  if (end < payload) return "more";
  const length = bytes.readUInt32BE(pos);
  if (length > frameBytesMax) return tooLong(length, frameBytesMax);
  const known = Math.min(end, payload + length);
  const gzip = matchMagic(GZIP_MAGIC, bytes, payload, known);
  const zstd = matchMagic(ZSTD_MAGIC, bytes, payload, known);
  if (gzip === "yes" || zstd === "yes") return "frame";
  const canBeGzip = gzip === "maybe" && length >= GZIP_MAGIC.length;
  const canBeZstd = zstd === "maybe" && length >= ZSTD_MAGIC.length;
  if (canBeGzip || canBeZstd) return "more";
  return { unframeable: "a length prefix must be followed by gzip or zstd data" };
}

function matchMagic(
  magic: readonly number[],
  bytes: Buffer,
  pos: number,
  end: number,
): "yes" | "no" | "maybe" {
  for (let index = 0; index < magic.length; index++) {
    if (pos + index === end) return "maybe";
    if (bytes[pos + index] !== magic[index]) return "no";
  }
  return "yes";
}

function tooLong(length: number, frameBytesMax: number): MessageHead {
  return { unframeable: `frame of ${length} bytes exceeds ${frameBytesMax} bytes` };
}
