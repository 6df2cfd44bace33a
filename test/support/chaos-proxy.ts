// A TCP proxy that treats connections badly, as a bad network, a NAT or a dying machine would. What it does to a
// connection is decided when the connection comes: the next treatment in the queue, else one drawn by the seed.

import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { listenOn } from "./listen.ts";
import { seededRandom } from "./random.ts";

/** Toward the server go lines, toward the client acks. */
type Direction = "server" | "client";

/** What happens to one connection. Bytes are counted in the one direction that is named. */
export type Treatment =
  | { readonly kind: "pass" }
  /** Every chunk waits, in both directions; order is kept. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Handed on in segments of a few bytes. */
  | { readonly kind: "split"; readonly bytesMax: number }
  /** Reset after so many bytes, in the middle of whatever they are. */
  | { readonly kind: "cut"; readonly toward: Direction; readonly afterBytes: number }
  /** Nothing is handed on any more in either direction, and both sides stay open. */
  | { readonly kind: "halfOpen"; readonly afterBytes: number }
  /** The server gets everything; its acks stop arriving. */
  | { readonly kind: "deafToAcks"; readonly afterBytes: number }
  /** Reset after so many bytes; later the server gets the same bytes once more, on a connection of their own. */
  | { readonly kind: "replay"; readonly afterBytes: number; readonly laterMs: number };

export type TreatmentKind = Treatment["kind"];

/** What is kept of a connection for its replay. */
const REPLAY_BYTES_MAX = 1024 * 1024;
const PAUSE_AT_BYTES = 256 * 1024;

/** One of all treatments, milder ones more often. */
export function randomTreatment(random: () => number): Treatment {
  // Small numbers are the likelier ones: heads of messages and first acks are where cuts hurt.
  const afterBytes = Math.floor(random() ** 4 * 400_000);
  const pick = random();
  if (pick < 0.35) return { kind: "pass" };
  if (pick < 0.45) return { kind: "delay", ms: 1 + Math.floor(random() * 30) };
  if (pick < 0.55) return { kind: "split", bytesMax: 1 + Math.floor(random() * 3000) };
  if (pick < 0.7) return { kind: "cut", toward: "server", afterBytes };
  if (pick < 0.8) return { kind: "cut", toward: "client", afterBytes };
  if (pick < 0.87) return { kind: "halfOpen", afterBytes };
  if (pick < 0.93) return { kind: "deafToAcks", afterBytes };
  return { kind: "replay", afterBytes: 1000 + afterBytes, laterMs: Math.floor(random() * 300) };
}

export class ChaosProxy {
  readonly port: number;
  /** Where connections go; a server that comes back elsewhere is named here. */
  targetPort: number;
  /** Connections that were cut. */
  cuts = 0;
  /** Connections so far, by what was done to them. */
  readonly treated: Map<TreatmentKind, number> = new Map();
  /** Draws the treatment of connections for which none is queued. */
  draw: () => Treatment = () => ({ kind: "pass" });
  readonly #queued: Treatment[] = [];
  readonly #server: Server;
  readonly #links: Set<Link> = new Set();
  readonly #timers: Set<NodeJS.Timeout> = new Set();

  private constructor(server: Server, port: number, targetPort: number) {
    this.#server = server;
    this.port = port;
    this.targetPort = targetPort;
    server.on("connection", (client) => this.#accept(client));
  }

  static async listen(targetPort: number): Promise<ChaosProxy> {
    const server = createServer({ noDelay: true });
    return new ChaosProxy(server, await listenOn(server), targetPort);
  }

  /** The next connections are treated so, one each. */
  queue(...treatments: readonly Treatment[]): void {
    this.#queued.push(...treatments);
  }

  /** Further connections are treated at random from here on. */
  drawBy(seed: number): void {
    const random = seededRandom(seed);
    this.draw = () => randomTreatment(random);
  }

  /** Connections are passed on from here on; those that are stuck are cut. */
  behave(): void {
    this.#queued.length = 0;
    this.draw = () => ({ kind: "pass" });
    for (const link of this.#links) if (link.isStuck) this.#cut(link);
  }

  /** Resets every connection. Returns how many there were. */
  cutAll(): number {
    const links = [...this.#links];
    for (const link of links) this.#cut(link);
    return links.length;
  }

  close(): void {
    this.#server.close();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const link of this.#links) link.destroy();
  }

  #accept(client: Socket): void {
    const treatment = this.#queued.shift() ?? this.draw();
    this.treated.set(treatment.kind, (this.treated.get(treatment.kind) ?? 0) + 1);
    const server = dial({ port: this.targetPort, host: "127.0.0.1", noDelay: true });
    const link = new Link(client, server, treatment, () => this.#cut(link));
    this.#links.add(link);
    link.onClosed = () => this.#links.delete(link);
  }

  #cut(link: Link): void {
    if (!this.#links.delete(link)) return;
    this.cuts++;
    link.destroy();
    const { treatment, sent } = link;
    if (treatment.kind !== "replay") return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const ghost = dial({ port: this.targetPort, host: "127.0.0.1" });
      ghost.on("error", () => {});
      ghost.resume();
      ghost.end(Buffer.concat(sent));
    }, treatment.laterMs);
    this.#timers.add(timer);
  }
}

/** One connection from the client and the one to the server that goes with it. */
class Link {
  readonly treatment: Treatment;
  /** What the client has sent, where it is going to be replayed. */
  readonly sent: Buffer[] = [];
  /** Called when both sockets are closed. */
  onClosed: () => void = () => {};
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #cut: () => void;
  readonly #bytes = { server: 0, client: 0 };
  readonly #queues = { server: Promise.resolve(), client: Promise.resolve() };
  /** Directions in which nothing is handed on any more. */
  readonly #stopped: Set<Direction> = new Set();
  #openSockets = 2;

  constructor(client: Socket, server: Socket, treatment: Treatment, cut: () => void) {
    this.#client = client;
    this.#server = server;
    this.treatment = treatment;
    this.#cut = cut;
    this.#pipe(client, server, "server");
    this.#pipe(server, client, "client");
  }

  get isStuck(): boolean {
    return this.#stopped.size > 0;
  }

  destroy(): void {
    for (const socket of [this.#client, this.#server]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  #pipe(from: Socket, to: Socket, toward: Direction): void {
    const { treatment } = this;
    from.on("error", () => {});
    from.on("data", (chunk) => {
      if (treatment.kind === "replay" && toward === "server" && this.#bytes.server < REPLAY_BYTES_MAX)
        this.sent.push(chunk);
      this.#pass(to, toward, chunk);
      if (to.writableLength <= PAUSE_AT_BYTES) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.on("end", () => this.#inTurn(toward, () => this.#end(to, false)));
    from.on("close", (hadError) => {
      if (--this.#openSockets === 0) this.onClosed();
      this.#inTurn(toward, () => this.#end(to, hadError));
    });
  }

  /** The other end of a stuck connection never learns that this one is gone. */
  #end(to: Socket, hadError: boolean): void {
    if (this.isStuck) return;
    if (hadError) to.resetAndDestroy();
    else to.end();
  }

  #pass(to: Socket, toward: Direction, chunk: Buffer): void {
    if (this.#stopped.has(toward)) return;
    const left = this.#bytesMax(toward) - this.#bytes[toward];
    this.#bytes[toward] += chunk.length;
    if (chunk.length < left) {
      this.#inTurn(toward, () => this.#hand(to, chunk));
      return;
    }
    const part = chunk.subarray(0, left);
    this.#stopped.add(toward);
    if (this.treatment.kind === "halfOpen") this.#stopped.add("client");
    const isCut = this.treatment.kind === "cut" || this.treatment.kind === "replay";
    this.#inTurn(toward, () => write(to, part, isCut ? () => this.#cut() : undefined));
  }

  /** How many bytes go through in this direction before the treatment strikes. */
  #bytesMax(toward: Direction): number {
    const { treatment } = this;
    if (!("afterBytes" in treatment)) return Number.POSITIVE_INFINITY;
    let counted: Direction = "server";
    if (treatment.kind === "cut") counted = treatment.toward;
    if (treatment.kind === "deafToAcks") counted = "client";
    return counted === toward ? treatment.afterBytes : Number.POSITIVE_INFINITY;
  }

  async #hand(to: Socket, chunk: Buffer): Promise<void> {
    const { treatment } = this;
    if (treatment.kind === "delay") await new Promise((resolve) => setTimeout(resolve, treatment.ms));
    if (treatment.kind !== "split") {
      write(to, chunk);
      return;
    }
    for (let at = 0; at < chunk.length && !to.destroyed; at += treatment.bytesMax) {
      write(to, chunk.subarray(at, at + treatment.bytesMax));
      await new Promise(setImmediate);
    }
  }

  /** After everything that was to happen in this direction before. */
  #inTurn(toward: Direction, act: () => void | Promise<void>): void {
    this.#queues[toward] = this.#queues[toward].then(act, act);
  }
}

/** Writes unless the socket is gone; `then` comes when the system has the bytes, or cannot have them. */
function write(to: Socket, bytes: Buffer, then: () => void = () => {}): void {
  if (to.destroyed || !to.writable) then();
  else to.write(bytes, () => then());
}
