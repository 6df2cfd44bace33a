// What was written to files, and how much of it must be in the store: the model that the oracle compares with.
//
// A life is one run of bytes that begins at offset 0 of a file: a truncation, a new file under an old name, each begins
// another. Of a life, every line must be stored once, in order. Only where bytes were destroyed before they could be
// read may the end of a life be missing, and never something in its middle.

/** A line as people meet it in a report: `app#3:17 some text`. */
const LABEL = /^(\S+)#(\d+):(\d+) /;

export class Life {
  readonly number: number;
  /** The path under which it began. */
  readonly family: string;
  /** Complete lines, as they are expected to be stored. */
  readonly lines: string[] = [];
  /** What was written behind the last newline. */
  tail = "";
  /** The tail is the end of it, and is expected as a line. */
  isTailExpected = false;
  /** How many lines must be stored at least; the rest was destroyed before it could be read. */
  linesRequiredMax: number = Number.POSITIVE_INFINITY;
  /** No path leads to it any more: whoever has it open is the last who can read it. */
  isNameless = false;
  /** How many lines it had when the client that runs now was started. */
  linesBeforeClient = 0;
  /** What was done to it, for reports. */
  readonly history: string[] = [];

  constructor(number: number, family: string) {
    this.number = number;
    this.family = family;
  }

  /** The lines that are expected, the ones that may be missing included. */
  get expected(): readonly string[] {
    return this.isTailExpected && this.tail !== "" ? [...this.lines, this.tail] : this.lines;
  }

  get linesRequired(): number {
    return Math.min(this.linesRequiredMax, this.expected.length);
  }

  /** Takes note of bytes that were written to it. */
  wrote(text: string): void {
    const lines = (this.tail + text).split("\n");
    this.tail = lines.pop()!;
    this.lines.push(...lines);
  }

  /** A name for the next line, or for one after it. */
  label(ahead = 0): string {
    return `${this.family}#${this.number}:${this.lines.length + ahead}`;
  }
}

/** The life that a stored line says it is of. */
export function lifeOf(text: string): number | undefined {
  const match = LABEL.exec(text);
  return match === null ? undefined : Number(match[2]);
}

export class FileModel {
  readonly lives: Life[] = [];

  begin(family: string): Life {
    const life = new Life(this.lives.length, family);
    this.lives.push(life);
    return life;
  }

  get linesWritten(): number {
    return this.lives.reduce((sum, life) => sum + life.expected.length, 0);
  }
}
