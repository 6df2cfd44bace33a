import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { EXIT } from "../errors.ts";
import { RESERVED_FIELDS } from "../event/line-format.ts";
import type { Environment, OptionTable, Program } from "./option.ts";
import {
  autoOrInteger,
  boolean,
  booleanOrName,
  bytes,
  choice,
  integer,
  keyValueList,
  number,
  seconds,
  text,
  textList,
} from "./value-types.ts";

/** Every setting of the client; times are in milliseconds. */
export interface ClientSettings {
  readonly logFile: readonly string[];
  readonly mode: "batch" | "continuous";
  readonly startAt: "end" | "beginning";
  readonly watch: "auto" | "poll";
  readonly pollIntervalMs: number;
  readonly again: boolean;
  readonly noId: boolean;
  readonly format: "auto" | "text" | "json" | "raw";
  readonly unparsed: "ship" | "skip";
  readonly fields: ReadonlyMap<string, string>;
  /** The name of the field that holds the file's path, if one does. */
  readonly fileField: string | undefined;
  readonly lineBytesMax: number;
  readonly serverHost: string;
  readonly serverPort: number;
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

/** The client's settings, in the order of its help. */
export const clientOptions: OptionTable<ClientSettings> = {
  logFile: {
    flag: "log-file",
    env: "LOG_FILE",
    type: textList("<path>", "the path of a file, or a pattern such as /var/log/*.log"),
    default: ["/var/log/app.log"],
    section: "Input",
    help: "The file to ship. May be repeated; in the environment, commas separate. Patterns: *, ?, [ab], {a,b}, and ** for any folders.",
  },
  mode: {
    flag: "mode",
    env: "SHIPPING_MODE",
    type: choice(["batch", "continuous"]),
    default: "batch",
    section: "Input",
    help: "batch ships what is there and ends. continuous goes on: through growth, rotation and truncation, and with files that appear later.",
  },
  startAt: {
    flag: "start-at",
    env: "START_AT",
    type: choice(["end", "beginning"]),
    default: "end",
    section: "Input",
    help: "Where continuous mode begins with the files that are there at a state folder's first run. Later files are always shipped from their beginning.",
  },
  watch: {
    flag: "watch",
    env: "WATCH",
    type: choice(["auto", "poll"]),
    default: "auto",
    section: "Input",
    help: "How continuous mode learns of changes: from the kernel, or by looking at each file every poll interval, for file systems without events.",
  },
  pollIntervalMs: {
    flag: "poll-interval",
    env: "POLL_INTERVAL",
    type: seconds(0.01, 3600),
    default: 500,
    section: "Input",
    help: "How often files are looked at where they are polled.",
  },
  again: {
    flag: "again",
    env: "AGAIN",
    type: boolean(),
    default: false,
    section: "Input",
    help: "Ships the files from their beginning although they, or parts of them, were delivered before.",
  },
  format: {
    flag: "format",
    env: "FORMAT",
    type: choice(["auto", "text", "json", "raw"]),
    default: "auto",
    section: "Events",
    help: "What a line is: text (date, time, level, message), a JSON object, or raw (all of it is the message). auto decides line by line.",
  },
  unparsed: {
    flag: "unparsed",
    env: "UNPARSED",
    type: choice(["ship", "skip"]),
    default: "ship",
    section: "Events",
    help: "What becomes of a line that does not fit the format: shipped whole with the level UNKNOWN, or skipped and counted.",
  },
  fields: {
    flag: "field",
    env: "FIELDS",
    type: keyValueList(RESERVED_FIELDS),
    default: new Map(),
    section: "Events",
    help: "Adds a constant field to every event. Repeat the flag for more; the variable takes several separated by commas (a value with a comma in it needs the flag). Flags replace the variable.",
  },
  fileField: {
    flag: "file-field",
    env: "FILE_FIELD",
    type: booleanOrName("file", RESERVED_FIELDS),
    default: undefined,
    section: "Events",
    help: 'Adds the path of the file to every event: under "file", or under the name given.',
  },
  noId: {
    flag: "no-id",
    env: "NO_ID",
    type: boolean(),
    default: false,
    section: "Events",
    help: "Sends events without event_id. The server then cannot tell a line that is sent again from a new one.",
  },
  lineBytesMax: {
    flag: "line-bytes-max",
    env: "LINE_BYTES_MAX",
    type: bytes(64, 64 * 1024 ** 2),
    default: 1024 ** 2,
    section: "Events",
    help: 'A longer line is split at a character; each further part is an event of its own with "continued":true.',
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
    help: "How much may be on its way without an ack. This is also what bounds the client's memory.",
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
    help: "Attempts to connect, one after the other, before batch mode gives up.",
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
    help: "How long a client that is told to stop waits for the acks of what it has sent.",
  },
  stateDir: {
    flag: "state-dir",
    env: "STATE_DIR",
    type: text("<path>", "the path of a folder"),
    derive: stateDirDefault,
    derivedFrom: "$XDG_STATE_HOME/logship, else ~/.local/state/logship",
    section: "State",
    help: "Where lines that the server refused are kept, each with the reason.",
  },
};

/** The client as its command line and its documentation see it. */
export const clientProgram: Program<ClientSettings> = {
  name: "logship",
  summary:
    "Ships the lines of a log file to a log server, and counts a line as sent when the server has acked it.",
  options: clientOptions,
  conflict: ({ fields, fileField }) =>
    fileField !== undefined && fields.has(fileField)
      ? `--field and --file-field both set the field ${JSON.stringify(fileField)}`
      : undefined,
  examples: [
    { command: "logship --log-file app.log", does: "ship a file to the server on this machine" },
    {
      command: "logship --log-file app.log --server-host logs.example --compress",
      does: "to another machine, compressed",
    },
    {
      command: "logship --log-file app.log --field service=shop --file-field",
      does: "say where each line comes from",
    },
    { command: "SERVER_PORT=9001 logship --log-file app.log", does: "a setting from the environment" },
  ],
  exitCodes: [
    { code: EXIT.ok, means: "every line was delivered" },
    { code: EXIT.usage, means: "a flag does not exist, or does not take that value" },
    { code: EXIT.refused, means: "delivered, but for lines that the server refused" },
    { code: EXIT.noInput, means: "the file does not exist or cannot be read" },
    { code: EXIT.unavailable, means: "the server cannot be reached" },
    { code: EXIT.internal, means: "a bug in logship" },
    { code: EXIT.temporary, means: "ended with lines undelivered; running again can help" },
    { code: EXIT.config, means: "an environment variable, a folder or a permission is not as it must be" },
  ],
};

/** The XDG base directory rule: a relative `XDG_STATE_HOME` counts as unset. */
function stateDirDefault(env: Environment): string {
  const stateHome = env.XDG_STATE_HOME;
  if (stateHome !== undefined && isAbsolute(stateHome)) return join(stateHome, "logship");
  return join(env.HOME || homedir(), ".local", "state", "logship");
}
