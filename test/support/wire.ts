import { gzipSync } from "node:zlib";

/** A valid event line with its `\n`. */
export function eventLine(message: string | number): string {
  return `{"level":"INFO","message":"${message}"}\n`;
}

/** A length prefix and a payload. The length can be a lie. */
export function framed(payload: Buffer, length: number = payload.length): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return Buffer.concat([prefix, payload]);
}

/** A gzip frame of the text. */
export function gzipFrame(text: string | Buffer): Buffer {
  return framed(gzipSync(text));
}

export const OK = '{"status": "ok", "message": "received"}\n';
export const DUPLICATE = '{"status": "ok", "message": "duplicate"}\n';
export const INVALID_JSON = '{"status": "error", "message": "invalid JSON"}\n';
export const MISSING_FIELDS = '{"status": "error", "message": "missing required fields: level, message"}\n';

/** Any other error ack. */
export function errorAckText(reason: string): string {
  return `{"status": "error", "message": "${reason}"}\n`;
}
