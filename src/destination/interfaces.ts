/** How a connection is used and watched. */
export interface LinkOptions {
  /** Send each batch as one gzip frame instead of plain lines. */
  readonly compress: boolean;
  /** Milliseconds that unsent bytes may wait without the connection taking any. */
  readonly sendTimeoutMs: number;
  /** Milliseconds without an ack while lines are in flight. */
  readonly ackTimeoutMs: number;
}

/** How a connection is made, used and watched. */
export interface TcpOptions extends LinkOptions {
  /** Milliseconds for name look-up and handshake together. */
  readonly connectTimeoutMs: number;
}

/** Takes what became of an attempt to reach a server. */
export type NoteHealth = (server: string, isHealthy: boolean) => void;
