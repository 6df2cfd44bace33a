// The acks of the wire contract (docs/protocol.md, "Acks"), byte for byte as existing clients expect them.

/** Sent for a line that was stored. */
export const ACK_RECEIVED: Buffer = Buffer.from('{"status": "ok", "message": "received"}\n');
/** Sent for a line whose event was stored before. */
export const ACK_DUPLICATE: Buffer = Buffer.from('{"status": "ok", "message": "duplicate"}\n');
/** Sent for a line that is not UTF-8, not JSON, or JSON but no object. */
export const ACK_INVALID_JSON: Buffer = Buffer.from('{"status": "error", "message": "invalid JSON"}\n');
/** Sent for an object without a string `level` or a string `message`. */
export const ACK_MISSING_FIELDS: Buffer = Buffer.from(
  '{"status": "error", "message": "missing required fields: level, message"}\n',
);

/** The prefix of the one error ack that answers a whole frame. */
export const DECOMPRESSION_FAILED = "decompression failed: ";

/** An error ack with any other reason. The reason must not hold line breaks; JSON escapes the rest. */
export function errorAck(reason: string): Buffer {
  return Buffer.from(`{"status": "error", "message": ${JSON.stringify(reason)}}\n`);
}

/** The one error ack for a frame that cannot be taken. */
export function decompressionFailedAck(reason: string): Buffer {
  return errorAck(DECOMPRESSION_FAILED + reason);
}

/** The error ack for a plain line, or a line in a frame, that is longer than the server takes. */
export function lineTooLongAck(eventBytesMax: number): Buffer {
  return errorAck(`line exceeds ${eventBytesMax} bytes`);
}
