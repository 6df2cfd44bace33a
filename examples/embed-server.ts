// A log server inside a program, which counts events by level:  node dist/examples/embed-server.js [STORE_DIR]
// It takes a free port, sends two events to itself as any other program could, and ends.

import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createLogServer } from "logship";

const given = process.argv[2];
const storeDir = given ?? (await mkdtemp(join(tmpdir(), "logship-example-")));
const counts = new Map<string, number>();

const server = createLogServer({ port: 0, storeDir });
server.on("log", (level, message) => process.stderr.write(`${level}: ${message}\n`));
server.on("stored", (lines) => {
  for (const line of lines.toString().trimEnd().split("\n")) {
    const { level } = JSON.parse(line) as { level: string };
    counts.set(level, (counts.get(level) ?? 0) + 1);
  }
});

const { host, port } = await server.start();
const socket = connect({ host, port });
socket.end('{"level":"INFO","message":"Ready"}\n{"level":"ERROR","message":"No paper"}\n');
process.stdout.write(await text(socket)); // the acks

await server.stop();
const byLevel = [...counts].map(([level, count]) => `${level}=${count}`).join(" ");
process.stdout.write(`stored ${server.stats().linesStored} lines: ${byLevel}\n`);
if (given === undefined) await rm(storeDir, { recursive: true });
