import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { defaultQemuBinary } from '../../../src/testing/index.ts';
import type { Approach } from '../rig/approach.ts';
import type { ProxyFront } from '../rig/proxy-place.ts';
import { tlsIdentity, tlsMonitor } from '../rig/tls/tls-folder.ts';
import type { TortureGuest } from '../rig/torture-guest.ts';
import { LackingError, TortureError } from '../torture-error.ts';

/** Seen from dist/scripts/torture/tls, where this file runs. */
const QEMU_10 = fileURLToPath(new URL('../../../qemu-10/qemu-system-x86_64', import.meta.url));
const FIRST_THAT_ANSWERS = 10;
const MONITOR = 'tls';

/** A QEMU that answers over TLS: the one that is tried, or the one of version 10 beside it. @throws LackingError */
export function findTlsQemu(): string {
  const binary = defaultQemuBinary();
  const said = execFileSync(binary, ['--version'], { encoding: 'utf8' });
  const version = /version (\d+)[\d.]*/.exec(said);
  if (Number(version?.[1] ?? 0) >= FIRST_THAT_ANSWERS) return binary;
  if (existsSync(QEMU_10)) return QEMU_10;
  throw new LackingError(
    `QEMU before ${FIRST_THAT_ANSWERS} greets over TLS and answers nothing; ${binary} is ${version?.[0] ?? said.trim()}, and there is none at ${QEMU_10}: scripts/install-qemu-10.sh dist/qemu-10 brings one, or name one with PAGEWALK_QEMU`,
  );
}

async function portOf(guest: TortureGuest): Promise<number> {
  const list = (await guest.monitor.execute('query-chardev')) as { label: string; filename: string }[];
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(list.find(({ label }) => label === MONITOR)?.filename ?? '')?.[1]);
  if (!(port > 0)) throw new TortureError('the monitor behind TLS has no port');
  return port;
}

const endpointAt = (port: number, directory: string): string => `tls:localhost:${port},dir=${directory}`;

function frontOf(server: ProxyFront['server'], event: ProxyFront['event'], directory: string): ProxyFront {
  return {
    server,
    event,
    async listen() {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return endpointAt((server.address() as AddressInfo).port, directory);
    },
  };
}

function approachOf(directory: string, binary: string, placeBefore: Approach['placeBefore']): Approach {
  return {
    suite: 'tls',
    binary,
    extraArgs: tlsMonitor(MONITOR, directory),
    endpointOf: async (guest) => endpointAt(await portOf(guest), directory),
    placeBefore,
  };
}

/** By a proxy that has QEMU's certificate, and sees messages. */
export function throughMessages(directory: string, binary: string): Approach {
  return approachOf(directory, binary, async (guest) => {
    const port = await portOf(guest);
    const server = createTlsServer({
      ...tlsIdentity(directory, 'server'),
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    });
    // A client that leaves in its handshake is no failure here.
    server.on('tlsClientError', () => {});
    const identity = tlsIdentity(directory, 'client');
    return {
      front: frontOf(server, 'secureConnection', directory),
      back: () => connectTls({ ...identity, host: '127.0.0.1', port, servername: 'localhost' }),
    };
  });
}

/** By a proxy that sees records alone, and cannot read them. */
export function throughRecords(directory: string, binary: string): Approach {
  return approachOf(directory, binary, async (guest) => {
    const port = await portOf(guest);
    return {
      front: frontOf(createTcpServer({ allowHalfOpen: true }), 'connection', directory),
      back: () => connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true }),
      split: 'records',
    };
  });
}
