// What a server counts.

/** What the sessions of a server count together. */
export interface ServerCounters {
  /** Connections that are open now. */
  connectionsOpen: number;
  connectionsAccepted: number;
  /** Closed at once because `connectionsMax` were open. */
  connectionsRefused: number;
  /** Closed because nothing moved for `idleTimeoutMs`. */
  connectionsIdle: number;
  /** Ended by an error of the network. */
  connectionsFailed: number;
  bytesReceived: number;
  /** Blank lines, which are skipped. */
  linesBlank: number;
  /** Lines that were answered with an error ack, by the reason that it gives. */
  linesRefused: { invalidJson: number; missingFields: number; tooLong: number };
  /** Lines whose event was in the store already: acked, and not stored again. */
  duplicates: number;
  framesReceived: number;
  /** Frames, or what should have been one, answered with `decompression failed`. */
  framesRefused: number;
}

/** What the store counts. */
export interface StoreStats {
  linesStored: number;
  bytesStored: number;
  commits: number;
  /** Commits that failed; their lines were not acked. */
  commitsFailed: number;
  /** Bytes of an unfinished line that were cut off on opening. */
  bytesRepaired: number;
  /** Lines acked and then lost because they could not be written; only durability `memory` can. */
  linesLost: number;
  /** Streams whose mark was forgotten, because more than `streamsMax` were known. */
  streamsEvicted: number;
}

/** What a server has done since its start. */
export type LogServerStats = Readonly<ServerCounters & StoreStats>;

export function newCounters(): ServerCounters {
  return {
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    connectionsIdle: 0,
    connectionsFailed: 0,
    bytesReceived: 0,
    linesBlank: 0,
    linesRefused: { invalidJson: 0, missingFields: 0, tooLong: 0 },
    duplicates: 0,
    framesReceived: 0,
    framesRefused: 0,
  };
}
