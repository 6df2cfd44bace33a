// File patterns: `*` and `?` within a name, `**` for any folders between, `[abc]` sets, `{a,b}` alternatives. As in a
// shell, none of them matches a hidden name unless the pattern's name begins with a dot itself.
// Node 20 has no glob of its own.

import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";

/** What patterns stand for at one moment. */
export interface Expansion {
  /** Files, sorted; a path without pattern characters is here whether it exists or not. */
  readonly paths: readonly string[];
  /** The folders in which a matching file, or a folder on the way to one, could appear; sorted. */
  readonly directories: readonly string[];
  /** Those of the paths that are symbolic links. */
  readonly links: readonly string[];
}

/** Told of a folder that cannot be read, which is passed over. */
export type OnUnreadable = (directory: string, error: unknown) => void;

const SPECIAL = /[*?[{]/;

/** Expands patterns against what is there. */
export async function expandPatterns(
  patterns: readonly string[],
  onUnreadable: OnUnreadable,
): Promise<Expansion> {
  const walker = new Walker(onUnreadable);
  for (const pattern of patterns) {
    walker.isLiteral = !SPECIAL.test(pattern);
    await walker.walk("/", namesOf(pattern));
  }
  const { paths, directories, links } = walker;
  return { paths: [...paths].sort(), directories: [...directories].sort(), links: [...links] };
}

/** Tells whether an absolute path is one that the patterns stand for. */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const sources = patterns.map((pattern) => {
    const names = namesOf(pattern).map((name, at, all) =>
      name === "**" && at < all.length - 1 ? "(?:/[^/.][^/]*)*" : `/${nameSource(name)}`,
    );
    return names.join("");
  });
  const matcher = new RegExp(`^(?:${sources.join("|")})$`, "su");
  return (path) => matcher.test(path);
}

function namesOf(pattern: string): string[] {
  return resolve(pattern).split("/").slice(1);
}

class Walker {
  readonly paths: Set<string> = new Set();
  readonly directories: Set<string> = new Set();
  readonly links: Set<string> = new Set();
  /** The pattern being walked has no pattern characters: its file counts before it exists. */
  isLiteral = false;
  readonly #onUnreadable: OnUnreadable;

  constructor(onUnreadable: OnUnreadable) {
    this.#onUnreadable = onUnreadable;
  }

  async walk(directory: string, names: readonly string[]): Promise<void> {
    const [name, ...rest] = names as [string, ...string[]];
    if (name === "**" && rest.length > 0) await this.#walkAll(directory, names, rest);
    else if (SPECIAL.test(name)) await this.#walkMatching(directory, name, rest);
    else if (rest.length > 0) await this.walk(join(directory, name), rest);
    else {
      this.directories.add(directory);
      const path = join(directory, name);
      const stat = await lstat(path).catch(() => undefined);
      if (this.isLiteral || stat !== undefined) this.paths.add(path);
      if (stat?.isSymbolicLink()) this.links.add(path);
    }
  }

  async #walkAll(directory: string, names: readonly string[], rest: readonly string[]): Promise<void> {
    await this.walk(directory, rest);
    for (const entry of await this.#list(directory)) {
      // A symbolic link is not followed: it could lead in a circle.
      if (entry.isDirectory() && !entry.name.startsWith("."))
        await this.walk(join(directory, entry.name), names);
    }
  }

  async #walkMatching(directory: string, name: string, rest: readonly string[]): Promise<void> {
    const matcher = new RegExp(`^${nameSource(name)}$`, "su");
    for (const entry of await this.#list(directory)) {
      if (!matcher.test(entry.name)) continue;
      const path = join(directory, entry.name);
      if (rest.length === 0 && !entry.isDirectory()) this.paths.add(path);
      if (rest.length === 0 && entry.isSymbolicLink()) this.links.add(path);
      if (rest.length > 0 && !entry.isFile()) await this.walk(path, rest);
    }
  }

  async #list(directory: string): Promise<Dirent[]> {
    try {
      const entries = await readdir(directory, { withFileTypes: true });
      this.directories.add(directory);
      return entries;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") this.#onUnreadable(directory, error);
      return [];
    }
  }
}

/** One name of a pattern as the source of a regular expression. */
function nameSource(name: string): string {
  let source = name.startsWith(".") || !SPECIAL.test(name[0] ?? "") ? "" : "(?!\\.)";
  let depth = 0;
  for (let at = 0; at < name.length; at++) {
    const char = name[at]!;
    const setEnd = char === "[" ? name.indexOf("]", at + 2) : -1;
    if (setEnd > 0) {
      const set = name.slice(at + 1, setEnd).replace(/[\\\]^[]/g, "\\$&");
      source += set.startsWith("!") ? `[^/${set.slice(1)}]` : `[${set}]`;
      at = setEnd;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "{" && name.includes("}", at)) {
      source += "(?:";
      depth++;
    } else if (char === "}" && depth > 0) {
      source += ")";
      depth--;
    } else if (char === "," && depth > 0) source += "|";
    else source += char.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  }
  return source + ")".repeat(depth);
}
