import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { listenOn } from "../support/listen.ts";
import { singleBytes } from "../support/random.ts";
import { acksLines, type Script, scriptedServer } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";
import { numberedLines, startShipment } from "../support/shipment.ts";
import { DUPLICATE, errorAckText, INVALID_JSON, MISSING_FIELDS, OK } from "../support/wire.ts";

const numbered = (line: number): object => ({ level: "UNKNOWN", message: `line ${line}` });

/** Answers with these bytes once so many lines, or frames, are there. */
function answers(lines: number, text: string): Script {
  return async (visit) => {
    await visit.lines(lines);
    visit.send(text);
  };
}

function answersFrames(frames: number, text: string): Script {
  return async (visit) => {
    await visit.until(() => visit.frames.length >= frames);
    visit.send(text);
  };
}

test("each ack counts for its line: stored, stored before, refused", async () => {
  const { port } = await scriptedServer(answers(6, OK + DUPLICATE + MISSING_FIELDS + OK + INVALID_JSON + OK));
  const shipment = await startShipment(port, numberedLines(6));
  expect(await shipment.shipper.finished()).toMatchObject({
    sent: 3,
    failed: 2,
    duplicate: 1,
    unacked: 0,
    isComplete: true,
    settledBytes: numberedLines(6).length,
  });
  const kept = await shipment.deadLetters();
  expect(kept).toEqual([
    { time: expect.any(String), reason: "missing required fields: level, message", event: numbered(3) },
    { time: expect.any(String), reason: "invalid JSON", event: numbered(5) },
  ]);
  for (const { time } of kept) expect(new Date(time).toISOString()).toBe(time);
});

test("without refusals there is no dead-letter file", async () => {
  const { port } = await scriptedServer(acksLines);
  const { shipper, stateDir } = await startShipment(port, numberedLines(3));
  await shipper.finished();
  expect(await readdir(stateDir)).not.toContain("dead-letter.ndjson");
});

test("acks that come a byte at a time, and written otherwise, count the same", async () => {
  const acks = `${OK}{"message":"received","status":"ok"}\r\n${MISSING_FIELDS}${DUPLICATE}`;
  const { port } = await scriptedServer(async (visit) => {
    await visit.lines(4);
    for (const byte of singleBytes(Buffer.from(acks))) {
      await new Promise((resolve) => visit.socket.write(byte, resolve));
    }
  });
  const { shipper } = await startShipment(port, numberedLines(4));
  expect(await shipper.finished()).toMatchObject({ sent: 2, failed: 1, duplicate: 1 });
});

describe("a frame that the server cannot inflate", () => {
  const reason = "decompression failed: incorrect data check";

  test("is refused whole, the frames around it are not", async () => {
    const { port } = await scriptedServer(
      answersFrames(3, OK.repeat(3) + errorAckText(reason) + OK.repeat(2)),
    );
    const shipment = await startShipment(port, numberedLines(8), { compress: true, batchSize: 3 });
    expect(await shipment.shipper.finished()).toMatchObject({ sent: 5, failed: 3, isComplete: true });
    expect(await shipment.deadLetters()).toMatchObject(
      [4, 5, 6].map((line) => ({ reason, event: numbered(line) })),
    );
  });

  test("is so only by its first ack: behind others, the reason is that of a line", async () => {
    const { port } = await scriptedServer(answersFrames(1, OK + errorAckText(reason) + OK));
    const { shipper } = await startShipment(port, numberedLines(3), { compress: true });
    expect(await shipper.finished()).toMatchObject({ sent: 2, failed: 1 });
  });

  test("does not exist in plain mode: there it is one line", async () => {
    const { port } = await scriptedServer(answers(3, errorAckText(reason) + OK + OK));
    const { shipper } = await startShipment(port, numberedLines(3));
    expect(await shipper.finished()).toMatchObject({ sent: 2, failed: 1 });
  });
});

describe("more acks than lines", () => {
  test("count for nothing: the lines are sent again on another connection", async () => {
    const server = await scriptedServer(answers(5, OK.repeat(6)), acksLines);
    const { shipper, log } = await startShipment(server.port, numberedLines(5));
    expect(await shipper.finished()).toMatchObject({ sent: 5, failed: 0, connections: 2, isComplete: true });
    expect(log[0]).toContain("acked more lines than it was sent");
    expect(server.visits[1]!.received).toEqual(server.visits[0]!.received);
  });

  test("from a server that always does so end the run, and nothing counts as sent", async () => {
    const { port } = await scriptedServer(answers(5, OK.repeat(6)));
    const { shipper } = await startShipment(port, numberedLines(5));
    await expect(shipper.finished()).rejects.toMatchObject({ exitCode: 75 });
    expect(shipper.stats()).toMatchObject({ sent: 0, unacked: 5, isComplete: false, connections: 5 });
  });

  test("make the refusals behind them count for nothing too", async () => {
    const server = await scriptedServer(answers(3, `${OK.repeat(4)}{"status":"error"}\n`), acksLines);
    const { shipper } = await startShipment(server.port, numberedLines(3));
    expect(await shipper.finished()).toMatchObject({ sent: 3, failed: 0, isComplete: true });
  });

  test("among which one line is refused twice keep it once", async () => {
    const server = await scriptedServer(answersFrames(1, OK.repeat(2) + MISSING_FIELDS.repeat(2)));
    const shipment = await startShipment(server.port, numberedLines(3), { compress: true });
    expect(await shipment.shipper.finished()).toMatchObject({ sent: 2, failed: 1, isComplete: true });
    expect(await shipment.deadLetters()).toMatchObject([{ event: numbered(3) }]);
  });
});

test("what answers and is no log server is named as such, at the first attempt", async () => {
  const http = createHttpServer();
  onTestFinished(() => {
    http.close();
    http.closeAllConnections();
  });
  const port = await listenOn(http);
  const { shipper, log } = await startShipment(port, numberedLines(3));
  await expect(shipper.finished()).rejects.toMatchObject({
    code: "ERR_NOT_A_LOG_SERVER",
    exitCode: 69,
    message: `what answers at 127.0.0.1:${port} is no log server: it said "HTTP/1.1 400 Bad Request"`,
  });
  expect(log).toEqual(["error: Giving up"]);
  expect(shipper.stats()).toMatchObject({ sent: 0, failed: 0, unacked: 3, settledBytes: 0, connections: 1 });
});

test("a file of which the server refuses every line is kept whole", async () => {
  const { port } = await scriptedServer(answers(30_000, MISSING_FIELDS.repeat(30_000)));
  const shipment = await startShipment(port, numberedLines(30_000), { batchSize: 30_000 });
  expect(await shipment.shipper.finished()).toMatchObject({ sent: 0, failed: 30_000, isComplete: true });
  const kept = await shipment.deadLetters();
  expect(kept.map(({ event }) => event)).toEqual(Array.from(kept, (_, index) => numbered(index + 1)));
});

test("where refused lines cannot be kept, the run ends and they count as undelivered", async () => {
  const stateDir = await temporaryDirectory();
  const path = join(stateDir, "dead-letter.ndjson");
  await mkdir(path);
  const { port } = await scriptedServer(answers(3, OK + MISSING_FIELDS + OK));
  const { shipper } = await startShipment(port, numberedLines(3), { stateDir });
  await expect(shipper.finished()).rejects.toMatchObject({
    code: "ERR_DEAD_LETTERS",
    exitCode: 75,
    message: `cannot keep refused lines in ${path}: is a directory (EISDIR); they count as undelivered`,
  });
  const undelivered = { sent: 2, failed: 0, unacked: 1, settledBytes: 0, isComplete: false };
  expect(shipper.stats()).toMatchObject(undelivered);
});

test("where there can be no state folder, nothing is sent", async () => {
  const stateDir = join(await temporaryDirectory(), "state");
  await writeFile(stateDir, "a file, not a folder");
  const server = await scriptedServer(acksLines);
  await expect(startShipment(server.port, numberedLines(3), { stateDir })).rejects.toMatchObject({
    exitCode: 78,
    message: expect.stringContaining(`the state folder ${stateDir} cannot be used: `),
  });
  expect(server.visits).toEqual([]);
});
