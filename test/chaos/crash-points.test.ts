// SIGKILL at named points: on both sides, in the middle of whatever they keep on disk or have on the wire.

import { describe, expect, test } from "vitest";
import { chaosTest } from "../support/chaos-test.ts";
import type { Fault } from "../support/fault.ts";

const draft = "checkpoint.json.tmp";

const clientPoints: [name: string, Fault][] = [
  ["before a checkpoint is drafted", { call: "open", path: draft }],
  ["with the draft written and not synced", { call: "write", path: draft, when: "after" }],
  ["with the draft synced", { call: "sync", path: draft, when: "after" }],
  [
    "between the renames of the old checkpoint and of the draft",
    { call: "rename", path: "checkpoint.json.tmp -> " },
  ],
  [
    "with the new checkpoint in place, its folder not synced",
    { call: "rename", path: "checkpoint.json.tmp -> ", when: "after" },
  ],
  ["before lines are sent", { call: "send", path: "tcp" }],
  ["with lines sent", { call: "send", path: "tcp", when: "after" }],
  ["when acks arrive", { call: "ack", path: "tcp" }],
];

// Seen once in some hundred runs on a loaded machine: a run that waits past the time limit; its cause is not known yet.
describe("the client is killed", { retry: 1 }, () => {
  const cases = clientPoints.flatMap(([name, fault]) => [1, 3].map((nth) => ({ name, nth, fault })));
  test.each(cases)("$name, time $nth: every line is stored once", async ({ fault, nth }) => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ clientFlags: ["--batch-size", "10"] });
    file("app.log").append(30);
    const client = rig.startClient({ ...fault, nth });
    // Each new file makes a checkpoint, so that the point is reached.
    for (let more = 1; client.isRunning && more < 10; more++) {
      const life = file(`more-${more}.log`).append(30);
      await rig.until(() => !client.isRunning || rig.delivered(life) === 30);
    }
    expect(await rig.clientDied()).toBe("SIGKILL");
    file("later.log").append(30);
    await expectExactlyOnce();
  });
});

const serverPoints: [name: string, Fault][] = [
  ["before lines are written", { call: "write", path: ".ndjson" }],
  ["with lines written and not synced", { call: "write", path: ".ndjson", when: "after" }],
  ["with lines synced and not acked", { call: "sync", path: ".ndjson", when: "after" }],
  ["before acks are sent", { call: "send", path: "tcp" }],
  ["with acks sent", { call: "send", path: "tcp", when: "after" }],
  ["with a segment begun", { call: "open", path: "0000000002.ndjson", when: "after" }],
  ["before the marks are in place", { call: "rename", path: "marks.json" }],
  ["with the marks in place", { call: "rename", path: "marks.json", when: "after" }],
];

describe("the server is killed", { retry: 1 }, () => {
  test.each(serverPoints)("%s: every line is stored once", async (_name, fault) => {
    const { rig, file, expectExactlyOnce } = await chaosTest({ serverFlags: ["--segment-bytes", "5000"] });
    await rig.stopServer();
    const server = await rig.startServer(fault);
    rig.startClient();
    const app = file("app.log");
    for (let more = 1; server.isRunning && more < 10; more++) {
      const life = app.append(30);
      await rig.until(() => !server.isRunning || rig.delivered(life) === 30 * more);
    }
    expect(await server.ended).toBe("SIGKILL");
    app.append(30);
    await expectExactlyOnce();
  });
});
