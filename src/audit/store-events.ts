// Reads what the servers and the client keep: the segments of stores, and the dead letters.

import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import { segmentName, segmentNumbers } from "../server/segment.ts";
import type { EventScanner } from "./event-scanner.ts";
import { lineBlocks } from "./line-blocks.ts";

/** The segment files of stores. Rejects with a `LogshipError` (66) if a folder is no store. */
export async function segmentsOf(stores: readonly string[]): Promise<string[]> {
  const segments: string[] = [];
  for (const store of new Set(stores.map((path) => resolve(path)))) {
    const numbers = await readdir(store).then(segmentNumbers, (error) => {
      throw noStore(`cannot read the store ${store}: ${describeSystemError(error)}`, error);
    });
    if (numbers.length === 0)
      throw noStore(`${store} is no store: no segment such as ${segmentName(1)} is in it`);
    segments.push(...numbers.map((number) => join(store, segmentName(number))));
  }
  return segments;
}

/** Shows every event of the segments to a scanner. A segment that is gone by now had reached the end of its time. */
export async function scanSegments(segments: readonly string[], scanner: EventScanner): Promise<void> {
  for (const path of segments) {
    try {
      for await (const block of lineBlocks(path)) scanner.scan(block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw noStore(`cannot read ${path}: ${describeSystemError(error)}`, error);
    }
  }
}

const eventHead = Buffer.from(',"event":');
const recordEnd = Buffer.from("}\n");

/** Shows every refused event to a scanner; there may be none. */
export async function scanDeadLetters(path: string, scanner: EventScanner): Promise<void> {
  try {
    for await (const block of lineBlocks(path)) {
      for (let start = 0; start < block.length; ) {
        const end = block.indexOf(10, start) + 1;
        // No quote inside the reason is a bare one, so the first match is the field.
        const head = block.indexOf(eventHead, start);
        if (head >= 0 && head < end) {
          const event = block.subarray(head + eventHead.length, end - recordEnd.length);
          scanner.scan(Buffer.concat([event, Buffer.from("\n")]));
        }
        start = end;
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw noStore(`cannot read ${path}: ${describeSystemError(error)}`, error);
  }
}

function noStore(message: string, cause?: unknown): LogshipError {
  return new LogshipError("ERR_NO_INPUT", EXIT.noInput, message, { cause });
}
