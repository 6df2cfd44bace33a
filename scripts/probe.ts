import { connect } from "node:net";
import { describeSystemError } from "../src/errors.ts";

/** What is behind an address, as far as one message tells. */
export type Finding =
  | { readonly found: "log server" }
  | { readonly found: "nothing"; readonly reason: string }
  | { readonly found: "stranger"; readonly reason: string };

const TIMEOUT_MS = 2_000;
const ANSWER_CHARS_MAX = 4_096;

/** Sends an event that lacks everything: a log server refuses it and stores nothing. */
export function probe(host: string, port: number): Promise<Finding> {
  return new Promise((resolve) => {
    let answer = "";
    let connected = false;
    const socket = connect({ host, port });
    const finish = (finding: Finding): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(finding);
    };
    const fail = (reason: string): void => finish({ found: connected ? "stranger" : "nothing", reason });
    const timer = setTimeout(() => fail("no answer within 2 s"), TIMEOUT_MS);

    socket.setEncoding("utf8");
    socket.on("connect", () => {
      connected = true;
      socket.write("{}\n");
    });
    socket.on("data", (text: string) => {
      answer += text;
      if (!answer.includes("\n") && answer.length < ANSWER_CHARS_MAX) return;
      if (isAck(answer.slice(0, answer.indexOf("\n")))) finish({ found: "log server" });
      else fail(`it says ${JSON.stringify(answer.split("\n", 1)[0]?.slice(0, 60))}`);
    });
    const hangUp = (): void => fail("it closes the connection");
    socket.on("end", hangUp);
    // A close that leaves our message unread shows as a reset.
    socket.on("error", (error) => (connected ? hangUp() : fail(describeSystemError(error))));
  });
}

function isAck(line: string): boolean {
  try {
    const ack: unknown = JSON.parse(line);
    if (typeof ack !== "object" || ack === null) return false;
    const { status, message } = ack as Record<string, unknown>;
    return typeof status === "string" && typeof message === "string";
  } catch {
    return false;
  }
}
