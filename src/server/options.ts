import { resolveSettings } from "../config/option.ts";
import { type ServerSettings, serverOptions } from "../config/server-options.ts";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.ts";

/** The settings of a log server; sizes are bytes, times milliseconds. `docs/configuration.md` tells what each does. */
export interface LogServerOptions extends Omit<ServerSettings, "print"> {
  /** For tests. */
  readonly fileSystem: FileSystem;
}

/** Fills in the defaults and checks the values. Throws a `ConfigError`. */
export function resolveOptions({ fileSystem, ...given }: Partial<LogServerOptions>): LogServerOptions {
  return { ...resolveSettings(serverOptions, given, process.env), fileSystem: fileSystem ?? nodeFileSystem };
}
