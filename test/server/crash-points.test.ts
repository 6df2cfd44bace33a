// The server is killed at each named point, started again, and sent again what it has not acked.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LogClient } from "../support/log-client.ts";
import { type RunningNode, startNode } from "../support/run-node.ts";
import { readStore, temporaryDirectory } from "../support/server.ts";
import { eventLine, idLine, streamName } from "../support/wire.ts";

const script = join(import.meta.dirname, "../support/crashing-server.js");
const stream = streamName("crash");
const lines = Array.from({ length: 600 }, (_, index) => idLine(stream, index * 70, `line ${index}`));
const CHUNK_LINES = 7;

async function startAt(storeDir: string, crashAt: string): Promise<{ running: RunningNode; port: number }> {
  const running = startNode(script, [], { env: { STORE_DIR: storeDir, CRASH_AT: crashAt } });
  return { running, port: Number((await running.says(/^listening on (\d+)$/m))[1]) };
}

/** Sends lines, some of them ahead of the acks, until all are acked or the connection is gone. Returns how many were. */
async function send(port: number, from: number): Promise<number> {
  const client = await LogClient.to(port);
  const acked = (): number => client.received.split('"status": "ok"').length - 1;
  try {
    for (let at = from; at < lines.length; at += 2 * CHUNK_LINES) {
      client.send(lines.slice(at, at + CHUNK_LINES).join(""));
      await client.acks(at - from);
      client.send(lines.slice(at + CHUNK_LINES, at + 2 * CHUNK_LINES).join(""));
    }
    await client.acks(lines.length - from);
  } catch {
    await client.closed;
  }
  return acked();
}

describe.each([
  "before write of segment",
  "in write of segment",
  "after write of segment",
  "after sync of segment",
  "before write of marks",
  "in write of marks",
  "after write of marks",
  "after sync of marks",
  "before rename of marks",
  "after rename of marks",
])("killed %s", (point) => {
  test.each([1, 3])("the time %d: every line is stored once, in order", async (time) => {
    const storeDir = join(await temporaryDirectory(), "store");
    let acked = 0;
    for (const crashAt of [`${point}:${time}`, `${point}:1`]) {
      const { running, port } = await startAt(storeDir, crashAt);
      acked += await send(port, acked);
      expect(acked).toBeLessThan(lines.length);
      expect((await running.finished).stderr).toContain(`dies at ${point}`);
    }
    const { port } = await startAt(storeDir, "never:0");
    acked += await send(port, acked);
    expect(acked).toBe(lines.length);
    expect(await readStore(storeDir)).toBe(lines.join(""));
  });
});

test("without ids, what was stored and not acked is stored again: the ids make the difference", async () => {
  const storeDir = join(await temporaryDirectory(), "store");
  const { running, port } = await startAt(storeDir, "after sync of segment:1");
  const client = await LogClient.to(port);
  client.send(eventLine("x"));
  await running.finished;
  const again = await startAt(storeDir, "never:0");
  const second = await LogClient.to(again.port);
  second.send(eventLine("x"));
  await second.acks(1);
  expect(await readStore(storeDir)).toBe(eventLine("x") + eventLine("x"));
});
