import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lineBlocks } from "../../src/audit/line-blocks.ts";
import { temporaryDirectory } from "../support/server.ts";

async function blocksOf(content: string): Promise<string[]> {
  const path = join(await temporaryDirectory(), "file");
  await writeFile(path, content);
  const blocks: string[] = [];
  for await (const block of lineBlocks(path)) blocks.push(block.toString());
  return blocks;
}

test.each<[string, string]>([
  ["nothing", ""],
  ["one line", "one\n"],
  ["lines without anything", "\n\n\n"],
  ["lines over several blocks", "a line of some length\n".repeat(500_000)],
  ["lines longer than a block", `${"x".repeat(5_000_000)}\nshort\n${"y".repeat(9_000_000)}\n`],
])("%s: whole lines, all of them, in order", async (_name, content) => {
  const blocks = await blocksOf(content);
  expect(blocks.join("") === content).toBe(true);
  for (const block of blocks) expect(block.endsWith("\n")).toBe(true);
});

test.each(["half", "one\nhalf", `one\n${"x".repeat(3_000_000)}`])(
  "what has no end is left out",
  async (content) => {
    expect((await blocksOf(content)).join("")).toBe(content.slice(0, content.lastIndexOf("\n") + 1));
  },
);
