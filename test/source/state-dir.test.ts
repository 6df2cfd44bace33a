import { readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeFileSystem } from "../../src/disk/file-system.ts";
import type { Checkpoint } from "../../src/source/checkpoint.ts";
import { CHECKPOINT, PREVIOUS_CHECKPOINT, StateDirectory } from "../../src/source/state-dir.ts";
import { FaultyFileSystem } from "../support/faulty-file-system.ts";
import { temporaryDirectory } from "../support/server.ts";

function checkpoint(offset: number): Checkpoint {
  const file = {
    path: "/var/log/app.log",
    family: "/var/log/app.log",
    stream: "AbCdEfGhIjKlMnOp",
    start: 0,
    offset,
    isInLine: false,
    isRotated: false,
    inode: "1:2",
    seenMs: 1,
    head: { bytes: 0, sha256: "" },
    tail: { bytes: 0, sha256: "" },
  };
  return { destination: "localhost:9000", files: [file] };
}

async function openState(
  folder: string,
  fileSystem = nodeFileSystem,
): Promise<{
  state: StateDirectory;
  loaded: Checkpoint | undefined;
  messages: string[];
}> {
  const messages: string[] = [];
  const state = new StateDirectory(folder, fileSystem, (level, message) =>
    messages.push(`${level}: ${message}`),
  );
  onTestFinished(() => state.close());
  return { state, loaded: await state.open(), messages };
}

/** A state folder in which two generations were saved. */
async function savedTwice(): Promise<string> {
  const folder = await temporaryDirectory();
  const { state } = await openState(folder);
  await state.save(checkpoint(1));
  await state.save(checkpoint(2));
  await state.close();
  return folder;
}

test("what was saved last is what is read, and one line a file tells it to people", async () => {
  const folder = await savedTwice();
  const { loaded, messages } = await openState(folder);
  expect(loaded).toEqual(checkpoint(2));
  expect(messages).toEqual([]);
  const lines = (await readFile(join(folder, CHECKPOINT), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(JSON.parse(lines[1]!)).toMatchObject({ path: "/var/log/app.log", offset: 2 });
});

test("a folder without a checkpoint is at its first run", async () => {
  expect((await openState(await temporaryDirectory())).loaded).toBeUndefined();
});

describe("a checkpoint that cannot be read", () => {
  test.each([
    ["empty", ""],
    ["cut off", '{"version":1,"destination":"x","files":[{"pa'],
    ["of another version", '{"version":2,"destination":"x","files":[]}'],
    ["without its files", '{"version":1,"destination":"x"}'],
    ["with an offset that is none", JSON.stringify({ version: 1, ...checkpoint(-1) })],
  ])("%s: the one before is used, and that is said", async (_, text) => {
    const folder = await savedTwice();
    await writeFile(join(folder, CHECKPOINT), text);
    const { loaded, messages } = await openState(folder);
    expect(loaded).toEqual(checkpoint(1));
    expect(messages).toEqual([
      expect.stringMatching(
        /^error: .*checkpoint\.json cannot be read \(.+\), it is kept as checkpoint\.json\.damaged$/,
      ),
      expect.stringMatching(/^warn: .*checkpoint\.previous\.json is used instead$/),
    ]);
  });

  test("and no other: files begin anew, and it is no first run", async () => {
    const folder = await savedTwice();
    await writeFile(join(folder, CHECKPOINT), "x");
    await writeFile(join(folder, PREVIOUS_CHECKPOINT), "x");
    const { loaded, messages } = await openState(folder);
    expect(loaded).toEqual({ destination: "", files: [] });
    expect(messages.at(-1)).toMatch(
      /^error: no checkpoint is left: every file is shipped from its beginning/,
    );
  });

  test("missing, as after a crash between two renames: the one before is used", async () => {
    const folder = await savedTwice();
    await unlink(join(folder, CHECKPOINT));
    expect((await openState(folder)).loaded).toEqual(checkpoint(1));
  });
});

test("a damaged checkpoint never takes the place of the one before it", async () => {
  const folder = await savedTwice();
  await writeFile(join(folder, CHECKPOINT), "x");
  const faulty = new FaultyFileSystem();
  const { state } = await openState(folder, faulty);
  faulty.fail("rename", "EIO");
  await expect(state.save(checkpoint(3))).rejects.toMatchObject({ code: "EIO" });
  await state.close();
  expect((await openState(folder)).loaded).toEqual(checkpoint(1));
});

test("one client at a time; the next may when the first has closed", async () => {
  const folder = await temporaryDirectory();
  const { state } = await openState(folder);
  await expect(openState(folder)).rejects.toMatchObject({ code: "ERR_LOCKED", exitCode: 75 });
  await state.close();
  await openState(folder);
});

test("a failed save rejects and leaves the checkpoint before it", async () => {
  const folder = await savedTwice();
  const faulty = new FaultyFileSystem();
  const { state } = await openState(folder, faulty);
  faulty.fail("sync", "EIO");
  await expect(state.save(checkpoint(3))).rejects.toMatchObject({ code: "EIO" });
  faulty.mend();
  await state.close();
  const { state: next, loaded } = await openState(folder);
  expect(loaded).toEqual(checkpoint(2));
  await next.save(checkpoint(4));
  await next.close();
  expect((await openState(folder)).loaded).toEqual(checkpoint(4));
});
