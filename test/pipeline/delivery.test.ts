import { describe, expect, onTestFinished, test } from "vitest";
import type { Batch } from "../../src/pipeline/batch.ts";
import { BatchQueue } from "../../src/pipeline/batch-queue.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import type { DeliveryHandler, Destination, Link } from "../../src/pipeline/interfaces.ts";
import { until } from "../support/server.ts";

/** A connection that a test plays: it notes what is sent, and reports what the test says. */
interface FakeLink {
  readonly patience: number;
  readonly sent: string[];
  readonly handler: DeliveryHandler;
}

interface Setup {
  readonly delivery: Delivery;
  readonly links: FakeLink[];
  /** What the delivery told its owner, in order. */
  readonly told: string[];
  readonly run: Promise<void>;
  push(...events: number[]): void;
  nextLink(): Promise<FakeLink>;
}

/** A delivery with a window of 1000 bytes that has three attempts and waits for nothing between them. */
function setUp({ attemptsMax = 3, isReachable = true } = {}): Setup {
  const links: FakeLink[] = [];
  const told: string[] = [];
  const queue = new BatchQueue();
  const destination: Destination = {
    name: "there:1",
    async connect(handler, patience): Promise<Link> {
      if (!isReachable) throw new Error("unreachable");
      const sent: string[] = [];
      links.push({ patience, sent, handler });
      const send = (batch: Batch, from: number): void => void sent.push(`${batch.start} from ${from}`);
      return { name: "there:1", send, close: async () => {}, destroy: () => {} };
    },
  };
  const delivery = new Delivery(
    queue,
    destination,
    { add: (event, reason) => void told.push(`dead ${event}: ${reason}`), flush: async () => {} },
    { backoff: { baseMs: 0, maxMs: 0, jitter: 0 }, attemptsMax, windowBytes: 1000 },
    {
      delivered: (events) => told.push(`delivered ${events}`),
      duplicate: (events) => told.push(`duplicate ${events}`),
      refused: (events) => told.push(`refused ${events}`),
      settled: (batch) => told.push(`settled ${batch.start}`),
      answered: () => {},
      connected: () => told.push("connected"),
      failed: (error, attempt, waitMs) => told.push(`failed ${attempt}, next ${waitMs}: ${error.message}`),
    },
  );
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const run = delivery.run(abort.signal);
  let batches = 0;
  const push = (...counts: number[]): void => {
    for (const count of counts) {
      const bytes = Buffer.from("x".repeat(99).concat("\n").repeat(count));
      queue.push({ bytes, count, start: batches++, end: 0, release: () => {}, drop: () => {} });
      delivery.notify();
    }
  };
  let seen = 0;
  const nextLink = async (): Promise<FakeLink> => {
    await until(() => links.length > seen);
    return links[seen++]!;
  };
  return { delivery, links, told, run, push, nextLink };
}

describe("the window", () => {
  test("bounds the bytes in flight; each batch that is acked makes room for the next", async () => {
    const { push, nextLink } = setUp();
    push(4, 4, 4, 3);
    const { sent, handler } = await nextLink();
    expect(sent).toEqual(["0 from 0", "1 from 0"]);
    handler.delivered(3);
    expect(sent).toHaveLength(2);
    handler.delivered(1);
    expect(sent).toEqual(["0 from 0", "1 from 0", "2 from 0"]);
    handler.delivered(4);
    expect(sent).toHaveLength(4);
  });

  test("a batch that is larger goes alone", async () => {
    const { push, nextLink } = setUp();
    push(1, 12, 1);
    const { sent, handler } = await nextLink();
    expect(sent).toEqual(["0 from 0"]);
    handler.delivered(1);
    expect(sent).toEqual(["0 from 0", "1 from 0"]);
    handler.delivered(12);
    expect(sent).toHaveLength(3);
  });
});

describe("after a lost connection", () => {
  test("it goes on with the first event that is not settled, at once if there was progress", async () => {
    const { push, nextLink, told, delivery, run } = setUp();
    push(4, 4);
    const first = await nextLink();
    first.handler.delivered(5);
    first.handler.down(new Error("cut"));
    const second = await nextLink();
    expect(second.sent).toEqual(["1 from 1"]);
    delivery.end();
    second.handler.duplicate(3);
    await run;
    expect(told).toEqual([
      "connected",
      "delivered 5",
      "settled 0",
      "failed 0, next 0: cut",
      "connected",
      "duplicate 3",
      "settled 1",
    ]);
  });

  test("one that ends with nothing under way is no failure, and is made again only when there is work", async () => {
    const { push, nextLink, told, links } = setUp();
    push(1);
    const first = await nextLink();
    first.handler.delivered(1);
    told.length = 0;
    first.handler.down(new Error("idle"));
    await new Promise(setImmediate);
    expect(links).toHaveLength(1);
    push(2);
    expect((await nextLink()).sent).toEqual(["1 from 0"]);
    expect(told.filter((line) => !line.startsWith("failed 0"))).toEqual(["connected"]);
  });

  test("patience doubles while there is no progress, and starts anew after some", async () => {
    const { push, nextLink, told } = setUp();
    push(4);
    const patience: number[] = [];
    for (const acked of [0, 0, 1, 0, 0]) {
      const { handler, patience: given } = await nextLink();
      patience.push(given);
      if (acked > 0) handler.delivered(acked);
      handler.down(new Error("cut"));
    }
    patience.push((await nextLink()).patience);
    expect(patience).toEqual([1, 2, 4, 1, 2, 4]);
    expect(told.filter((line) => line.startsWith("failed"))).toEqual([
      "failed 1, next 0: cut",
      "failed 2, next 0: cut",
      "failed 0, next 0: cut",
      "failed 1, next 0: cut",
      "failed 2, next 0: cut",
    ]);
  });
});

test("patience has a limit", async () => {
  const { push, nextLink } = setUp({ attemptsMax: 10 });
  push(1);
  const patience: number[] = [];
  for (let attempt = 0; attempt < 7; attempt++) {
    const link = await nextLink();
    patience.push(link.patience);
    link.handler.down(new Error("cut"));
  }
  expect(patience).toEqual([1, 2, 4, 8, 16, 16, 16]);
});

test("it gives up after so many attempts in a row", async () => {
  const { push, run, told } = setUp({ isReachable: false });
  push(1);
  await expect(run).rejects.toMatchObject({ code: "ERR_DELIVERY", exitCode: 75, message: "unreachable" });
  expect(told).toEqual([
    "failed 1, next 0: unreachable",
    "failed 2, next 0: unreachable",
    "failed 3, next undefined: unreachable",
  ]);
});

test("refused events are counted once they are kept, before their batch is settled, and move no other ack", async () => {
  const { push, nextLink, told, delivery, run } = setUp();
  push(3, 1);
  delivery.end();
  const { handler } = await nextLink();
  told.length = 0;
  handler.delivered(1);
  handler.refused(1, "no");
  handler.delivered(2);
  await run;
  const event = "x".repeat(99);
  expect(told).toEqual([
    "delivered 1",
    `dead ${event}: no`,
    "delivered 2",
    "refused 1",
    "settled 0",
    "settled 1",
  ]);
});

test("an outcome that nothing in flight accounts for is not counted, and the connection is made again", async () => {
  const { push, nextLink, told, delivery, run } = setUp();
  push(2);
  delivery.end();
  const first = await nextLink();
  first.handler.delivered(3);
  const second = await nextLink();
  expect(second.sent).toEqual(["0 from 0"]);
  second.handler.delivered(2);
  await run;
  expect(told).toEqual([
    "connected",
    "failed 1, next 0: there:1 acked more lines than it was sent",
    "connected",
    "delivered 2",
    "settled 0",
  ]);
});
