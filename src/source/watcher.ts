// The kernel's word that something changed. It watches folders, not files: a file that is replaced would take its watch
// with it. Events may be lost, so whoever listens also looks for itself now and then.

import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname, join } from "node:path";

export class FolderWatcher {
  readonly #watchers: Map<string, FSWatcher> = new Map();
  readonly #onChange: (path: string | undefined) => void;
  readonly #onFailure: (directory: string, error: unknown) => void;
  /** What is known under a link's path, by the path of the file itself. */
  #linkOf: ReadonlyMap<string, string> = new Map();
  #isClosed = false;

  /** `onChange` gets the path that changed, or undefined if the kernel does not say which. */
  constructor(
    onChange: (path: string | undefined) => void,
    onFailure: (directory: string, error: unknown) => void,
  ) {
    this.#onChange = onChange;
    this.#onFailure = onFailure;
  }

  /** Watches exactly these folders from now on, and where these symbolic links lead. */
  watchOnly(directories: readonly string[], links: readonly string[]): void {
    this.#linkOf = new Map(links.flatMap((link) => targetOf(link).map((target) => [target, link])));
    const wanted = new Set([...directories, ...[...this.#linkOf.keys()].map(dirname)]);
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) this.#add(directory);
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(directory: string): void {
    if (this.#watchers.has(directory) || this.#isClosed) return;
    try {
      const watcher = watch(directory, (_event, name) => {
        if (name === null) {
          this.#onChange(undefined);
          return;
        }
        const path = join(directory, name);
        this.#onChange(path);
        const link = this.#linkOf.get(path);
        if (link !== undefined) this.#onChange(link);
      });
      watcher.on("error", () => this.#drop(directory, watcher));
      this.#watchers.set(directory, watcher);
    } catch (error) {
      // A folder that does not exist yet is watched once it does.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#onFailure(directory, error);
    }
  }

  #drop(directory: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(directory);
    this.#onChange(undefined);
  }
}

/** Where a link leads, if anywhere. */
function targetOf(link: string): string[] {
  try {
    return [realpathSync(link)];
  } catch {
    return [];
  }
}
