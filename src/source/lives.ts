// The lives that are known, by their inodes and by the paths that name them now. One inode is one life.

import type { LineEncoder } from "../event/line-encoder.ts";
import type { FileRecord } from "./checkpoint.ts";
import type { OpenedContent } from "./content.ts";
import type { FileStat } from "./file-stat.ts";
import type { Mark } from "./line-reader.ts";
import { headOf, markOf } from "./positions.ts";
import { isCompressed, type Moved } from "./rotation.ts";
import { newStream, TrackedFile } from "./tracked-file.ts";

export interface LivesOptions {
  readonly createEncoder: (stream: string, path: string) => LineEncoder;
  /** Something was settled, so that a checkpoint has news. */
  readonly onSettled: () => void;
}

/** Where a life is met. */
export interface Whereabouts {
  readonly path: string;
  /** The path under which it began, as far as anybody knows. */
  readonly family: string;
  /** What was met there, as it was looked at when it was open. */
  readonly stat: FileStat;
  readonly isRotated: boolean;
  /** When its family's path was last looked at, in milliseconds since 1970. */
  readonly seenMs: number;
}

export class Lives {
  readonly #options: LivesOptions;
  readonly #byInode: Map<string, TrackedFile> = new Map();
  readonly #byPath: Map<string, TrackedFile> = new Map();
  /** Lives whose content is gone but whose last batches are not settled. */
  readonly #ended: Set<TrackedFile> = new Set();
  /** Lives whose streams are in no checkpoint yet. */
  readonly unsaved: Set<TrackedFile> = new Set();

  constructor(options: LivesOptions) {
    this.#options = options;
  }

  get all(): TrackedFile[] {
    return [...this.#byInode.values(), ...this.#ended];
  }

  /** Lives at no path any more that may still grow. */
  get rotated(): TrackedFile[] {
    return [...this.#byInode.values()].filter((file) => file.isRotated);
  }

  get paths(): Iterable<string> {
    return this.#byPath.keys();
  }

  at(path: string): TrackedFile | undefined {
    return this.#byPath.get(path);
  }

  withInode(inode: string): TrackedFile | undefined {
    return this.#byInode.get(inode);
  }

  /** Begins a life with what is open. */
  async begin(content: OpenedContent, where: Whereabouts, mark: Mark): Promise<TrackedFile> {
    const head = await headOf(content);
    const { stat, ...place } = where;
    const identity = { ...place, stream: newStream(), inode: stat.inode, start: mark.offset };
    const file = this.#add({ ...identity, head, mark }, stat);
    this.unsaved.add(file);
    return file;
  }

  /** Goes on with a life that a checkpoint knew. */
  async resume(record: FileRecord, content: OpenedContent, where: Whereabouts): Promise<TrackedFile> {
    const { path, isRotated, stat, seenMs } = where;
    const mark = await markOf(record, content);
    return this.#add({ ...record, path, isRotated, inode: stat.inode, mark, seenMs }, stat);
  }

  /** A further path of a life, or its new one. */
  name(file: TrackedFile, path: string): void {
    this.#byPath.set(path, file);
    if (!file.isRotated) return;
    file.path = path;
    file.isRotated = false;
    file.mayBeCut = false;
  }

  /** A path that names a life no more. A life without any is a rotated one. */
  unname(file: TrackedFile, path: string): void {
    this.#byPath.delete(path);
    const otherName = [...this.#byPath].find(([, named]) => named === file)?.[0];
    if (otherName === undefined) file.isRotated = true;
    else if (file.path === path) file.path = otherName;
  }

  /** Reads on where the content of a life has gone. */
  async moveTo(file: TrackedFile, { sibling, content }: Moved): Promise<void> {
    await file.use(content);
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    file.inode = sibling.inode;
    file.path = sibling.path;
    file.sizeBytes = contentBytes(sibling.path, sibling);
    file.isRotated = true;
    this.#byInode.set(sibling.inode, file);
  }

  /** Takes a life off its inode and its paths. */
  forget(file: TrackedFile): void {
    this.#byInode.delete(file.inode);
    for (const [path, named] of this.#byPath) if (named === file) this.#byPath.delete(path);
  }

  /** Nothing is left to read of a life; it stays until what was read is settled. */
  end(file: TrackedFile): void {
    file.isLost = true;
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    this.#ended.add(file);
  }

  /** A life of which nothing is left to do. */
  remove(file: TrackedFile): void {
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    this.#ended.delete(file);
  }

  #add(record: ConstructorParameters<typeof TrackedFile>[0], stat: FileStat): TrackedFile {
    const { createEncoder, onSettled } = this.#options;
    const file = new TrackedFile(record, createEncoder(record.stream, record.family), onSettled);
    file.sizeBytes = contentBytes(record.path, stat);
    this.#byInode.set(stat.inode, file);
    if (!file.isRotated) this.#byPath.set(record.path, file);
    return file;
  }
}

/** The size of a file's content, as far as it is known: that of a compressed one shows only when it is read. */
function contentBytes(path: string, { sizeBytes }: FileStat): number {
  return isCompressed(path) ? 0 : sizeBytes;
}
