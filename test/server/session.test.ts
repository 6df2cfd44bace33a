import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { defaultWireLimits } from "../../src/protocol/limits.ts";
import { Session } from "../../src/server/session.ts";
import { newCounters } from "../../src/server/stats.ts";
import type { Store } from "../../src/server/store.ts";
import { LogClient } from "../support/log-client.ts";
import { eventLine } from "../support/wire.ts";

test("a bug of ours ends the connection, not the server", async () => {
  const log: string[] = [];
  const store = {
    isFull: false,
    append: () => {
      throw new Error("a bug");
    },
  };
  const listener = createServer((socket) => {
    new Session(socket, {
      options: { ...defaultWireLimits, idleTimeoutMs: 1000, unackedBytesMax: 1000, drainTimeoutMs: 1000 },
      counters: newCounters(),
      store: store as unknown as Store,
      stored: () => undefined,
      report: (level, message) => log.push(`${level}: ${message}`),
    });
  });
  onTestFinished(() => void listener.close());
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const client = await LogClient.to((listener.address() as AddressInfo).port);
  client.send(eventLine("x"));
  await client.closed;
  expect(client.received).toBe("");
  expect(log).toEqual(["error: connection closed by an internal error: a bug"]);
});
