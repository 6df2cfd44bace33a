// What the checkpoint knew, and no file has claimed: files that are away for now, and rotated ones that are read to
// their end. Those are remembered while they may still exist, so that they are not taken for unread.

import type { FileRecord } from "./checkpoint.ts";
import { type Content, holdsPosition } from "./content.ts";
import type { FileStat } from "./file-stat.ts";

/** Rotated files that are remembered after they were read. */
const ROTATED_RECORDS_MAX = 1000;

export class RecordBook {
  #records: FileRecord[];

  constructor(records: readonly FileRecord[]) {
    this.#records = [...records];
  }

  get all(): readonly FileRecord[] {
    return this.#records;
  }

  /** A file has claimed its record, or nothing ever will. */
  remove(record: FileRecord): void {
    this.#records = this.#records.filter((other) => other !== record);
  }

  /** Remembers a rotated file that was read to its end. */
  addRotated(record: FileRecord): void {
    this.#records.push({ ...record, isRotated: true });
    const rotated = this.#records.filter(({ isRotated }) => isRotated);
    if (rotated.length > ROTATED_RECORDS_MAX) this.remove(rotated[0]!);
  }

  /** The record of an open file: by its inode, else by its name, and always by its content. */
  async find(path: string, content: Content, stat: FileStat): Promise<FileRecord | undefined> {
    const byInode = this.#records.filter(({ inode }) => inode === stat.inode);
    const byPath = this.#records.filter((record) => record.path === path && record.inode !== stat.inode);
    for (const record of [...byInode, ...byPath]) {
      if (record.head.bytes === 0 && record.inode !== stat.inode) continue;
      if (stat.sizeBytes >= record.offset && (await holdsPosition(content, record))) return record;
    }
    return undefined;
  }

  /** The record of a file that was empty when it was last seen: nothing but its inode tells. */
  findEmpty(family: string, inode: string): FileRecord | undefined {
    return this.#records.find(
      (record) => record.family === family && record.inode === inode && record.head.bytes === 0,
    );
  }

  /** The record of an open file that was rotated away from a path: by its content, and first by its inode. */
  async findRotated(family: string, content: Content, stat: FileStat): Promise<FileRecord | undefined> {
    const ofFamily = this.#records.filter((record) => record.family === family && record.head.bytes > 0);
    const byInode = ofFamily.filter(({ inode }) => inode === stat.inode);
    const byContent = ofFamily.filter(({ inode }) => inode !== stat.inode);
    for (const record of [...byInode, ...byContent])
      if (await holdsPosition(content, record).catch(() => false)) return record;
    return undefined;
  }
}
