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

/** A valid event line with an id, and its `\n`. */
export function idLine(stream: string, sequence: number | string, message = "m"): string {
  return `{"level":"INFO","message":"${message}","event_id":"${stream}:${sequence}"}\n`;
}

/** The name of a stream that begins so. */
export function streamName(start: string): string {
  return start.padEnd(16, "-");
}
