// One connection. Invariants:
//  - an ok ack is written only when the commit of its line has resolved (for a duplicate, the commit of the original),
//    and acks keep the order of the lines;
//  - trouble of our own never becomes an error ack: the session ends without the acks that are missing;
//  - reading pauses while more than `unackedBytesMax` wait for their acks, while the store is full, or while the peer
//    does not take its acks; what one chunk brings is the most by which a bound is passed.

import type { Socket } from "node:net";
import { describeSystemError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import { Decoder, type DecoderHandler } from "../protocol/decoder.ts";
import type { WireLimits } from "../protocol/limits.ts";
import { AckRuns } from "./ack-runs.ts";
import { type Intake, IntakeChecker } from "./intake.ts";
import type { ServerCounters } from "./stats.ts";
import type { Store } from "./store.ts";

//  state     what arrives is   goes to
//  open      decoded           finishing: the peer has ended, the stream is unframeable, the server stops
//                              lingering: the store has failed, the connection is idle
//  finishing discarded         lingering: the last ack is written
//  lingering discarded         closed: the peer has closed too, or time is up
//  closed    -                 -
type State = "open" | "finishing" | "lingering" | "closed";

/** How long a peer has to close after our end: closing at once could cost it the last acks (TCP reset). */
const LINGER_MS = 1000;
/** On shutdown, what has arrived is read until nothing came for so long, */
const QUIET_MS = 50;
/** or for so long at most. */
const QUIET_MS_MAX = 200;

export interface SessionOptions extends WireLimits {
  readonly idleTimeoutMs: number;
  readonly unackedBytesMax: number;
  readonly drainTimeoutMs: number;
}

export interface SessionDependencies {
  readonly options: SessionOptions;
  readonly counters: ServerCounters;
  readonly store: Store;
  /** Called with stored lines after their acks; `undefined` while nobody wants them. */
  readonly stored: () => ((lines: Buffer) => void) | undefined;
  readonly report: Report;
}

/** Acks that become due together: with a commit, or at once when there is none to wait for. */
interface Due {
  readonly commit: Promise<void> | undefined;
  readonly acks: AckRuns;
  readonly stored: Buffer[];
  bytesHeld: number;
  committed: boolean;
}

export class Session {
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  readonly #counters: ServerCounters;
  readonly #store: Store;
  readonly #stored: SessionDependencies["stored"];
  readonly #report: Report;
  readonly #intake: IntakeChecker;
  readonly #decoder: Decoder;
  /** Oldest first. Neighbours with the same commit are one, so this stays short. */
  readonly #due: Due[] = [];
  #bytesHeld = 0;
  #state: State = "open";
  #blocked = false;
  #timer: NodeJS.Timeout | undefined;
  #quietTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, dependencies: SessionDependencies) {
    this.#socket = socket;
    this.#options = dependencies.options;
    this.#counters = dependencies.counters;
    this.#store = dependencies.store;
    this.#stored = dependencies.stored;
    this.#report = dependencies.report;
    this.#intake = new IntakeChecker(this.#options, this.#counters, this.#store.marks);
    this.#decoder = new Decoder(this.#options, this.#decoderHandler());
    socket.setNoDelay(true);
    socket.setTimeout(this.#options.idleTimeoutMs);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("end", () => this.#finish());
    socket.on("drain", () => this.#unblock());
    socket.on("timeout", () => this.#idle());
    socket.on("error", () => this.#counters.connectionsFailed++);
    socket.on("close", () => this.#closed());
  }

  /** Reads what has arrived, acks what it can, and ends the connection. */
  stop(): void {
    if (this.#state !== "open" || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#finish(), QUIET_MS_MAX);
    this.#quietTimer = setTimeout(() => this.#finish(), QUIET_MS);
  }

  /** Reads on or pauses, as the acks that are missing and the store's room allow. */
  adjustFlow(): void {
    if (this.#socket.writableNeedDrain) this.#blocked = true;
    const full = this.#store.isFull || this.#bytesHeld > this.#options.unackedBytesMax;
    if (this.#state === "open" && (full || this.#blocked)) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Ends the connection at once; what was not acked is not going to be. */
  destroy(): void {
    this.#socket.destroy();
  }

  #decoderHandler(): DecoderHandler {
    return {
      lines: (region) => this.#accept(this.#intake.takeLines(region)),
      frame: (payload) => this.#accept(this.#intake.takeFrame(payload)),
      lineTooLong: () => this.#accept(this.#intake.takeTooLong()),
      unframeable: (reason) => {
        this.#accept(this.#intake.takeUnframeable(reason));
        this.#state = "finishing";
      },
    };
  }

  #receive(chunk: Buffer): void {
    if (this.#state !== "open") return;
    this.#counters.bytesReceived += chunk.length;
    this.#quietTimer?.refresh();
    const heldBefore = this.#bytesHeld;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    // Even one short line keeps the whole chunk in memory.
    const last = this.#due.at(-1);
    if (last !== undefined) this.#hold(last, chunk.length - (this.#bytesHeld - heldBefore));
    this.#writeDue();
  }

  /** A bug of ours, or no memory: this connection ends, and the server goes on. */
  #fail(error: unknown): void {
    this.#report("error", `connection closed by an internal error: ${describeSystemError(error)}`);
    this.destroy();
  }

  /** Sends new lines to the store, and remembers the acks that then become due. */
  #accept(intake: Intake): void {
    if (this.#state !== "open" || intake.acks.isEmpty) return;
    const last = this.#due.at(-1);
    const commit = intake.lines > 0 ? this.#append(intake) : (this.#originals(intake) ?? last?.commit);
    let due = last;
    if (due === undefined || due.commit !== commit) due = this.#newDue(commit);
    due.acks.addAll(intake.acks);
    this.#hold(due, intake.bytesHeld);
    if (this.#stored() !== undefined) due.stored.push(Buffer.concat(intake.buffers));
  }

  #newDue(commit: Promise<void> | undefined): Due {
    const due: Due = {
      commit,
      acks: new AckRuns(),
      stored: [],
      bytesHeld: 0,
      committed: commit === undefined,
    };
    this.#due.push(due);
    const committed = () => {
      due.committed = true;
      this.#writeDue();
    };
    commit?.then(committed, () => this.#linger());
    return due;
  }

  #append({ buffers, lines, advances }: Intake): Promise<void> {
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    return this.#store.append(buffers, bytes, lines, advances);
  }

  /** What duplicates wait for: their originals may be on their way to the disk, for whatever connection. */
  #originals({ duplicates }: Intake): Promise<void> | undefined {
    return duplicates > 0 ? this.#store.pending : undefined;
  }

  #hold(due: Due, bytes: number): void {
    if (bytes <= 0) return;
    due.bytesHeld += bytes;
    this.#bytesHeld += bytes;
  }

  /** Writes the acks that are due, up to the first that waits for its commit. */
  #writeDue(): void {
    this.#socket.cork();
    for (let due = this.#due[0]; due?.committed; due = this.#due[0]) {
      this.#due.shift();
      this.#bytesHeld -= due.bytesHeld;
      due.acks.writeTo(this.#socket);
      for (const lines of due.stored) this.#stored()?.(lines);
    }
    this.#socket.uncork();
    if (this.#state === "finishing" && this.#due.length === 0) this.#linger();
    this.adjustFlow();
  }

  #unblock(): void {
    this.#blocked = false;
    this.adjustFlow();
  }

  #idle(): void {
    const waitsForStore = this.#due.length > 0 && !this.#blocked;
    if (waitsForStore) {
      this.#socket.setTimeout(this.#options.idleTimeoutMs);
      return;
    }
    this.#counters.connectionsIdle++;
    this.#linger();
  }

  /** Takes nothing more, and ends the connection behind the last ack. */
  #finish(): void {
    if (this.#state !== "open") return;
    this.#state = "finishing";
    this.#clearTimers();
    this.#writeDue();
  }

  /** Ends our side behind what is written, and gives the peer time to read it and close. */
  #linger(): void {
    if (this.#state === "lingering" || this.#state === "closed") return;
    this.#state = "lingering";
    this.#due.length = 0;
    this.#bytesHeld = 0;
    this.#clearTimers();
    this.#timer = setTimeout(() => this.destroy(), this.#options.drainTimeoutMs);
    this.#socket.end(() => this.#ended());
    this.#socket.resume();
  }

  #ended(): void {
    if (this.#state !== "lingering") return;
    this.#clearTimers();
    this.#timer = setTimeout(() => this.destroy(), LINGER_MS);
  }

  #closed(): void {
    this.#state = "closed";
    this.#due.length = 0;
    this.#clearTimers();
  }

  #clearTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#quietTimer);
    this.#timer = undefined;
    this.#quietTimer = undefined;
  }
}
