import { createServer, type Server, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { listenOn } from "./listen.ts";
import { OK } from "./wire.ts";

/** What a server does with one connection. When the connection closes, what still waits is forgotten. */
export type Script = (visit: Visit) => unknown;

export interface ScriptedServer {
  readonly port: number;
  /** The connections so far, in the order in which they came. */
  readonly visits: readonly Visit[];
  /** Waits until so many connections have come; returns the last of these. */
  visit(count: number): Promise<Visit>;
  /** Takes no further connections, closes those that are open. */
  stop(): void;
}

/** A server that plays the n-th script to the n-th connection, and the last one to all that follow. */
export function scriptedServer(...scripts: Script[]): Promise<ScriptedServer> {
  return scriptedServerAt(0, ...scripts);
}

/** The same on a certain port. */
export async function scriptedServerAt(port: number, ...scripts: Script[]): Promise<ScriptedServer> {
  const visits: Visit[] = [];
  const arrivals = new Bell();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const visit = new Visit(socket);
    visits.push(visit);
    arrivals.ring();
    void scripts[Math.min(visits.length, scripts.length) - 1]!(visit);
  });
  const stop = (): void => {
    server.close();
    for (const visit of visits) visit.socket.destroy();
  };
  onTestFinished(stop);
  const visit = async (count: number): Promise<Visit> => {
    await arrivals.until(() => visits.length >= count);
    return visits[count - 1]!;
  };
  return { port: await listenOn(server, port), visits, visit, stop };
}

/** One connection as a script sees it. */
export class Visit {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** Line ends received so far; in a gzip stream these are meaningless. */
  newlines = 0;
  /** Bytes received so far. */
  bytes = 0;
  /** Set to false by a script that gets more than a test wants to keep. */
  keeps = true;
  #received: Buffer = Buffer.alloc(0);
  readonly #bell = new Bell();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk) => {
      this.bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) this.newlines++;
      if (this.keeps) this.#received = Buffer.concat([this.#received, chunk]);
      this.#bell.ring();
    });
  }

  /** Everything received so far. */
  get received(): Buffer {
    return this.#received;
  }

  /** The texts of the frames that are complete, and nothing but frames. */
  get frames(): string[] {
    const frames: string[] = [];
    const bytes = this.#received;
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      frames.push(gunzipSync(bytes.subarray(at + 4, end)).toString());
      at = end;
    }
    return frames;
  }

  /** Waits until something holds of what was received. */
  until(holds: () => boolean): Promise<void> {
    return this.#bell.until(holds);
  }

  /** Waits for so many complete lines. */
  lines(count: number): Promise<void> {
    return this.until(() => this.newlines >= count);
  }

  ack(lines: number): void {
    this.socket.write(OK.repeat(lines));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Ends the connection at once. */
  cut(): void {
    this.socket.resetAndDestroy();
  }
}

/** Acks every line as soon as it is there. */
export async function acksLines(visit: Visit): Promise<never> {
  for (let acked = 0; ; ) {
    await visit.lines(acked + 1);
    visit.ack(visit.newlines - acked);
    acked = visit.newlines;
  }
}

/** Acks every line of every frame as soon as the frame is there. */
export async function acksFrames(visit: Visit): Promise<never> {
  for (let acked = 0; ; acked = visit.frames.length) {
    await visit.until(() => visit.frames.length > acked);
    for (const frame of visit.frames.slice(acked)) visit.ack(frame.split("\n").length - 1);
  }
}

/** Reads everything and says nothing. */
export function staysSilent(): void {}

/** Wakes those who wait for a change. */
class Bell {
  #waiting: (() => void)[] = [];

  ring(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wake of woken) wake();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
