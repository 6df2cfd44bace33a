/** The process exit codes of both programs; the numbers are those of BSD `sysexits.h`. */
export const EXIT = {
  ok: 0,
  /** A flag that does not exist, or a value that it does not take. */
  usage: 64,
  /** Everything was delivered, but the server refused some lines. */
  refused: 65,
  /** The input does not exist or cannot be read. */
  noInput: 66,
  /** The server cannot be reached, or the address cannot be listened on. */
  unavailable: 69,
  /** The program failed in a way that is a bug in it. */
  internal: 70,
  /** Ended with lines undelivered, or a lock is held: running again later can help. */
  temporary: 75,
  /** An environment variable, a folder or a permission is not as it must be. */
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The base of every error that is meant for a person: the message says what is wrong and what to do about it. */
export class LogshipError extends Error {
  /** A stable name for programs to compare, such as `ERR_NO_INPUT`. */
  readonly code: string;
  /** The exit code with which a command that meets this error ends. */
  readonly exitCode: ExitCode;
  /** True if trying again cannot help. */
  readonly isFinal: boolean;

  constructor(
    code: string,
    exitCode: ExitCode,
    message: string,
    { isFinal = false, ...options }: ErrorOptions & { isFinal?: boolean } = {},
  ) {
    super(message, options);
    this.name = "LogshipError";
    this.code = code;
    this.exitCode = exitCode;
    this.isFinal = isFinal;
  }
}

/** `--port takes a whole number …`: the command line is at fault. */
export class UsageError extends LogshipError {
  constructor(message: string) {
    super("ERR_USAGE", EXIT.usage, message);
    this.name = "UsageError";
  }
}

/** The environment, a folder or a permission is at fault. */
export class ConfigError extends LogshipError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_CONFIG", EXIT.config, message, options);
    this.name = "ConfigError";
  }
}

/** A system error (`ENOENT`, `EACCES` …) in words, without a stack: `no such file or directory (ENOENT)`. */
export function describeSystemError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error.message;
  return `${systemErrorWords[code] ?? error.message.replace(/^[A-Z0-9_]+: /, "").replace(/,.*$/, "")} (${code})`;
}

const systemErrorWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection closed by the other side",
  ENOTFOUND: "host not found",
  EAI_AGAIN: "host name could not be resolved",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address not available on this machine",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EEXIST: "already exists",
  EROFS: "read-only file system",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EMFILE: "too many open files",
  EIO: "input/output error",
  EFBIG: "file too large",
};
