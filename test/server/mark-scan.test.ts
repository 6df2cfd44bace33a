import fc from "fast-check";
import { expect, test } from "vitest";
import type { OpenFile } from "../../src/disk/file-system.ts";
import { MarkScanner } from "../../src/server/mark-scan.ts";
import { MarkTable } from "../../src/server/marks.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { seededRandom } from "../support/random.ts";
import { eventLine, idLine, streamName } from "../support/wire.ts";

const streams = ["a", "b", "c"].map(streamName);
const line = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom(...streams), fc.nat(2 ** 40))
      .map(([stream, at]) => idLine(stream, at)),
  },
  fc.constantFrom(
    eventLine("x"),
    "\n",
    idLine(streams[0]!, 2 ** 41).replace("\n", "\r\n"),
    idLine("too short", 5),
  ),
);

/** A file that is read in pieces of any size. */
async function fileOf(text: string, seed: number): Promise<OpenFile> {
  const disk = new MemoryDisk();
  disk.put("file", text);
  const file = await disk.start().open("file");
  const random = seededRandom(seed);
  return {
    ...file,
    read: (target, position) => file.read(target.subarray(0, 1 + Math.floor(random() ** 2 * 150)), position),
  };
}

test("finds the highest sequence of each stream, wherever a read ends, and covers whole lines only", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 20 }),
      fc.nat(),
      fc.boolean(),
      async (lines, seed, isTorn) => {
        const skipped = idLine(streams[0]!, 2 ** 42);
        const text = skipped + lines.join("") + (isTorn ? idLine(streams[1]!, 2 ** 42).trim() : "");
        const marks = new MarkTable(10, { streamsEvicted: 0 }, () => {});
        let bytes = 0;
        await new MarkScanner(marks).scan(await fileOf(text, seed), 3, skipped.length, (read) => {
          bytes += read;
          const { offset } = marks.position;
          const end = text.lastIndexOf("\n", skipped.length + bytes - 1) + 1;
          expect(offset === 0 ? skipped.length : offset).toBe(end);
        });
        expect(bytes).toBe(text.length - skipped.length);
        for (const stream of streams) {
          const own = lines.filter((text) => text.includes(stream) && !text.includes("\r"));
          expect(marks.markOf(stream)).toBe(
            Math.max(-1, ...own.map((text) => Number(/:(\d+)"/.exec(text)![1]))),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});
