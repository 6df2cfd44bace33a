import { EXIT } from "../errors.ts";
import { defaultWireLimits, FRAME_BYTES_CEILING } from "../protocol/limits.ts";
import type { OptionTable, Program } from "./option.ts";
import { boolean, bytes, choice, integer, seconds, text } from "./value-types.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Every setting of the server; times are in milliseconds. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
  readonly streamsMax: number;
  readonly idleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly storeDir: string;
  readonly segmentBytes: number;
  readonly durability: "disk" | "write" | "memory";
  readonly print: boolean;
  readonly eventBytesMax: number;
  readonly frameBytesMax: number;
  readonly inflatedBytesMax: number;
  readonly unackedBytesMax: number;
}

/** The server's settings, in the order of its help. */
export const serverOptions: OptionTable<ServerSettings> = {
  host: {
    flag: "server-host",
    env: "SERVER_HOST",
    type: text("<host>", "a host name or an IP address"),
    default: "127.0.0.1",
    section: "Listening",
    help: "The address to listen on: 127.0.0.1 is reached from this machine only, 0.0.0.0 from everywhere.",
  },
  port: {
    flag: "server-port",
    env: "SERVER_PORT",
    type: integer(0, 65535),
    default: 9000,
    section: "Listening",
    help: "The TCP port to listen on; 0 takes any free one and says which.",
  },
  connectionsMax: {
    flag: "connections-max",
    env: "CONNECTIONS_MAX",
    type: integer(1, 100_000),
    default: 1024,
    section: "Listening",
    help: "Connections at a time; a further one is closed at once.",
  },
  idleTimeoutMs: {
    flag: "idle-timeout",
    env: "IDLE_TIMEOUT",
    type: seconds(0.001, 86_400),
    default: 600_000,
    section: "Listening",
    help: "How long a connection may stay silent before it is closed.",
  },
  drainTimeoutMs: {
    flag: "drain-timeout",
    env: "DRAIN_TIMEOUT",
    type: seconds(0, 3600),
    default: 10_000,
    section: "Listening",
    help: "How long a server that is told to stop takes to store and ack what has arrived.",
  },
  storeDir: {
    flag: "store-dir",
    env: "STORE_DIR",
    type: text("<path>", "the path of a folder"),
    default: "store",
    section: "Store",
    help: "Where events are stored, as files of one JSON object a line.",
  },
  segmentBytes: {
    flag: "segment-bytes",
    env: "SEGMENT_BYTES",
    type: bytes(1, 1024 * GIB),
    default: 256 * MIB,
    section: "Store",
    help: "A file of the store that has grown to this size is closed, and the next one opened.",
  },
  durability: {
    flag: "durability",
    env: "DURABILITY",
    type: choice(["disk", "write", "memory"]),
    default: "disk",
    section: "Store",
    help: "When a line is acked: on disk (survives a power cut), written (handed to the kernel: survives a crash of the server), or in memory.",
  },
  streamsMax: {
    flag: "streams-max",
    env: "STREAMS_MAX",
    type: integer(1, 10_000_000),
    default: 100_000,
    section: "Store",
    help: "How many streams of event ids are remembered, so that an event that is sent again is not stored twice. A stream is one life of one file; those not heard of longest are forgotten first.",
  },
  print: {
    flag: "print",
    env: "PRINT",
    type: boolean(),
    default: false,
    section: "Store",
    help: "Also prints each event to stdout as [LEVEL] message.",
  },
  eventBytesMax: {
    flag: "event-bytes-max",
    env: "EVENT_BYTES_MAX",
    type: bytes(16, 256 * MIB),
    default: defaultWireLimits.eventBytesMax,
    section: "Limits",
    help: "The longest line that is accepted.",
  },
  frameBytesMax: {
    flag: "frame-bytes-max",
    env: "FRAME_BYTES_MAX",
    type: bytes(18, FRAME_BYTES_CEILING),
    default: defaultWireLimits.frameBytesMax,
    section: "Limits",
    help: "The largest compressed frame that is accepted, as it arrives.",
  },
  inflatedBytesMax: {
    flag: "inflated-bytes-max",
    env: "INFLATED_BYTES_MAX",
    type: bytes(16, GIB),
    default: defaultWireLimits.inflatedBytesMax,
    section: "Limits",
    help: "The largest that a frame may become when it is decompressed.",
  },
  unackedBytesMax: {
    flag: "unacked-bytes-max",
    env: "UNACKED_BYTES_MAX",
    type: bytes(1, GIB),
    default: 8 * MIB,
    section: "Limits",
    help: "What one connection may have received and not yet acked; beyond it, the server reads no further until it has caught up.",
  },
};

/** The server as its command line and its documentation see it. */
export const serverProgram: Program<ServerSettings> = {
  name: "logship-server",
  summary: "Receives log events over TCP, appends them to files, and acks each line when it is stored.",
  options: serverOptions,
  examples: [
    { command: "logship-server", does: "listen on this machine, port 9000, and store in ./store" },
    {
      command: "logship-server --server-host 0.0.0.0 --store-dir /var/lib/logship",
      does: "for other machines too",
    },
    { command: "logship-server --print", does: "watch the events as they arrive" },
    { command: "cat store/*.ndjson", does: "read the store" },
  ],
  exitCodes: [
    { code: EXIT.ok, means: "stopped when told to, with everything acked that it could" },
    { code: EXIT.usage, means: "a flag does not exist, or does not take that value" },
    { code: EXIT.unavailable, means: "the address cannot be listened on" },
    { code: EXIT.internal, means: "a bug in logship" },
    { code: EXIT.temporary, means: "another server holds the store; running again later can help" },
    { code: EXIT.config, means: "an environment variable, a folder or a permission is not as it must be" },
  ],
};
