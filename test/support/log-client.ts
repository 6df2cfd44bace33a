import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A raw client: sends bytes as they are given, collects the bytes of the acks. */
export class LogClient {
  readonly socket: Socket;
  /** Settles when the connection is closed, however it came about. */
  readonly closed: Promise<void>;
  /** Settles when the server has ended its side. */
  readonly ended: Promise<void>;
  /** The network's error, if there was one. */
  error: Error | undefined;
  #received = "";
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    this.ended = new Promise((resolve) => socket.once("end", resolve));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
        this.#wake();
      });
    });
  }

  /** Connects; the connection is gone when the test is. */
  static async to(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<LogClient> {
    const socket = connect({ port, host: "127.0.0.1", ...options });
    const client = new LogClient(socket);
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, "connect");
    return client;
  }

  /** Everything that came so far. */
  get received(): string {
    return this.#received;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends the pieces, each in a segment of its own as far as the kernel allows. */
  async sendPieces(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => this.socket.write(piece, () => resolve()));
      await new Promise(setImmediate);
    }
  }

  end(): void {
    this.socket.end();
  }

  /** Waits until so many acks have come, and returns all that came. Rejects when the connection closes before. */
  async acks(count: number): Promise<string> {
    while (this.#received.split("\n").length - 1 < count) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received;
  }

  /** Ends our side and returns everything that the server has sent until it closed. */
  async finish(): Promise<string> {
    this.end();
    await this.closed;
    return this.#received;
  }
}
