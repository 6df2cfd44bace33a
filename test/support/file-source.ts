import { type LineCounters, LineEncoder, newLineCounters } from "../../src/event/line-encoder.ts";
import { BATCH_BYTES_MAX, SlabPool } from "../../src/pipeline/batch.ts";
import type { Checkpoint, FileRecord } from "../../src/source/checkpoint.ts";
import { FileSource } from "../../src/source/file-source.ts";
import type { FileSourceOptions } from "../../src/source/interfaces.ts";
import { type LineSetup, usual } from "./line-oracle.ts";

/** A file source of its own, with what it counted, said and saved. */
export interface SourceUnderTest {
  readonly source: FileSource;
  readonly counters: LineCounters;
  readonly messages: string[];
  readonly saved: (readonly FileRecord[])[];
}

export interface SourceSetup extends Partial<FileSourceOptions> {
  readonly patterns: readonly string[];
  readonly lines?: LineSetup;
  readonly checkpoint?: Checkpoint;
}

/** Made as a shipper makes it, but that ids name the stream of the setup, if any; by default it reads once. */
export function createSource({ lines = usual, checkpoint, ...given }: SourceSetup): SourceUnderTest {
  const counters = newLineCounters();
  const messages: string[] = [];
  const saved: (readonly FileRecord[])[] = [];
  const { format, fields, unparsed, lineBytesMax, stream } = lines;
  const options: FileSourceOptions = {
    follow: false,
    again: false,
    startAt: "beginning",
    watch: "auto",
    pollIntervalMs: 50,
    batchEventsMax: Number.POSITIVE_INFINITY,
    lineBytesMax,
    isOwn: () => false,
    ownInodes: new Set(),
    ...given,
  };
  const source = new FileSource(options, {
    createEncoder: () =>
      new LineEncoder({ rules: { format, fields }, unparsed, lineBytesMax, counters, stream }),
    pool: new SlabPool(4 * BATCH_BYTES_MAX),
    report: (level, message) => messages.push(`${level}: ${message}`),
    checkpoint,
    save: async (files) => {
      saved.push(files);
    },
    onSettled: () => {},
  });
  return { source, counters, messages, saved };
}
