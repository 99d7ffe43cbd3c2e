import { inflateSync } from 'node:zlib';
import { decodeMoment, decodeSymbols, type MomentFile, type PictureSymbols } from '../../src/picture/internal.ts';

/** What a page that was written has in it. */
export interface ReadPage {
  readonly moments: readonly MomentFile[];
  /** Null where it has none. */
  readonly symbols: readonly PictureSymbols[] | null;
}

/** Reads a page as a browser does. */
export function momentsOfPage(html: string): ReadPage {
  const bytesOf = (base64: string): Uint8Array => inflateSync(Buffer.from(base64, 'base64'));
  const moments = [...html.matchAll(/<script type="text\/plain" class="moment">([^<]*)<\/script>/g)];
  const [, symbols] = /<script type="text\/plain" id="symbols">([^<]*)<\/script>/.exec(html) ?? [];
  return {
    moments: moments.map(([, text = '']) => decodeMoment(bytesOf(text))),
    symbols: symbols === undefined ? null : decodeSymbols(bytesOf(symbols)),
  };
}
