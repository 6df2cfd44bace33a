import { LineEncoder } from "../event/line-encoder.ts";
import type { LineReaderOptions } from "../source/line-reader.ts";
import type { InputContext } from "./interfaces.ts";

/** An encoder for the lines of one input, which `path` names. */
export function createEncoder(
  { settings, lines: counters }: InputContext,
  stream: string,
  path: string,
): LineEncoder {
  const { fields, fileField, format, unparsed, lineBytesMax, noId } = settings;
  const allFields = fileField === undefined ? fields : new Map([...fields, [fileField, path]]);
  const ids = noId ? {} : { stream };
  return new LineEncoder({ rules: { format, fields: allFields }, unparsed, lineBytesMax, counters, ...ids });
}

export function lineReaderOptions({ settings }: InputContext): LineReaderOptions {
  const { batchSize, lineBytesMax } = settings;
  return { batchEventsMax: batchSize === "auto" ? Number.POSITIVE_INFINITY : batchSize, lineBytesMax };
}
