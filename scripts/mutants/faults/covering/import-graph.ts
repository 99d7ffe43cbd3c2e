import { dirname, join } from 'node:path';

/** Of compiled JavaScript, in which each import has one line. */
const IMPORT = /^(?:import|export) [^'"\n]*['"](\.[^'"\n]*)['"];$|\bimport\(['"](\.[^'"\n]*)['"]\)/gm;

/** Which files import which, as their text says. Files are named from dist. */
export class ImportGraph {
  readonly #importers = new Map<string, string[]>();

  /** @param files - text by name */
  constructor(files: Iterable<readonly [file: string, text: string]>) {
    for (const [file, text] of files) {
      for (const [, from, later] of text.matchAll(IMPORT)) {
        const imported = join(dirname(file), from ?? later ?? '');
        this.#importers.set(imported, [...(this.#importers.get(imported) ?? []), file]);
      }
    }
  }

  /** Files that import a file, and those that import it by way of an index.js, which only re-exports. */
  importersOf(file: string): string[] {
    const direct = this.#importers.get(file) ?? [];
    return direct.flatMap((importer) => (importer.endsWith('/index.js') ? this.importersOf(importer) : [importer]));
  }

  /** All files that any of these reaches, by whatever way; themselves, too. */
  usersOf(files: Iterable<string>): ReadonlySet<string> {
    const users = new Set(files);
    // A set that grows while it is gone through is gone through to its end.
    for (const file of users) for (const importer of this.#importers.get(file) ?? []) users.add(importer);
    return users;
  }
}
