// Reads a segment for event ids, in blocks. Invariant: after each block the marks cover the store up to the end of the
// last whole line read, no further. A line's id is at its end, so a line needs not be held whole.

import type { OpenFile } from "../disk/file-system.ts";
import { EVENT_ID_BYTES_MAX } from "../protocol/event-id.ts";
import { DuplicateCheck } from "./dedupe.ts";
import type { MarkTable } from "./marks.ts";

const LF = 0x0a;
const BLOCK_BYTES = 1024 * 1024;

export class MarkScanner {
  readonly #marks: MarkTable;
  readonly #check: DuplicateCheck;
  /** The end of the block before, then a block. */
  readonly #buffer: Buffer = Buffer.allocUnsafe(EVENT_ID_BYTES_MAX + BLOCK_BYTES);

  constructor(marks: MarkTable) {
    this.#marks = marks;
    this.#check = new DuplicateCheck(marks);
  }

  /** Reads a segment from `offset`, where a line starts, to its end; tells how many bytes each block had. */
  async scan(
    file: OpenFile,
    segment: number,
    offset: number,
    progress: (bytes: number) => void,
  ): Promise<void> {
    let kept = 0;
    for (let end = offset; ; ) {
      const read = await file.read(this.#buffer.subarray(kept, kept + BLOCK_BYTES), end);
      if (read === 0) return;
      end += read;
      const region = this.#buffer.subarray(0, kept + read);
      this.#scanRegion(region, kept, segment, end);
      kept = Math.min(region.length, EVENT_ID_BYTES_MAX);
      region.copyWithin(0, region.length - kept);
      progress(read);
    }
  }

  /** Looks at the lines that end from `from` on in a region that ends at `end` in its segment. */
  #scanRegion(region: Buffer, from: number, segment: number, end: number): void {
    let lastEnd = -1;
    this.#check.begin(region);
    for (let at = region.indexOf(LF, from); at !== -1; at = region.indexOf(LF, at + 1)) {
      this.#check.isDuplicate(at);
      lastEnd = at;
    }
    const advances = this.#check.end();
    if (lastEnd === -1) return;
    this.#marks.append(advances);
    this.#marks.commit(advances, { segment, offset: end - region.length + lastEnd + 1 });
  }
}
