// A log file as programs and rotators treat it: what is done to the disk is done to the model. Nothing here waits for
// the client; what it costs if nobody does is for the caller to know.

import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { FileModel, Life } from "./file-model.ts";

/** A file on disk that holds a life. */
interface Place {
  readonly life: Life;
  path: string;
  /** The descriptor of the program that writes it, while that has it open. */
  writer: number | undefined;
}

/** Longer than the part of a file's head that is fingerprinted, and the same in every file. */
const BANNER = `${"=".repeat(1200)} a banner, the same in every file\n`;

/** What lines are filled with; their numbers are part of the records that replay a run. */
const FILLINGS: readonly string[] = [
  "plain text",
  'with "quotes" and \\ backslashes',
  "tab\there, bell\u0007there",
  "å wide 温度 text 🌡",
  '{"no": JSON',
  "x".repeat(3000),
];

export class LogFile {
  readonly name: string;
  readonly path: string;
  /** What the path names now. */
  current: Place | undefined;
  /** What rotation has left of it, the newest first. */
  readonly rotated: Place[] = [];
  readonly #model: FileModel;
  /** Where the targets of a symbolic link are; a path with such is one. */
  readonly #targetsDir: string | undefined;

  constructor(directory: string, name: string, model: FileModel, targetsDir?: string) {
    this.name = name;
    this.path = join(directory, name);
    this.#model = model;
    this.#targetsDir = targetsDir;
  }

  get isLink(): boolean {
    return this.#targetsDir !== undefined;
  }

  get inode(): bigint {
    return statSync(this.path, { bigint: true }).ino;
  }

  /** Opens a new file at the path, for a new life. */
  create({ banner = false }: { banner?: boolean } = {}): Life {
    const life = this.#begin(banner ? "created, with a banner" : "created");
    const path = this.#targetsDir === undefined ? this.path : join(this.#targetsDir, `${life.number}.txt`);
    this.current = { life, path, writer: openSync(path, "a") };
    if (this.#targetsDir !== undefined) {
      symlinkSync(path, `${this.path}.new`);
      renameSync(`${this.path}.new`, this.path);
    }
    if (banner) this.#write(this.current, BANNER);
    return life;
  }

  /** Writes lines; the file is created if there is none. */
  append(lines: number, filling = 0): Life {
    if (this.current === undefined) this.create();
    return this.#appendTo(this.current!, lines, filling);
  }

  /** Writes a part of a line. */
  half(): Life {
    if (this.current === undefined) this.create();
    const { life } = this.current!;
    this.#write(this.current!, life.tail === "" ? `${life.label()} half` : " half");
    return life;
  }

  /** Renames the file away, and those rotated before; a program may still write the old one. */
  rotate({ create = true, keepWriter = false }: { create?: boolean; keepWriter?: boolean } = {}): void {
    const place = this.current;
    if (place === undefined) return;
    this.#shift();
    this.#rename(place, `${this.path}.1`);
    this.rotated.unshift(place);
    this.current = undefined;
    if (!keepWriter) this.#closeWriter(place);
    if (create) this.create();
  }

  /** Lines from a program that has not noticed the rotation. */
  appendLate(lines: number, filling = 0): void {
    const place = this.rotated.find(({ writer }) => writer !== undefined);
    if (place !== undefined) this.#appendTo(place, lines, filling);
  }

  /** Ends the line that is half written in the newest rotated file. */
  finishLate(): void {
    const place = this.rotated.find(({ writer }) => writer !== undefined);
    if (place !== undefined && place.life.tail !== "") this.#write(place, " end\n");
  }

  /** Compresses the newest rotated file that nobody writes, as `gzip` does: the raw one goes last. */
  gzip({ keepTime = true }: { keepTime?: boolean } = {}): void {
    const place = this.rotated.find(({ writer, path }) => writer === undefined && !path.endsWith(".gz"));
    if (place === undefined) return;
    const { atime, mtime } = statSync(place.path);
    const compressed = `${place.path}.gz`;
    writeFileSync(compressed, gzipSync(readFileSync(place.path)));
    if (keepTime) utimesSync(compressed, atime, mtime);
    rmSync(place.path);
    place.path = compressed;
    place.life.history.push(`compressed to ${compressed}`);
  }

  /** Copies the file, then truncates it, as logrotate's copytruncate does; the program writes on. */
  copyTruncate(): void {
    const place = this.current;
    if (place === undefined || place.writer === undefined) return;
    this.#shift();
    const copy = `${this.path}.1`;
    copyFileSync(place.path, copy);
    ftruncateSync(place.writer, 0);
    this.rotated.unshift({ life: place.life, path: copy, writer: undefined });
    this.#ended(place.life, `copied to ${copy} and truncated`);
    this.current = { ...place, life: this.#begin("what comes after the truncation") };
  }

  /** Truncates the file and writes others: longer than it was or shorter, behind the same first bytes. */
  rewrite({ longer = true, banner = true }: { longer?: boolean; banner?: boolean } = {}): void {
    const place = this.current;
    if (place === undefined || place.writer === undefined) return;
    const bytes = statSync(place.path).size;
    ftruncateSync(place.writer, 0);
    place.life.history.push("rewritten");
    const life = this.#begin(`a rewrite, ${longer ? "longer" : "shorter"}`);
    const next = { ...place, life };
    this.current = next;
    if (banner) this.#write(next, BANNER);
    this.#appendTo(next, 1, 0);
    while (longer && statSync(place.path).size <= bytes) this.#appendTo(next, 20, 5);
  }

  /** Deletes the file; a program that has it open may write on. */
  remove({ keepWriter = false }: { keepWriter?: boolean } = {}): void {
    const place = this.current;
    if (place === undefined) return;
    rmSync(place.path);
    place.life.isNameless = true;
    this.current = undefined;
    if (keepWriter) this.rotated.unshift(place);
    else this.#closeWriter(place);
    place.life.history.push("deleted");
  }

  /** Points a symbolic link to another file. What it pointed to stays, under a name that nobody looks at. */
  repoint(): void {
    if (this.current === undefined) return;
    this.#closeWriter(this.current);
    this.current.life.isNameless = true;
    this.current.life.history.push("the link points elsewhere");
    this.create();
  }

  /** Gives the file a symbolic link and a hard link beside it. */
  linkAs(symbolic: string, hard: string): void {
    symlinkSync(this.path, join(dirname(this.path), symbolic));
    linkSync(this.path, join(dirname(this.path), hard));
  }

  /** Deletes the rotated file that is oldest. */
  dropOldest(): void {
    const place = this.rotated.pop();
    if (place === undefined) return;
    this.#closeWriter(place);
    if (!place.life.isNameless) rmSync(place.path);
    place.life.isNameless = true;
    place.life.history.push("dropped");
  }

  /** Ends what is half written; every program closes its files. */
  close(): void {
    const { current } = this;
    if (current !== undefined && current.life.tail !== "") this.#write(current, " end\n");
    for (const place of [...this.rotated, ...(current === undefined ? [] : [current])])
      this.#closeWriter(place);
  }

  #begin(how: string): Life {
    const life = this.#model.begin(this.name);
    life.history.push(how);
    return life;
  }

  #appendTo(place: Place, lines: number, filling: number): Life {
    let text = "";
    const { life } = place;
    const first = life.lines.length;
    for (let added = 0; added < lines; added++) {
      const start = added === 0 && life.tail !== "" ? "" : life.label(added);
      text += `${start} ${FILLINGS[filling % FILLINGS.length]} ${life.label(added)}\n`;
    }
    this.#write(place, text);
    life.history.push(`lines ${first} to ${life.lines.length - 1} written`);
    return life;
  }

  #write({ life, writer }: Place, text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(writer!, bytes, at);
    life.wrote(text);
  }

  /** `app.log.1` becomes `app.log.2`, and so on, compressed or not. */
  #shift(): void {
    const named = this.rotated.filter(({ life }) => !life.isNameless);
    for (const place of named.reverse()) {
      const [, number, suffix] = /\.(\d+)(\.gz)?$/.exec(place.path)!;
      this.#rename(place, `${this.path}.${Number(number) + 1}${suffix ?? ""}`);
    }
  }

  #rename(place: Place, to: string): void {
    renameSync(place.path, to);
    place.path = to;
    place.life.history.push(`renamed to ${to}`);
  }

  #closeWriter(place: Place): void {
    if (place.writer === undefined) return;
    closeSync(place.writer);
    place.writer = undefined;
    this.#ended(place.life, "its writer is gone");
  }

  #ended(life: Life, how: string): void {
    life.isTailExpected = true;
    life.history.push(how);
  }
}
