// The kernel's word that something changed. It watches folders, not files: a file that is replaced would take its watch
// with it. Events may be lost, so whoever listens also looks for itself now and then.

import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";

export class FolderWatcher {
  readonly #watchers: Map<string, FSWatcher> = new Map();
  readonly #onChange: (path: string | undefined) => void;
  readonly #onFailure: (directory: string, error: unknown) => void;
  #isClosed = false;

  /** `onChange` gets the path that changed, or undefined if the kernel does not say which. */
  constructor(
    onChange: (path: string | undefined) => void,
    onFailure: (directory: string, error: unknown) => void,
  ) {
    this.#onChange = onChange;
    this.#onFailure = onFailure;
  }

  /** Watches exactly these folders from now on. */
  watchOnly(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) this.#add(directory);
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
        this.#onChange(name === null ? undefined : join(directory, name));
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
