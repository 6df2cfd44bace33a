/** The level of an event whose line tells none. */
export const UNKNOWN_LEVEL = "UNKNOWN";

/**
 * Level words that count in the decorated forms `[LEVEL]` and `LEVEL:`. Any word of letters counts where it stands
 * bare, as it always did for users of this format; with decoration that would take `[main]` or `app:` for a level.
 */
const decoratedLevels = new Set(
  (
    "TRACE VERBOSE FINEST FINER FINE DEBUG CONFIG INFO INFORMATION NOTICE WARN WARNING ERR ERROR SEVERE " +
    "CRIT CRITICAL FATAL ALERT EMERG EMERGENCY PANIC OFF LOG AUDIT SUCCESS"
  ).split(" "),
);

/** The numbers of pino (https://getpino.io, `levels`) and bunyan; they use the same six. */
const numberedLevels: Readonly<Record<string, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

const letters = /^\p{L}+$/u;
const decorated = /^(?:\[(\p{L}+)\]:?|(\p{L}+):)$/u;

/** The level that a word of a text line names (`info`, `[INFO]`, `INFO:` → `INFO`), or undefined if it names none. */
export function levelOfWord(word: string): string | undefined {
  if (letters.test(word)) return word.toUpperCase();
  const match = decorated.exec(word);
  const level = (match?.[1] ?? match?.[2])?.toUpperCase();
  return level !== undefined && decoratedLevels.has(level) ? level : undefined;
}

/** The level of a JSON line: a word in upper case, a known number's name, any other number as it is written. */
export function levelOfJson(value: string | number): string {
  if (typeof value === "string") return value.toUpperCase();
  return numberedLevels[value] ?? String(value);
}
