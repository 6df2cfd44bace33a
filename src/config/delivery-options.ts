import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { addressList } from "./address.ts";
import type { Environment, OptionTable } from "./option.ts";
import { autoOrInteger, boolean, bytes, integer, number, seconds, text } from "./value-types.ts";

/** How events get to a server; the same for whatever sends some. Times are in milliseconds. */
export interface DeliverySettings {
  readonly noId: boolean;
  readonly serverHost: string;
  readonly serverPort: number;
  /** `host:port` each, which replace the host and port above. */
  readonly servers: readonly string[];
  readonly compress: boolean;
  readonly batchSize: "auto" | number;
  readonly windowBytes: number;
  readonly connectTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly ackTimeoutMs: number;
  readonly connectAttempts: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A fraction of each wait: 0.3 adds up to 30%. */
  readonly backoffJitter: number;
  readonly drainTimeoutMs: number;
  readonly stateDir: string;
}

export const deliveryOptions: OptionTable<DeliverySettings> = {
  noId: {
    flag: "no-id",
    env: "NO_ID",
    type: boolean(),
    default: false,
    section: "Events",
    help: "Sends events without event_id. The server then cannot tell a line that is sent again from a new one.",
  },
  serverHost: {
    flag: "server-host",
    env: "SERVER_HOST",
    type: text("<host>", "a host name or an IP address"),
    default: "localhost",
    section: "Server",
    help: "Where the log server is.",
  },
  serverPort: {
    flag: "server-port",
    env: "SERVER_PORT",
    type: integer(1, 65535),
    default: 9000,
    section: "Server",
    help: "The log server's TCP port.",
  },
  servers: {
    flag: "server",
    env: "SERVERS",
    type: addressList(),
    default: [],
    section: "Server",
    help: "A log server, in the place of --server-host and --server-port. May be repeated: each connection goes to the first one that can be reached, in this order.",
  },
  compress: {
    flag: "compress",
    env: "COMPRESS",
    type: boolean(),
    default: false,
    section: "Server",
    help: "Sends gzip frames: less network for more CPU.",
  },
  batchSize: {
    flag: "batch-size",
    env: "BATCH_SIZE",
    type: autoOrInteger(1, 1_000_000),
    default: "auto",
    section: "Server",
    help: "Lines in a message. auto sends whatever is ready, up to 256 KiB.",
  },
  windowBytes: {
    flag: "window-bytes",
    env: "WINDOW_BYTES",
    type: bytes(1, 1024 ** 3),
    default: 4 * 1024 ** 2,
    section: "Server",
    help: "How much may be on its way without an ack. Without --resilient this is also what bounds the client's memory.",
  },
  connectTimeoutMs: {
    flag: "connect-timeout",
    env: "CONNECT_TIMEOUT",
    type: seconds(0.05, 3600),
    default: 5_000,
    section: "Timeouts and retries",
    help: "How long one attempt to connect may take.",
  },
  sendTimeoutMs: {
    flag: "send-timeout",
    env: "SEND_TIMEOUT",
    type: seconds(0.05, 3600),
    default: 5_000,
    section: "Timeouts and retries",
    help: "How long the network may accept no byte before the client reconnects.",
  },
  ackTimeoutMs: {
    flag: "ack-timeout",
    env: "ACK_TIMEOUT",
    type: seconds(0.05, 3600),
    default: 5_000,
    section: "Timeouts and retries",
    help: "How long lines on their way may wait for the next ack before the client reconnects and sends them again.",
  },
  connectAttempts: {
    flag: "connect-attempts",
    env: "CONNECT_ATTEMPTS",
    type: integer(1, 1_000_000),
    default: 5,
    section: "Timeouts and retries",
    help: "Attempts to connect, one after the other, before batch mode gives up; continuous and resilient mode do not.",
  },
  backoffBaseMs: {
    flag: "backoff-base",
    env: "BACKOFF_BASE",
    type: seconds(0, 3600),
    default: 1_000,
    section: "Timeouts and retries",
    help: "The wait after a first failed attempt; it doubles with each further one.",
  },
  backoffMaxMs: {
    flag: "backoff-max",
    env: "BACKOFF_MAX",
    type: seconds(0, 3600),
    default: 60_000,
    section: "Timeouts and retries",
    help: "The longest wait between two attempts, before jitter.",
  },
  backoffJitter: {
    flag: "backoff-jitter",
    env: "BACKOFF_JITTER",
    type: number(0, 1),
    default: 0.3,
    section: "Timeouts and retries",
    help: "The part of each wait that is added at random, so that many clients do not return at once: 0.3 adds up to 30%.",
  },
  drainTimeoutMs: {
    flag: "drain-timeout",
    env: "DRAIN_TIMEOUT",
    type: seconds(0, 3600),
    default: 10_000,
    section: "Timeouts and retries",
    help: "How long a client that is told to stop waits for the acks of what it has read. At the end of its input, resilient mode waits as long for each next ack.",
  },
  stateDir: {
    flag: "state-dir",
    env: "STATE_DIR",
    type: text("<path>", "the path of a folder"),
    derive: stateDirDefault,
    derivedFrom: "$XDG_STATE_HOME/logship, else ~/.local/state/logship",
    section: "State",
    help: "Where the client notes how far it got, and keeps the lines that the server refused. One client at a time.",
  },
};

/** The XDG base directory rule: a relative `XDG_STATE_HOME` counts as unset. */
function stateDirDefault(env: Environment): string {
  const stateHome = env.XDG_STATE_HOME;
  if (stateHome !== undefined && isAbsolute(stateHome)) return join(stateHome, "logship");
  return join(env.HOME || homedir(), ".local", "state", "logship");
}
