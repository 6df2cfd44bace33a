// Turns what the decoder found into bytes for the store and acks for the client. Invariants: an accepted line goes to
// the store byte for byte, ended by exactly one `\n`; there is one ack for each line that is not blank, in order; a
// frame is inflated and verified whole before any line of it counts.
// A region is ours, so lines move down in place over what was refused; where nothing was, nothing is copied.

import {
  ACK_INVALID_JSON,
  ACK_MISSING_FIELDS,
  ACK_RECEIVED,
  decompressionFailedAck,
  lineTooLongAck,
} from "../protocol/ack.ts";
import { EventChecker, VERDICT, type Verdict } from "../protocol/event-check.ts";
import type { WireLimits } from "../protocol/limits.ts";
import { AckRuns } from "./ack-runs.ts";
import { InflateError, inflateFrame } from "./inflate.ts";
import type { ServerCounters } from "./stats.ts";

const LF = 0x0a;
const NEWLINE = Buffer.from("\n");

/** What one region or frame came to. */
export interface Intake {
  /** Accepted lines, each ended by `\n`, and how many they are. A dedupe step would go over these before the store. */
  readonly buffers: readonly Buffer[];
  readonly lines: number;
  readonly acks: AckRuns;
  /** Bytes of memory that are held for it. */
  readonly bytesHeld: number;
}

/** Checks lines. Holds no state from one region to the next. */
export class IntakeChecker {
  readonly #limits: WireLimits;
  readonly #counters: ServerCounters;
  readonly #checker: EventChecker;
  readonly #tooLong: Buffer;

  constructor(limits: WireLimits, counters: ServerCounters) {
    this.#limits = limits;
    this.#counters = counters;
    this.#checker = new EventChecker(limits.eventBytesMax);
    this.#tooLong = lineTooLongAck(limits.eventBytesMax);
  }

  /** Takes lines, of which the last may lack its `\n`. Overwrites the region. */
  takeLines(region: Buffer): Intake {
    const checker = this.#checker;
    const acks = new AckRuns();
    let kept = 0; // accepted bytes so far, moved to the region's start
    let runStart = 0; // start of the accepted lines that have not been moved yet
    let lines = 0;
    let unacked = 0;
    let buffers: Buffer[] | undefined;
    checker.begin(region);
    for (let pos = 0; pos < region.length; pos = checker.next) {
      const verdict = checker.check(pos);
      if (verdict === VERDICT.ok) {
        lines++;
        unacked++;
        if (checker.next === checker.lineEnd + 1) continue;
        // A `\r\n`, or the end of a frame: the line needs a `\n` of its own.
        kept = move(region, runStart, checker.lineEnd, kept);
        if (kept < region.length) region[kept++] = LF;
        else buffers = [region, NEWLINE];
      } else {
        kept = move(region, runStart, pos, kept);
        acks.add(ACK_RECEIVED, unacked);
        unacked = 0;
        this.#refuse(verdict, acks);
      }
      runStart = checker.next;
    }
    checker.end();
    kept = move(region, runStart, region.length, kept);
    acks.add(ACK_RECEIVED, unacked);
    buffers ??= kept === 0 ? [] : [region.subarray(0, kept)];
    return { buffers, lines, acks, bytesHeld: region.length };
  }

  /** Takes a frame. */
  takeFrame(payload: Buffer): Intake {
    this.#counters.framesReceived++;
    try {
      return this.takeLines(inflateFrame(payload, this.#limits.inflatedBytesMax));
    } catch (error) {
      if (!(error instanceof InflateError)) throw error;
      this.#counters.framesRefused++;
      return refused(decompressionFailedAck(error.message));
    }
  }

  /** A plain line that the decoder did not keep. */
  takeTooLong(): Intake {
    this.#counters.linesRefused.tooLong++;
    return refused(this.#tooLong);
  }

  /** The stream cannot be followed any further. */
  takeUnframeable(reason: string): Intake {
    this.#counters.framesRefused++;
    return refused(decompressionFailedAck(reason));
  }

  #refuse(verdict: Exclude<Verdict, 0>, acks: AckRuns): void {
    const refusedBy = this.#counters.linesRefused;
    switch (verdict) {
      case VERDICT.blank:
        this.#counters.linesBlank++;
        break;
      case VERDICT.invalidJson:
        refusedBy.invalidJson++;
        acks.add(ACK_INVALID_JSON);
        break;
      case VERDICT.missingFields:
        refusedBy.missingFields++;
        acks.add(ACK_MISSING_FIELDS);
        break;
      case VERDICT.tooLong:
        refusedBy.tooLong++;
        acks.add(this.#tooLong);
        break;
    }
  }
}

/** Moves `region[from, to)` down to `kept`. Returns where it ends there. */
function move(region: Buffer, from: number, to: number, kept: number): number {
  if (from < to && from !== kept) region.copyWithin(kept, from, to);
  return kept + (to - from);
}

function refused(ack: Buffer): Intake {
  const acks = new AckRuns();
  acks.add(ack);
  return { buffers: [], lines: 0, acks, bytesHeld: 0 };
}
