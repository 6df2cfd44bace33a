import { EXIT } from "../errors.ts";
import { type ClientSettings, clientOptions } from "./client-options.ts";
import type { Program } from "./option.ts";
import { textList } from "./value-types.ts";

/** Every setting of `logship audit`. */
export interface AuditSettings
  extends Pick<ClientSettings, "stateDir" | "format" | "unparsed" | "fields" | "fileField" | "lineBytesMax"> {
  readonly stores: readonly string[];
}

const { stateDir, format, unparsed, fields, fileField, lineBytesMax } = clientOptions;

/** `logship audit` as its command line and its documentation see it. */
export const auditProgram: Program<AuditSettings> = {
  name: "logship audit",
  summary:
    "Reads the files that were shipped again, and names each line that is missing from the server's store, repeated in it or altered, by file and range of bytes. It looks at what the client's state folder notes as delivered, and at nothing behind that. The settings under Events must be those that the client ran with.",
  options: {
    stores: {
      flag: "store",
      env: "STORES",
      type: textList("<path>", "the path of a server's store folder"),
      default: [],
      section: "Store",
      help: "The folder of the server's store. May be repeated: together the stores should hold every line once.",
    },
    stateDir,
    format,
    unparsed,
    fields,
    fileField,
    lineBytesMax,
  },
  conflict: ({ stores }) =>
    stores.length === 0 ? "--store is missing: it names the folder of the server's store" : undefined,
  examples: [
    { command: "logship audit --store /var/lib/logship", does: "compare the files with the store" },
    {
      command: "logship audit --store one --store two --field service=shop",
      does: "a client with a field of its own, which used two servers",
    },
  ],
  exitCodes: [
    { code: EXIT.ok, means: "every line that was delivered is in the store once, unaltered" },
    { code: EXIT.usage, means: "a flag does not exist, or does not take that value" },
    { code: EXIT.refused, means: "a line is missing, repeated or altered" },
    { code: EXIT.noInput, means: "there is no store, or no client has used the state folder" },
    { code: EXIT.internal, means: "a bug in logship" },
    { code: EXIT.config, means: "an environment variable, a folder or a permission is not as it must be" },
  ],
};
