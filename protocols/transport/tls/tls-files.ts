import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint, TlsFiles } from '../endpoint.ts';

type TlsEndpoint = Extract<Endpoint, { kind: 'tls' }>;

/** What Node's TLS takes. @internal */
export interface TlsCredentials {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly psk?: { readonly identity: string; readonly key: Buffer };
}

/** Where QEMU's own client looks in a directory. */
const NAMES = { ca: 'ca-cert.pem', cert: 'client-cert.pem', key: 'client-key.pem', psk: 'keys.psk' } as const;
type FileOption = keyof typeof NAMES;

/** What QEMU's client calls itself. */
const DEFAULT_IDENTITY = 'qemu';
const KEY = /^[0-9a-f]{2,2048}$/i;

/**
 * Reads the files that an endpoint names. Those of a directory need not all be there.
 *
 * @throws Error in words that name the file.
 * @internal
 */
export function readTlsFiles(target: TlsEndpoint): TlsCredentials {
  const read = (option: FileOption): Buffer | undefined => readOption(target, option);
  const [ca, cert, key, keys] = [read('ca'), read('cert'), read('key'), read('psk')];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(
      `a client's certificate takes its key and the other way round: ${cert === undefined ? 'cert' : 'key'}= is missing`,
    );
  }
  const psk = keys === undefined ? undefined : findKey(keys.toString('utf8'), target);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(psk === undefined ? {} : { psk }),
  };
}

function readOption(target: TlsFiles, option: FileOption): Buffer | undefined {
  const named = target[option];
  const path = named ?? (target.dir === undefined ? undefined : join(target.dir, NAMES[option]));
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${option}= cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** `NAME:HEX`, a line for each, as psktool writes them. */
function findKey(text: string, { identity = DEFAULT_IDENTITY }: TlsFiles): TlsCredentials['psk'] {
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    const key = line.slice(colon + 1).trim();
    if (colon > 0 && line.slice(0, colon) === identity && KEY.test(key))
      return { identity, key: Buffer.from(key, 'hex') };
  }
  throw new Error(`the file of keys has none for ${JSON.stringify(identity)}; identity= names another`);
}
