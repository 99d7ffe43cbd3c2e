import type { Lie } from './lie.ts';
import { BOMBS } from './lies/bombs.ts';
import { backingFile, DEVICE_STATES, linkedStub } from './lies/named-files.ts';
import { stubElsewhere } from './lies/named-sockets.ts';
import { secretTables } from './lies/secret-tables.ts';
import { STALLS } from './lies/stalls.ts';
import { controlCharacters } from './lies/words.ts';

/** Every lie, by the name under which a peer is told to tell it. */
export const LIES: Readonly<Record<string, Lie>> = {
  none: {},
  'secret-tables': secretTables,
  'backing-file': backingFile,
  'stub-elsewhere': stubElsewhere,
  'linked-stub': linkedStub,
  ...DEVICE_STATES,
  ...BOMBS,
  ...STALLS,
  ...controlCharacters,
};
