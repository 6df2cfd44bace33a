// Turns what the decoder found into bytes for the store and acks for the client. Invariants: an accepted line goes to
// the store byte for byte, ended by exactly one `\n`, unless the store has it already; there is one ack for each line
// that is not blank, in order; a frame is inflated and verified whole before any line of it counts.
// A region is ours, so lines move down in place over what is left out; where nothing is, nothing is copied.

import {
  ACK_DUPLICATE,
  ACK_INVALID_JSON,
  ACK_MISSING_FIELDS,
  ACK_RECEIVED,
  decompressionFailedAck,
  lineTooLongAck,
} from "../protocol/ack.ts";
import { EventChecker, VERDICT, type Verdict } from "../protocol/event-check.ts";
import type { WireLimits } from "../protocol/limits.ts";
import { AckRuns } from "./ack-runs.ts";
import { DuplicateCheck } from "./dedupe.ts";
import { InflateError, inflateFrame } from "./inflate.ts";
import { type Advances, type MarkTable, NO_ADVANCES } from "./marks.ts";
import type { ServerCounters } from "./stats.ts";

const LF = 0x0a;
const NEWLINE = Buffer.from("\n");

/** What one region or frame came to. */
export interface Intake {
  /** New lines, each ended by `\n`, and how many they are. */
  readonly buffers: readonly Buffer[];
  readonly lines: number;
  /** How far they take their streams, once they are appended. */
  readonly advances: Advances;
  /** Lines that the store has already, or that wait for a commit of whatever connection. */
  readonly duplicates: number;
  readonly acks: AckRuns;
  /** Bytes of memory that are held for it. */
  readonly bytesHeld: number;
}

/** Checks lines. Holds no state from one region to the next, but the marks: append one intake before the next. */
export class IntakeChecker {
  readonly #limits: WireLimits;
  readonly #counters: ServerCounters;
  readonly #checker: EventChecker;
  readonly #dedupe: DuplicateCheck;
  readonly #tooLong: Buffer;

  constructor(limits: WireLimits, counters: ServerCounters, marks: Pick<MarkTable, "markOf">) {
    this.#limits = limits;
    this.#counters = counters;
    this.#checker = new EventChecker(limits.eventBytesMax);
    this.#dedupe = new DuplicateCheck(marks);
    this.#tooLong = lineTooLongAck(limits.eventBytesMax);
  }

  /** Takes lines, of which the last may lack its `\n`. Overwrites the region. */
  takeLines(region: Buffer): Intake {
    const checker = this.#checker;
    const dedupe = this.#dedupe;
    const duplicatesBefore = this.#counters.duplicates;
    const acks = new AckRuns();
    let kept = 0; // accepted bytes so far, moved to the region's start
    let runStart = 0; // start of the accepted lines that have not been moved yet
    let lines = 0;
    let unacked = 0;
    let buffers: Buffer[] | undefined;
    checker.begin(region);
    dedupe.begin(region);
    for (let pos = 0; pos < region.length; pos = checker.next) {
      const verdict = checker.check(pos);
      if (verdict === VERDICT.ok && !dedupe.isDuplicate(checker.lineEnd)) {
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
        this.#leaveOut(verdict, acks);
      }
      runStart = checker.next;
    }
    checker.end();
    kept = move(region, runStart, region.length, kept);
    acks.add(ACK_RECEIVED, unacked);
    buffers ??= kept === 0 ? [] : [region.subarray(0, kept)];
    const advances = dedupe.end();
    const duplicates = this.#counters.duplicates - duplicatesBefore;
    return { buffers, lines, advances, duplicates, acks, bytesHeld: region.length };
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

  /** Answers a line that is not stored: an event is one that the store has already. */
  #leaveOut(verdict: Verdict, acks: AckRuns): void {
    const refusedBy = this.#counters.linesRefused;
    switch (verdict) {
      case VERDICT.ok:
        this.#counters.duplicates++;
        acks.add(ACK_DUPLICATE);
        break;
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
  return { buffers: [], lines: 0, advances: NO_ADVANCES, duplicates: 0, acks, bytesHeld: 0 };
}
