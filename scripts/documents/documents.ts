import { readdirSync } from 'node:fs';

/** Seen from dist/scripts/documents, where this file runs. */
export const ROOT = new URL('../../../', import.meta.url);

/** The documents that may have blocks that are made, by their path in the repository. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];
