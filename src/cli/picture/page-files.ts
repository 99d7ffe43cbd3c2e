import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PageParts } from '../../picture/internal.ts';
import { PageMissingError } from '../errors.ts';

/** Where the page is, seen from a bundle of the command, and from a module of it. */
const PLACES = ['../page', '../../../bundles/page'];

/** What every page has. @internal */
export type PageFiles = Omit<PageParts, 'moments' | 'symbols'>;

/**
 * The program of the page and its looks, as they were bundled, with the hashes by which a browser knows them.
 *
 * @throws {@link PageMissingError} `ERR_CLI_PAGE_MISSING` where they were not built.
 * @internal
 */
export function readPageFiles(): PageFiles {
  const own = dirname(fileURLToPath(import.meta.url));
  const directory = PLACES.map((place) => join(own, place)).find((place) => existsSync(join(place, 'page.js')));
  if (directory === undefined) throw new PageMissingError(own);
  const script = readFileSync(join(directory, 'page.js'), 'utf8').trim();
  const style = readFileSync(join(directory, 'page.css'), 'utf8').trim();
  return { script, style, scriptHash: hashOf(script), styleHash: hashOf(style) };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
