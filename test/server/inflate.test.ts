import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { InflateError, inflateFrame } from "../../src/server/inflate.ts";

const MIB = 1024 * 1024;

describe("inflateFrame", () => {
  test.each([0, 1, 16_383, 16_384, 16_385, MIB - 1, MIB, MIB + 1, 3 * MIB])("inflates %i bytes", (length) => {
    const content = Buffer.alloc(length, "a line\n");
    expect(inflateFrame(gzipSync(content), 3 * MIB).equals(content)).toBe(true);
  });

  test("takes just the limit, and not a byte more", () => {
    expect(inflateFrame(gzipSync(Buffer.alloc(1000)), 1000)).toHaveLength(1000);
    expect(() => inflateFrame(gzipSync(Buffer.alloc(1001)), 1000)).toThrow(InflateError);
    const twice = Buffer.concat([gzipSync(Buffer.alloc(600)), gzipSync(Buffer.alloc(600))]);
    expect(() => inflateFrame(twice, 1000)).toThrow("it inflates to more than 1000 bytes");
  });

  test("a short result does not hold on to a long buffer", () => {
    expect(inflateFrame(gzipSync("short"), MIB).buffer.byteLength).toBeLessThan(16_384);
  });
});
