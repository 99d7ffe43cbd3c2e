import { readFileSync } from 'node:fs';
import { parseEndpoint } from '../../../protocols/transport/index.ts';

/** Columns of /proc/net/unix (proc(5)): a listening socket has __SO_ACCEPTCON among its flags. */
const LISTENS = 0x10000;

/**
 * Whether a unix socket listens on this host and has no client, as Linux shows it. Nothing is touched.
 *
 * @returns undefined where that cannot be told
 * @internal
 */
export function isSocketIdle(endpoint: string): boolean | undefined {
  const target = parseEndpoint(endpoint);
  if (target.kind !== 'unix') return undefined;
  try {
    const rows = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(` ${target.path}`));
    const listens = (line: string): boolean => (Number.parseInt(line.split(' ', 4)[3] ?? '', 16) & LISTENS) !== 0;
    return rows.some(listens) && rows.every(listens);
  } catch {
    return undefined;
  }
}
