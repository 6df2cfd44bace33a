// What one message may cost the server. Every limit is finite, has a default, and an error that names it.

const MIB = 1024 * 1024;

/** The longest frame that the wire can express: the head of a longer one would read as a plain line. */
export const FRAME_BYTES_CEILING: number = 16 * MIB;

/** The limits on one message. */
export interface WireLimits {
  /** Longest NDJSON line, in bytes without its line end. Default 8 MiB. Over it: `line exceeds N bytes`. */
  readonly eventBytesMax: number;
  /** Longest compressed frame payload, in bytes. Default and ceiling 16 MiB. Over it the connection is closed. */
  readonly frameBytesMax: number;
  /** Most bytes that one frame may inflate to. Default 64 MiB. Over it: `decompression failed: …`. */
  readonly inflatedBytesMax: number;
}

export const defaultWireLimits: WireLimits = {
  eventBytesMax: 8 * MIB,
  frameBytesMax: FRAME_BYTES_CEILING,
  inflatedBytesMax: 64 * MIB,
};
