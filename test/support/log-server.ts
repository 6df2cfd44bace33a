import { serverScript } from "./logship.ts";
import { type RunningNode, startNode } from "./run-node.ts";

/** A log server in a process of its own. */
export interface ServerProcess extends RunningNode {
  readonly port: number;
}

/** Starts one, on a free port unless told which, and waits until it listens; it is killed when the test is over. */
export async function startLogServer(storeDir: string, port = 0, ...flags: string[]): Promise<ServerProcess> {
  const args = ["--server-host", "127.0.0.1", "--store-dir", storeDir, "--server-port", `${port}`, ...flags];
  const running = startNode(serverScript, args);
  const [, listeningOn] = await running.says(/^listening on 127\.0\.0\.1:(\d+)$/m);
  return { ...running, port: Number(listeningOn) };
}
