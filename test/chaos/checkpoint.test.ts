// The checkpoint: damaged, on a disk that fails, and behind what was sent.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chaosTest } from "../support/chaos-test.ts";

const damages: [name: string, (path: string) => void][] = [
  ["empty", (path) => writeFileSync(path, "")],
  ["cut in the middle", (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, -20))],
  ["of zeros", (path) => writeFileSync(path, Buffer.alloc(300))],
  ["of a version to come", (path) => writeFileSync(path, '{"version":99}')],
];

describe.each(damages)("a checkpoint that is %s", (_name, damage) => {
  test("is told, and the one before is used: every line is stored once", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(30);
    await rig.deliver();
    app.append(30);
    await rig.deliver();
    await rig.stopClient();
    damage(join(rig.stateDir, "checkpoint.json"));
    app.append(30);
    const client = rig.startClient();
    await client.says(/checkpoint\.json cannot be read/);
    await client.says(/checkpoint\.previous\.json is used instead/);
    await expectExactlyOnce();
  });

  test("as the one before is: told, and every line is shipped again under new ids", async () => {
    const { rig, file } = await chaosTest();
    const app = file("app.log");
    app.append(30);
    await rig.deliver();
    app.append(30);
    await rig.deliver();
    await rig.stopClient();
    for (const name of ["checkpoint.json", "checkpoint.previous.json"]) damage(join(rig.stateDir, name));
    app.append(30);
    await rig
      .startClient()
      .says(/no checkpoint is left: every file is shipped from its beginning, under new ids/);
    expect(await rig.until(() => rig.reader.events === 60 + 90)).toBe(true);
    app.close();
    const { missing, repeated, disordered, altered } = await rig.finish();
    expect({ missing, repeated, disordered, altered }).toEqual({
      missing: 0,
      repeated: 60,
      disordered: 0,
      altered: 0,
    });
    expect(rig.reader.streams.size).toBe(2);
  });
});

test("a checkpoint that is gone, as a crash between two renames leaves it: the one before is used", async () => {
  const { rig, file, expectExactlyOnce } = await chaosTest();
  const app = file("app.log");
  app.append(30);
  await rig.deliver();
  app.append(30);
  await rig.deliver();
  await rig.stopClient();
  rmSync(join(rig.stateDir, "checkpoint.json"));
  app.append(30);
  await expectExactlyOnce();
});

describe("a state directory that cannot be written for a while", () => {
  test.each(["ENOSPC", "EIO"])(
    "%s: it is told, nothing is sent that could be taken for something else, and it goes on",
    async (error) => {
      const { rig, file, expectExactlyOnce } = await chaosTest();
      const app = file("app.log");
      app.append(30);
      const client = rig.startClient({ call: "write", path: "checkpoint.json.tmp", nth: 2, times: 3, error });
      await rig.until(() => rig.delivered(rig.model.lives[0]!) === 30);
      app.append(30);
      for (let more = 1; more < 4; more++) {
        file(`more-${more}.log`).append(30);
        app.rotate();
        app.append(5);
      }
      await client.says(/the checkpoint in .* cannot be written/);
      await expectExactlyOnce();
    },
  );
});

// Open: the line comes again under the id of its first half, and the server takes it for that.
test("a half line that was shipped by a client that was killed before it could note it, then finished: nothing is lost", async () => {
  const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
  const app = file("app.log");
  app.append(10);
  const life = app.half();
  await rig.deliver();
  app.rotate({ keepWriter: true });
  app.append(5);
  await rig.deliver();
  // The half line is sent once the rotated file has been quiet; the checkpoint after it is never written.
  await rig.stopClient();
  const half = (): boolean => [...rig.reader.streams.values()].flat().some(({ text }) => text === life.tail);
  rig.startClient({ call: "open", path: "checkpoint.json.tmp", nth: 1 });
  await rig.until(() => half() || !rig.client!.isRunning);
  await rig.killClient();
  app.finishLate();
  await expectExactlyOnce();
});
