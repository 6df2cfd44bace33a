// One connection to a log server. It sends what it is given at once, counts acks against what was sent, and watches
// that acks keep coming; how much is in flight is its owner's to bound.

import type { Socket } from "node:net";
import { gzipSync, constants as zlib } from "node:zlib";
import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { Batch } from "../pipeline/batch.ts";
import { eventOffset } from "../pipeline/batch.ts";
import { Fifo } from "../pipeline/fifo.ts";
import type { DeliveryHandler, Link } from "../pipeline/interfaces.ts";
import { DECOMPRESSION_FAILED } from "../protocol/ack.ts";
import { AckReader } from "../protocol/ack-reader.ts";
import { framePrefix } from "../protocol/frame-encoder.ts";
import type { LinkOptions } from "./interfaces.ts";

/** How long a connection may take to end in good order before it is cut. */
const CLOSE_TIMEOUT_MS = 1000;
/** A usual batch compresses to less, and so into one piece. */
const GZIP_CHUNK_BYTES = 96 * 1024;

/** Where what a socket reads is handed on; the bytes are overwritten after the call. */
export interface Inbox {
  receive: (bytes: Buffer) => void;
}

export class TcpLink implements Link {
  readonly name: string;
  readonly #socket: Socket;
  readonly #options: LinkOptions;
  readonly #handler: DeliveryHandler;
  readonly #patience: number;
  readonly #acks: AckReader;
  /** Unacked events of each message in flight, oldest first. */
  readonly #messages: Fifo<{ total: number; left: number; sentMs: number }> = new Fifo();
  #lastProgressMs = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    socket: Socket,
    inbox: Inbox,
    name: string,
    options: LinkOptions,
    handler: DeliveryHandler,
    patience: number,
  ) {
    this.#socket = socket;
    this.name = name;
    this.#options = options;
    this.#handler = handler;
    this.#patience = patience;
    this.#acks = new AckReader({
      received: (events) => this.#count(events, () => handler.delivered(events)),
      duplicate: (events) => this.#count(events, () => handler.duplicate(events)),
      refused: (reason) => this.#refuse(reason),
      garbage: (text) => this.#fail(notALogServer(name, text)),
    });
    inbox.receive = (bytes) => {
      if (!this.#isOver) this.#acks.push(bytes);
    };
    socket.on("error", (error) =>
      this.#fail(new Error(`${name}: ${describeSystemError(error)}`, { cause: error })),
    );
    socket.on("close", () => this.#fail(new Error(`${name} closed the connection`)));
  }

  send(batch: Batch, from: number): void {
    const events = batch.count - from;
    const ndjson = from === 0 ? batch.bytes : batch.bytes.subarray(eventOffset(batch.bytes, from));
    if (this.#messages.length === 0) this.#watch();
    this.#messages.push({ total: events, left: events, sentMs: performance.now() });
    const payload = this.#options.compress ? compress(ndjson) : ndjson;
    this.#socket.cork();
    if (this.#options.compress) this.#socket.write(framePrefix(payload));
    this.#socket.write(payload, this.#onFlushed);
    this.#socket.uncork();
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.end();
    });
  }

  destroy(): void {
    this.#end();
    this.#socket.destroy();
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#watchdog);
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.#handler.down(error);
  }

  readonly #onFlushed = (): void => {
    this.#lastProgressMs = performance.now();
  };

  /** Counts settled events against the messages they were sent in, then reports them. */
  #count(events: number, report: () => void): void {
    // After `garbage` or an owner's `destroy` the rest of a chunk must not be reported.
    if (this.#isOver) return;
    this.#lastProgressMs = performance.now();
    let left = events;
    for (
      let message = this.#messages.at(0);
      message !== undefined && left > 0;
      message = this.#messages.at(0)
    ) {
      const taken = Math.min(left, message.left);
      left -= taken;
      message.left -= taken;
      if (message.left > 0) break;
      this.#messages.shift();
      this.#handler.answered(this.#lastProgressMs - message.sentMs);
    }
    if (this.#messages.length === 0) clearTimeout(this.#watchdog);
    report();
  }

  #refuse(reason: string): void {
    const message = this.#messages.at(0);
    const isWholeFrame =
      this.#options.compress && message?.left === message?.total && reason.startsWith(DECOMPRESSION_FAILED);
    const events = isWholeFrame ? (message?.total ?? 1) : 1;
    this.#count(events, () => this.#handler.refused(events, reason));
  }

  /** One timer for a run of acks: it looks at the time of the last progress instead of being set anew by each. */
  #watch(): void {
    this.#lastProgressMs = performance.now();
    clearTimeout(this.#watchdog);
    const check = (): void => {
      const isSending = this.#socket.writableLength > 0;
      const limitMs = (isSending ? this.#options.sendTimeoutMs : this.#options.ackTimeoutMs) * this.#patience;
      const leftMs = this.#lastProgressMs + limitMs - performance.now();
      if (leftMs > 0) this.#watchdog = setTimeout(check, leftMs);
      else
        this.#fail(new Error(`${this.name}: no ${isSending ? "byte taken" : "ack"} for ${limitMs / 1000} s`));
    };
    this.#watchdog = setTimeout(check, Math.min(this.#options.ackTimeoutMs, this.#options.sendTimeoutMs));
  }
}

/**
 * Level 1, with a window of 16 KiB and more memory for hashes than the default: log lines repeat at short distances, and
 * so it takes a fifth less time for the same size (250 KiB batches of 90-byte lines, Node 20).
 */
const gzipOptions = { level: zlib.Z_BEST_SPEED, windowBits: 14, memLevel: 9, chunkSize: GZIP_CHUNK_BYTES };

function compress(ndjson: Buffer): Buffer {
  return gzipSync(ndjson, gzipOptions);
}

function notALogServer(name: string, text: string): LogshipError {
  const shown = JSON.stringify(
    text
      .replace(/\p{Cc}+/gu, " ")
      .trim()
      .slice(0, 60),
  );
  const message = `what answers at ${name} is no log server: it said ${shown}`;
  return new LogshipError("ERR_NOT_A_LOG_SERVER", EXIT.unavailable, message, { isFinal: true });
}
