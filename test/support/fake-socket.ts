import { Duplex } from "node:stream";

/** The server's end of a connection without a network: bytes are pushed in, and what it answers is collected. */
export class FakeSocket extends Duplex {
  answered = "";

  setNoDelay(): void {}

  setTimeout(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answered += chunk.toString("latin1");
    done();
  }
}
