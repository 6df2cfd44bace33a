// A status report for people: a few words on the client, then a row a file, no wider than the terminal if that can be.

import type { ClientReport, FileReport, StatusReport } from "./interfaces.ts";

export interface TableStyle {
  /** Columns of the terminal; Infinity where there is none. */
  readonly width: number;
  readonly color: boolean;
  /** For ages, in milliseconds since 1970. */
  readonly nowMs: number;
}

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  /** Left out of a table that is too wide: those of the highest rank first; 0 is never left out. */
  readonly rank: number;
  readonly text: (file: FileReport) => string;
}

const columns: readonly Column[] = [
  { title: "FILE", isNumber: false, rank: 0, text: ({ path }) => path },
  { title: "SIZE", isNumber: true, rank: 2, text: ({ sizeBytes }) => count(sizeBytes) },
  { title: "READ", isNumber: true, rank: 3, text: ({ readBytes }) => count(readBytes) },
  { title: "ACKED", isNumber: true, rank: 1, text: ({ ackedBytes }) => count(ackedBytes) },
  { title: "LAG", isNumber: true, rank: 0, text: ({ lagBytes }) => count(lagBytes) },
  { title: "OLDEST", isNumber: true, rank: 0, text: ({ oldestSeconds }) => duration(oldestSeconds) },
  { title: "STREAM", isNumber: false, rank: 4, text: ({ stream }) => stream ?? "-" },
  { title: "INODE", isNumber: false, rank: 5, text: ({ inode }) => inode },
  { title: "STATE", isNumber: false, rank: 0, text: stateText },
];

const GAP = "  ";
const PATH_WIDTH_MIN = 20;

export function statusTable(report: StatusReport, style: TableStyle): string {
  const shown = report.files.filter((file) => !isDone(file));
  const hidden = report.files.length - shown.length;
  const lines = [...clientLines(report.client, style), ""];
  if (shown.length > 0) lines.push(...rows(shown, style));
  else lines.push(`no file is known in ${report.stateDir}`);
  if (hidden > 0) lines.push(`and ${hidden} rotated or deleted, delivered whole`);
  lines.push("", `${report.isHealthy ? "healthy" : "NOT HEALTHY"}, ${count(report.lagBytes)} bytes behind`);
  return `${lines.join("\n")}\n`;
}

/** Rotated away, and nothing to do with any more. */
function isDone({ lagBytes, isRotated, state }: FileReport): boolean {
  return lagBytes === 0 && (isRotated || state === "gone");
}

function clientLines(client: ClientReport, { nowMs }: TableStyle): string[] {
  const { isRunning, pid, startedAt, server, isConnected, connectionError, lastAckAt, seenAt } = client;
  const ago = (time: string | null): string =>
    time === null ? "unknown" : `${duration((nowMs - Date.parse(time)) / 1000)} ago`;
  const ran = isRunning
    ? `running as process ${pid}, started ${ago(startedAt)}`
    : `not running, last heard of ${ago(seenAt)}`;
  const idle = isRunning ? "not connected" : "not in use";
  const link = isConnected ? "connected" : (connectionError ?? idle);
  return [`client  ${ran}`, `server  ${server}: ${link}, last ack ${ago(lastAckAt)}`];
}

function rows(files: readonly FileReport[], { width, color }: TableStyle): string[] {
  const cells = (column: Column): string[] => [
    column.title,
    ...files.map((file) => visible(column.text(file))),
  ];
  let table = columns.map((column) => ({ column, cells: cells(column) }));
  for (let rank = 5; rank > 0 && widthOf(table) > width; rank--)
    table = table.filter(({ column }) => column.rank !== rank);
  const tooWide = widthOf(table) - width;
  if (tooWide > 0) {
    const [paths, ...others] = table as [(typeof table)[0], ...typeof table];
    const pathWidth = Math.max(PATH_WIDTH_MIN, widestOf(paths.cells) - tooWide);
    table = [{ ...paths, cells: paths.cells.map((path) => cutFront(path, pathWidth)) }, ...others];
  }
  return ["", ...files].map((_, row) => {
    const padded = table.map(({ column, cells }) => pad(cells[row]!, widestOf(cells), column.isNumber));
    const line = padded.join(GAP).trimEnd();
    return color && row > 0 ? `${colorOf(files[row - 1]!)}${line}\x1b[39m` : line;
  });
}

function widthOf(table: readonly { readonly cells: readonly string[] }[]): number {
  return table.reduce((sum, { cells }) => sum + widestOf(cells) + GAP.length, -GAP.length);
}

function widestOf(cells: readonly string[]): number {
  return cells.reduce((widest, cell) => Math.max(widest, cell.length), 0);
}

function pad(text: string, width: number, isNumber: boolean): string {
  return isNumber ? text.padStart(width) : text.padEnd(width);
}

/** The end of a path says more than its beginning. */
function cutFront(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(1 - width)}`;
}

/** A path or an error with control characters must not move the cursor. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}

function colorOf({ state }: FileReport): string {
  if (state === "delivered") return "\x1b[39m";
  return state === "moving" || state === "partial" ? "\x1b[32m" : "\x1b[31m";
}

function stateText({ state, why, error }: FileReport): string {
  const last = error === null || error === why ? "" : `; last error: ${error}`;
  return `${state}: ${why}${last}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function duration(given: number | null): string {
  if (given === null) return "-";
  const seconds = Math.max(0, Math.round(given));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
