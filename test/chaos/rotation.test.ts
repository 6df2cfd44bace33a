// Rotation as it is met in the wild, each case by itself; `random.test.ts` mixes them.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chaosTest } from "../support/chaos-test.ts";

describe("a file that is renamed", () => {
  test("and created anew at once, again and again under a running client", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 8; turn++) {
      app.append(50);
      app.rotate();
      app.append(5);
      if (turn % 2 === 0) await rig.deliver();
    }
    await expectExactlyOnce();
  });

  test("and created only later, with the rest unread when it went", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 4; turn++) {
      app.append(50);
      app.rotate({ create: false });
      await rig.deliver();
      app.append(5);
    }
    await expectExactlyOnce();
  });

  test("twice before anybody looks, with a delay before the file comes back", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 5; turn++) {
      app.rotate();
      app.append(7);
      app.rotate({ create: false });
      await rig.deliver(rig.model.lives.slice(0, 1));
      app.append(3);
    }
    await expectExactlyOnce();
  });

  test.each([
    ["renamed", false, true],
    ["renamed and compressed", true, true],
    ["renamed and compressed, its time lost", true, false],
  ])("several times while the client is down: %s", async (_name, compress, keepTime) => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.stopClient();
    for (let turn = 0; turn < 4; turn++) {
      app.append(20);
      app.rotate();
      if (compress) app.gzip({ keepTime });
    }
    app.append(20);
    await expectExactlyOnce();
  });

  test("while the client is down, and the file comes back only after its start", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.killClient();
    app.append(10);
    app.rotate();
    app.append(10);
    app.rotate({ create: false });
    await rig.deliver(rig.model.lives.slice(0, 1));
    app.append(10);
    await expectExactlyOnce();
  });

  test("while the client is down, having been empty when it stopped", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    const other = file("other.log");
    app.append(10);
    await rig.deliver();
    app.rotate();
    other.append(1);
    await rig.deliver();
    await rig.stopClient();
    app.append(10);
    app.rotate();
    app.append(10);
    await expectExactlyOnce();
  });

  test("several times while the server is away", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.killServer();
    for (let turn = 0; turn < 4; turn++) {
      app.append(300);
      app.rotate();
      if (turn > 1) app.gzip();
    }
    app.append(20);
    await expectExactlyOnce();
  });

  test("with more unread than the window holds, while the server is away, and the client is killed too", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--window-bytes", "10000"] });
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.killServer();
    for (let turn = 0; turn < 3; turn++) {
      app.append(100, 5);
      app.rotate();
    }
    await rig.killClient();
    app.rotate();
    app.gzip();
    await expectExactlyOnce();
  });

  test("and written on by a program that has not noticed", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    app.rotate({ keepWriter: true });
    app.append(5);
    await rig.deliver();
    app.appendLate(10);
    await rig.deliver();
    await rig.killClient();
    app.appendLate(10);
    await expectExactlyOnce();
  });
});

test("a file of its own whose name looks like a rotated one's, and files that other programs leave there", async () => {
  const { rig, file, expectExactlyOnce } = await chaosTest();
  const [app, other] = [file("app.log"), file("app-1.log")];
  app.append(10);
  other.append(10);
  await rig.deliver();
  await rig.stopClient();
  app.append(10);
  app.rotate();
  app.append(10);
  other.append(10);
  for (const name of ["app.log.offset", "app.log.lock", ".app.log.swp"])
    writeFileSync(join(rig.logsDir, name), "no line of a log\n");
  await expectExactlyOnce();
});

test("an empty file that is rotated before anybody looks, then written by a program that has not noticed", async () => {
  const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
  const app = file("app.log");
  app.append(10);
  await rig.deliver();
  app.rotate();
  app.rotate({ keepWriter: true });
  app.append(5);
  await rig.deliver();
  app.appendLate(5);
  await rig.deliver();
  await expectExactlyOnce();
});

test("a client that was down for long: what came and went meanwhile is found", async () => {
  const { rig, file, expectExactlyOnce } = await chaosTest();
  const app = file("app.log");
  app.append(10);
  await rig.deliver();
  await rig.stopClient();
  const path = join(rig.stateDir, "checkpoint.json");
  const longAgo = (text: string): string =>
    text.replace(/"seenMs":(\d+)/g, (_, ms) => `"seenMs":${ms - 7_200_000}`);
  writeFileSync(path, longAgo(readFileSync(path, "utf8")));
  app.append(10);
  app.rotate();
  app.append(10);
  app.rotate({ create: false });
  await expectExactlyOnce();
});

describe("a half line at the moment of rotation", () => {
  test("is shipped, and what comes after it continues it", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--watch", "poll"] });
    const app = file("app.log");
    app.append(10);
    const life = app.half();
    await rig.deliver();
    app.rotate({ keepWriter: true });
    app.append(5);
    const half = (): string | undefined => [...rig.reader.streams.values()][0]?.[10]?.text;
    expect(await rig.until(() => half() === life.tail)).toBe(true);
    app.finishLate();
    await expectExactlyOnce();
  });

  test("is finished before the client comes back", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    app.half();
    await rig.deliver();
    await rig.killClient();
    app.rotate({ keepWriter: true });
    app.finishLate();
    app.append(5);
    await expectExactlyOnce();
  });
});

describe("a file that is copied and truncated", () => {
  test("with the rest unread: it is read from the copy", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 5; turn++) {
      app.append(500);
      app.copyTruncate();
      app.append(3);
      await rig.deliver();
    }
    await expectExactlyOnce();
  });

  test.each(["app.log*", "*"])("under a pattern that matches the copies too: %s", async (pattern) => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ patterns: [pattern] });
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    for (let turn = 0; turn < 3; turn++) {
      app.append(200);
      app.copyTruncate();
      app.append(3);
      await rig.deliver();
    }
    await rig.stopClient();
    app.append(10);
    app.copyTruncate();
    app.append(3);
    await expectExactlyOnce();
  });

  test("while the client is down, then compressed", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.killClient();
    app.append(10);
    app.copyTruncate();
    app.gzip();
    app.append(30);
    await expectExactlyOnce();
  });

  test("twice while the client is down", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    await rig.killClient();
    for (let turn = 0; turn < 3; turn++) {
      app.append(10);
      app.copyTruncate();
    }
    app.append(5);
    await expectExactlyOnce();
  });

  test("and then renamed away, before anybody looks", async () => {
    const { rig, file, expectExactlyOnce } = await chaosTest();
    const app = file("app.log");
    app.append(10);
    await rig.deliver();
    app.append(300);
    app.copyTruncate();
    app.append(3);
    app.rotate({ create: false });
    await rig.deliver();
    await expectExactlyOnce();
  });
});
