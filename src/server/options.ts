import { type FileSystem, nodeFileSystem } from "../disk/file-system.ts";
import { ConfigError } from "../errors.ts";
import { defaultWireLimits, FRAME_BYTES_CEILING, type WireLimits } from "../protocol/limits.ts";
import type { Durability } from "./store.ts";

const MIB = 1024 * 1024;

/** The settings of a log server. Sizes are bytes, times milliseconds. */
export interface LogServerOptions extends WireLimits {
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host: string;
  /** 0 takes a free port. Default 9000. */
  readonly port: number;
  /** The folder of the segment files; made when it is missing. Default `store`. */
  readonly storeDir: string;
  /** Size at which a segment file is followed by the next. Default 256 MiB. */
  readonly segmentBytes: number;
  /** What an ok ack means. Default `disk`. */
  readonly durability: Durability;
  /** Connections open at a time; one more is closed at once. Default 1024. */
  readonly connectionsMax: number;
  /** A connection on which nothing moves for so long is closed. Default 600 000. */
  readonly idleTimeoutMs: number;
  /** Bytes taken and not yet acked on one connection, above which it is not read. Default 8 MiB. */
  readonly unackedBytesMax: number;
  /** How long `stop` may take. Default 10 000. */
  readonly drainTimeoutMs: number;
  /** For tests. */
  readonly fileSystem: FileSystem;
}

const defaults: LogServerOptions = {
  ...defaultWireLimits,
  host: "127.0.0.1",
  port: 9000,
  storeDir: "store",
  segmentBytes: 256 * MIB,
  durability: "disk",
  connectionsMax: 1024,
  idleTimeoutMs: 600_000,
  unackedBytesMax: 8 * MIB,
  drainTimeoutMs: 10_000,
  fileSystem: nodeFileSystem,
};

const TIMER_MS_MAX = 2 ** 31 - 1;
const DURABILITIES: readonly string[] = ["disk", "write", "memory"];

/** Least and greatest value of each number. */
const ranges = {
  port: [0, 65_535],
  eventBytesMax: [16, 256 * MIB],
  frameBytesMax: [18, FRAME_BYTES_CEILING],
  inflatedBytesMax: [16, 1024 * MIB],
  segmentBytes: [1, Number.MAX_SAFE_INTEGER],
  connectionsMax: [1, 1_000_000],
  idleTimeoutMs: [1, TIMER_MS_MAX],
  unackedBytesMax: [1, Number.MAX_SAFE_INTEGER],
  drainTimeoutMs: [0, TIMER_MS_MAX],
} as const;

/** Fills in the defaults and checks the values. Throws a `ConfigError`. */
export function resolveOptions(given: Partial<LogServerOptions>): LogServerOptions {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: LogServerOptions = { ...defaults, ...Object.fromEntries(named) };
  for (const [name, [least, greatest]] of Object.entries(ranges)) {
    const value = options[name as keyof typeof ranges];
    if (Number.isInteger(value) && value >= least && value <= greatest) continue;
    throw new ConfigError(`${name} takes a whole number from ${least} to ${greatest}, not ${value}`);
  }
  if (!DURABILITIES.includes(options.durability)) {
    throw new ConfigError(`durability takes one of ${DURABILITIES.join(", ")}, not ${options.durability}`);
  }
  return options;
}
