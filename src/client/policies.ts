// What the settings mean for the parts of the pipeline.

import { type Address, parseAddress } from "../config/address.ts";
import type { ClientSettings } from "../config/client-options.ts";
import { InvalidValue } from "../config/option.ts";
import { ConfigError } from "../errors.ts";
import type { DeliveryPolicy } from "../pipeline/delivery.ts";
import type { IntakePolicy } from "../pipeline/intake.ts";

/** A buffer counted in lines is taken up in at least so many parts, so that it can be filled and emptied bit by bit. */
const PARTS_MIN = 10;

/** Where to deliver: the servers in the order in which they are tried. */
export function serversOf({ servers, serverHost, serverPort }: ClientSettings): readonly Address[] {
  if (servers.length === 0) return [{ host: serverHost, port: serverPort }];
  try {
    return servers.map(parseAddress);
  } catch (error) {
    throw error instanceof InvalidValue ? new ConfigError(`servers: ${error.message}`) : error;
  }
}

/** Who follows files, or was told to hold out, waits for a server as long as it takes. */
export function deliveryPolicyOf(settings: ClientSettings): DeliveryPolicy {
  const { mode, resilient, connectAttempts, windowBytes } = settings;
  return {
    backoff: {
      baseMs: settings.backoffBaseMs,
      maxMs: settings.backoffMaxMs,
      jitter: settings.backoffJitter,
    },
    attemptsMax: mode === "batch" && !resilient ? connectAttempts : Number.POSITIVE_INFINITY,
    windowBytes,
  };
}

/** In basic mode the queue is bounded by what may be in flight. */
export function intakePolicyOf(settings: ClientSettings): IntakePolicy {
  const { resilient, windowBytes, bufferSize, bufferBytes, whenFull, batchSize } = settings;
  if (!resilient) {
    const unlimited = Number.POSITIVE_INFINITY;
    return { linesMax: unlimited, bytesMax: windowBytes, whenFull: "block", partEventsMax: unlimited };
  }
  // The number of lines in a message is kept where it was asked for.
  const partEventsMax = batchSize === "auto" ? Math.ceil(bufferSize / PARTS_MIN) : bufferSize;
  return { linesMax: bufferSize, bytesMax: bufferBytes, whenFull, partEventsMax };
}
