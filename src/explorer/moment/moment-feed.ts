import type { SymbolPlace } from '../../linux/index.ts';
import { formatHex } from '../../paging/index.ts';
import { decodePlainData } from '../../picture/internal.ts';
import { fromBase64 } from './decompress.ts';
import type { FoundSymbols } from './found-places.ts';
import { LoadedMoment } from './loaded-moment.ts';
import { type KnownSymbols, symbolsOfPage } from './page-symbols.ts';

/** Where moments come from: the page itself, or the server that serves it. @internal */
export interface MomentFeed {
  /** Moments that are there from the start. */
  first(): Promise<readonly LoadedMoment[]>;
  /** A new moment of a guest that runs; null where there is none. */
  readonly next: (() => Promise<LoadedMoment>) | null;
  /** Symbols of the guest's Linux; null where none are known. */
  readonly symbols: KnownSymbols | null;
}

/** The moments that stand in this page. @throws PictureError when the page was cut off. @internal */
export function momentsOfPage(): MomentFeed {
  return {
    async first() {
      const texts = [...document.querySelectorAll('script.moment')].map(({ textContent }) => textContent ?? '');
      if (document.getElementById('end') === null) {
        throw new Error('this file was cut off: the end of the page is missing, and what is here may be wrong');
      }
      return Promise.all(texts.map((text) => LoadedMoment.load(fromBase64(text))));
    },
    next: null,
    symbols: symbolsOfPage(),
  };
}

/** What a server says of itself. */
interface About {
  readonly moments: number;
  readonly live: boolean;
  /** There are names. */
  readonly symbols: boolean;
}

/** Symbols of a name, as a server has found them. */
interface ServedSymbols {
  readonly symbols: readonly { readonly name: string; readonly address: string }[];
  /** There are more. */
  readonly more: boolean;
  readonly hasModules: boolean;
}

/** The moments of the server that has served this page. @internal */
export async function momentsOfServer(): Promise<MomentFeed> {
  const { moments, live, symbols } = (await (await ask('about', 'GET')).json()) as About;
  return {
    first: async () => {
      const loaded: LoadedMoment[] = [];
      for (let at = 0; at < moments; at += 1) loaded.push(await load(`moments/${at}`, 'GET'));
      return loaded;
    },
    next: live ? () => load('moments', 'POST') : null,
    symbols: symbols ? { find: findSymbols, placeOf } : null,
  };
}

async function findSymbols(name: string): Promise<FoundSymbols> {
  const found = (await (await ask(`symbols/${encodeURIComponent(name)}`, 'GET')).json()) as ServedSymbols;
  return {
    places: found.symbols.map(({ name: text, address }) => ({ address: BigInt(address), text })),
    more: found.more ? ' or more' : '',
    hasModules: found.hasModules,
  };
}

async function placeOf(address: bigint): Promise<SymbolPlace | null> {
  const answer = await ask(`places/${formatHex(address)}`, 'GET');
  return decodePlainData(await answer.text()) as SymbolPlace | null;
}

async function load(path: string, method: 'GET' | 'POST'): Promise<LoadedMoment> {
  return LoadedMoment.load(new Uint8Array(await (await ask(path, method)).arrayBuffer()));
}

/** @throws with what the server says. */
async function ask(path: string, method: 'GET' | 'POST'): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { method, cache: 'no-store', credentials: 'omit' });
  } catch (error) {
    throw new Error('pagewalk explore does not answer any more: it has ended, or was stopped', { cause: error });
  }
  if (response.ok) return response;
  throw new Error(await response.text());
}
