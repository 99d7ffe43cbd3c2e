import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Seen from dist/scripts/mutants, where this file runs. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What the tests and the product run of. */
const COMPILED = ['src', 'protocols', 'test', 'scripts'];

/**
 * A copy of the compiled project, in a directory in which all else is the project's own: tests run there as they do here. One file
 * at a time is broken.
 */
export class BrokenCopy implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'pagewalk-mutants-'));

  constructor() {
    // Some tests run the product as another user, and QEMU under libvirt is one.
    chmodSync(this.root, 0o755);
    mkdirSync(join(this.root, 'dist'));
    for (const name of readdirSync(ROOT)) {
      if (name !== 'dist' && name !== '.git' && name !== 'coverage')
        symlinkSync(join(ROOT, name), join(this.root, name));
    }
    for (const name of readdirSync(join(ROOT, 'dist'))) {
      const from = join(ROOT, 'dist', name);
      const to = join(this.root, 'dist', name);
      if (!COMPILED.includes(name)) symlinkSync(from, to);
      else cpSync(from, to, { recursive: true, filter: (path) => !/\.(?:d\.ts|map)$/.test(path) });
    }
  }

  /** The text of a compiled file, as it should be: as it was when the copy was made, whatever is built meanwhile. */
  read(file: string): string {
    return readFileSync(join(this.root, 'dist', file), 'utf8');
  }

  /** The compiled files below a folder of dist. */
  files(folder: string): string[] {
    return readdirSync(join(this.root, 'dist', folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js'))
      .map((name) => `${folder}${name}`)
      .sort();
  }

  /** Runs something while a file has another text. @param file - below dist */
  async with<T>(file: string, text: string, run: (root: string) => Promise<T>): Promise<T> {
    const path = join(this.root, 'dist', file);
    if (!existsSync(path)) throw new RangeError(`there is no ${path}`);
    const good = this.read(file);
    writeFileSync(path, text);
    try {
      return await run(this.root);
    } finally {
      writeFileSync(path, good);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
