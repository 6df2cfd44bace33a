import { clientExitCodes } from "./client-options.ts";
import { type DeliverySettings, deliveryOptions } from "./delivery-options.ts";
import type { Program } from "./option.ts";

/** `logship redrive` as its command line and its documentation see it. */
export const redriveProgram: Program<DeliverySettings> = {
  name: "logship redrive",
  summary:
    "Sends the events of a dead-letter file again, under new ids. What is refused again is kept again. The state folder's own dead-letter file is emptied by it; any other FILE stays as it is.",
  operand: "FILE",
  options: deliveryOptions,
  examples: [
    {
      command: "logship redrive ~/.local/state/logship/dead-letter.ndjson",
      does: "send what was refused again, after the server was mended",
    },
    {
      command: "logship redrive --server logs.example:9000 saved.ndjson",
      does: "send kept events to another server",
    },
  ],
  exitCodes: clientExitCodes,
};
