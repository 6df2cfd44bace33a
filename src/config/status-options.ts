import { EXIT } from "../errors.ts";
import { type ClientSettings, clientOptions } from "./client-options.ts";
import type { Program } from "./option.ts";
import { boolean } from "./value-types.ts";

/** Every setting of `logship status`. */
export interface StatusSettings extends Pick<ClientSettings, "stateDir"> {
  readonly json: boolean;
}

/** `logship status` as its command line and its documentation see it. */
export const statusProgram: Program<StatusSettings> = {
  name: "logship status",
  summary:
    "Tells how far each file is delivered, how far that is behind, and why it does not move if it does not.",
  options: {
    json: {
      flag: "json",
      env: "STATUS_JSON",
      type: boolean(),
      default: false,
      section: "Output",
      help: "Prints one JSON document in the place of the table.",
    },
    stateDir: clientOptions.stateDir,
  },
  examples: [
    { command: "logship status", does: "a table for people" },
    { command: "logship status --json | jq .files[].lagBytes", does: "a document for programs" },
  ],
  exitCodes: [
    { code: EXIT.ok, means: "everything is delivered, or on its way" },
    { code: EXIT.usage, means: "a flag does not exist, or does not take that value" },
    { code: EXIT.noInput, means: "no client has used the state folder" },
    { code: EXIT.internal, means: "a bug in logship" },
    { code: EXIT.temporary, means: "something is undelivered and does not move" },
    { code: EXIT.config, means: "an environment variable, a folder or a permission is not as it must be" },
  ],
};
