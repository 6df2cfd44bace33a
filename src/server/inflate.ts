// Inflates the payload of one frame, whole and verified (gzip's checksum and length), or says why it cannot be.
// Invariant: the result never exceeds `inflatedBytesMax`, whatever the frame claims to hold, and nothing is allocated
// on the strength of a claim beyond one chunk.

import { gunzipSync, type Zlib } from "node:zlib";
import { isZstd } from "../protocol/message-head.ts";

const CHUNK_BYTES_MIN = 16 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;

/** Deflate cannot do better than this; a claim beyond it is no claim but a damaged frame, and zlib says how. */
const DEFLATE_RATIO_MAX = 1032;

/** The frame is at fault; the message is the reason that its ack gives. */
export class InflateError extends Error {}

/** Inflates a payload that begins with the magic of gzip or zstd. Throws an `InflateError`. */
export function inflateFrame(payload: Buffer, inflatedBytesMax: number): Buffer {
  if (isZstd(payload)) throw new InflateError("zstd is not supported here");
  const claimedBytes = payload.length < 4 ? 0 : payload.readUInt32LE(payload.length - 4);
  const { buffer, engine } = gunzip(payload, claimedBytes, inflatedBytesMax);
  // zlib lets zero padding pass, and would take what follows it for padding too.
  if (payload.subarray(engine.bytesWritten).some((byte) => byte !== 0)) {
    throw new InflateError("there is data after the end of the gzip stream");
  }
  // A short result must not hold on to a long chunk until its lines are on disk.
  return buffer.length * 2 < buffer.buffer.byteLength ? Buffer.from(buffer) : buffer;
}

function gunzip(
  payload: Buffer,
  claimedBytes: number,
  inflatedBytesMax: number,
): { buffer: Buffer; engine: Zlib } {
  const tooLarge = `it inflates to more than ${inflatedBytesMax} bytes`;
  const isPlausible = claimedBytes <= payload.length * DEFLATE_RATIO_MAX;
  if (isPlausible && claimedBytes > inflatedBytesMax) throw new InflateError(tooLarge);
  try {
    const options = {
      // One byte more than is needed, so that zlib sees the end without a second chunk.
      chunkSize: Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES_MAX, claimedBytes + 1)),
      maxOutputLength: inflatedBytesMax,
      info: true,
    };
    return gunzipSync(payload, options) as unknown as { buffer: Buffer; engine: Zlib };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InflateError(code === "ERR_BUFFER_TOO_LARGE" ? tooLarge : message);
  }
}
