/** Puts the length prefix of the wire contract, a big-endian unsigned integer, before a compressed payload. */
export function encodeFrame(payload: Buffer): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(payload.length);
  return Buffer.concat([prefix, payload]);
}
