// Files whose content becomes another under the same name.

import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chaosTest } from "../support/chaos-test.ts";

describe("a file that is truncated and rewritten", () => {
  test.each([
    ["longer, with the same first line", true, true],
    ["longer", true, false],
    ["shorter, with the same first line", false, true],
    ["shorter", false, false],
  ])("%s", async (_name, longer, banner) => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.create({ banner });
    app.append(10);
    await rig.deliver();
    app.rewrite({ longer, banner });
    await rig.deliver();
    await rig.stopClient();
    app.rewrite({ longer, banner });
    await rig.deliver();
    await rig.killServer();
    app.append(10);
    await expectExactlyOnce();
  });
});

describe("a file that is deleted", () => {
  test("and created anew, by chance with the same inode", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.stopClient();
    const { inode } = app;
    // Nobody holds it, so most file systems give the number out again soon.
    for (let attempt = 0; attempt < 200; attempt++) {
      app.remove();
      app.create();
      if (app.inode === inode) break;
    }
    app.append(200);
    await expectExactlyOnce();
  });

  test("with lines unread, while the client has it open", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    rig.startClient();
    await rig.deliver();
    const life = app.append(1);
    await rig.deliver();
    expect(rig.isHeld(life)).toBe(true);
    await rig.killServer();
    app.append(1000);
    app.remove({ keepWriter: true });
    app.appendLate(10);
    app.append(5);
    await expectExactlyOnce();
  });
});

describe("a symbolic link", () => {
  test("that is pointed elsewhere, with lines unread in what it pointed to", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
    await mkdir(join(rig.directory, "targets"));
    const link = file("link.log", "targets");
    link.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 3; turn++) {
      const life = link.append(5);
      await rig.deliver();
      expect(rig.isHeld(life)).toBe(true);
      link.append(100);
      link.repoint();
      link.append(5);
    }
    await expectExactlyOnce();
  });

  test("that is pointed elsewhere while the client is down: what nobody can find any more is told", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
    await mkdir(join(rig.directory, "targets"));
    const link = file("link.log", "targets");
    link.append(10);
    await rig.deliver();
    await rig.stopClient();
    const offset = statSync(link.path).size;
    const life = link.append(10);
    link.repoint();
    life.linesRequiredMax = 10;
    link.append(5);
    await rig
      .startClient()
      .says(new RegExp(`link.log was replaced; what it held behind byte ${offset} is not found`));
    await expectExactlyOnce({ destroyed: 10 });
  });

  test("and a hard link and the file itself, all matched by the pattern, are one file", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    app.linkAs("also.log", "also-hard.log");
    expect(statSync(join(rig.logsDir, "also.log")).ino).toBe(Number(app.inode));
    await rig.deliver();
    app.append(10);
    await rig.deliver();
    await rig.stopClient();
    app.append(10);
    await expectExactlyOnce();
  });
});
