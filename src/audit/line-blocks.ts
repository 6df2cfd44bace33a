// Reads a file in regions of whole lines. It holds a block, or the longest line if that is longer.

import { open } from "node:fs/promises";

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** A region is overwritten once the next one is asked for. What follows the last newline is left out: it is being written. */
export async function* lineBlocks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    let buffer = Buffer.allocUnsafeSlow(2 * BLOCK_BYTES);
    let kept = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, null);
      if (bytesRead === 0) return;
      const filled = kept + bytesRead;
      const end = buffer.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
      if (end > 0) yield buffer.subarray(0, end);
      buffer.copyWithin(0, end, filled);
      kept = filled - end;
      if (kept === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
    }
  } finally {
    await file.close();
  }
}
