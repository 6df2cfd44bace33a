/** What stands before a compressed payload in the wire contract: its length, as a big-endian integer of four bytes. */
export function framePrefix(payload: Buffer): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(payload.length);
  return prefix;
}
