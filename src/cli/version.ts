import { readFileSync } from 'node:fs';

/** The package's own description, seen from dist/src/cli, where this file runs. */
const PACKAGE_FILE = new URL('../../../package.json', import.meta.url);

/** The version of this package. @internal */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { readonly version: string };
  return version;
}
