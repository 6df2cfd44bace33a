import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { startNode } from "./run-node.ts";
import { until } from "./server.ts";

const listener = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 });
  server.on("listening", () => console.error("port", server.address().port));
`;

/** A port on which no connection comes about: who listens there is stopped, and its queue is full (Linux). */
export async function deafPort(): Promise<number> {
  const { child, says } = startNode("-e", [listener]);
  const port = Number((await says(/^port (\d+)\n/))[1]);
  child.kill("SIGSTOP");
  await until(async () => /\) T /.test(await readFile(`/proc/${child.pid}/stat`, "utf8")));
  for (let queued = 0; queued < 2; queued++) {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
  }
  return port;
}

/** Waits until somebody tries to connect to a deaf port. */
export async function someoneKnocks(port: number): Promise<void> {
  const synSent = new RegExp(` 0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 02 `);
  await until(async () => synSent.test(await readFile("/proc/net/tcp", "utf8")));
}
