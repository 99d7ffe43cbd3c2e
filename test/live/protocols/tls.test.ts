import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { QmpClient, QmpTlsStallError, queryChardev, queryStatus } from '../../../protocols/qmp/index.ts';
import { ConnectError } from '../../../protocols/transport/index.ts';
import { makeTlsFolder, tlsMonitor } from '../../../scripts/torture/rig/tls/tls-folder.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const KEY = '0123456789abcdef0123456789abcdef';
/** What is waited for to the end is waited for on a machine that does much else. */
const TIMEOUT_MS = 30_000;
/** So long a QEMU that stalls is waited for, connecting included. */
const STALL_MS = 5000;

describe('QMP over TLS', function () {
  this.timeout(60_000);

  const scratch = useScratchDirectory();
  let guest: QemuProcess;
  let isStalling: boolean;
  let version: string;
  let ports: Readonly<Record<'x509' | 'psk', number>>;

  before(async () => {
    for (const name of ['x509', 'other', 'psk', 'wrong']) mkdirSync(scratch(name));
    for (const name of ['x509', 'other']) makeTlsFolder(scratch(name));
    writeFileSync(scratch('psk/keys.psk'), `qemu:${KEY}\n`);
    writeFileSync(scratch('wrong/keys.psk'), `qemu:${'00'.repeat(16)}\nanother:${KEY}\n`);
    guest = await launchKernel('long4', {
      extraArgs: [...tlsMonitor('x509', scratch('x509')), ...tlsMonitor('psk', scratch('psk'), 'psk')],
    });
    const qmp = await QmpClient.connect(guest.qmpEndpoint);
    const chardevs = await queryChardev(qmp);
    const portOf = (id: string): number => {
      const { endpoint = '' } = chardevs.find(({ label }) => label === id) ?? {};
      return Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
    };
    ports = { x509: portOf('x509'), psk: portOf('psk') };
    const { major, minor, micro } = qmp.greeting.version.qemu;
    isStalling = major < 10;
    version = `${major}.${minor}.${micro}`;
    await qmp.close();
  });

  after(() => guest?.stop());

  const connect = (endpoint: string, timeoutMs = TIMEOUT_MS): Promise<QmpClient> =>
    QmpClient.connect(endpoint, { timeoutMs });
  const x509 = (more: string): string => `tls:localhost:${ports.x509}${more}`;

  for (const kind of ['x509', 'psk'] as const) {
    it(`with ${kind} answers, where QEMU does not stall; there the fault is named`, async () => {
      const endpoint = `tls:localhost:${ports[kind]},dir=${scratch(kind)}`;
      if (isStalling) {
        const error = await expectRejection(connect(endpoint, STALL_MS));
        expect(error).to.be.instanceOf(QmpTlsStallError);
        expect(error).to.include({ code: 'ERR_QMP_TLS_STALL', version });
        return;
      }
      const qmp = await connect(endpoint);
      try {
        expect(await queryStatus(qmp)).to.deep.equal({ status: 'running', running: true });
      } finally {
        await qmp.close();
      }
      const { status, stdout, stderr } = await runPagewalk([
        'translate',
        '0xffff800000000123',
        '--brief',
        '--qmp',
        endpoint,
      ]);
      expect(stdout, stderr).to.equal('0xffff800000000123  0x120123  4K  rwxu\n');
      expect(status).to.equal(0);
    });
  }

  const refused: readonly (readonly [string, () => string, RegExp])[] = [
    [
      'an authority that is not trusted',
      () => x509(`,dir=${scratch('other')}`),
      /not signed by an authority that is trusted|signed by an authority that is not/,
    ],
    ['none at all', () => x509(''), /name (it|the right one) with ca=/],
    ['another name', () => x509(`,dir=${scratch('x509')},servername=elsewhere`), /for another name: servername=/],
    [
      'another name, of a server that prefers its certificate to the keys',
      () => x509(`,dir=${scratch('x509')},psk=${scratch('psk/keys.psk')},servername=elsewhere`),
      /for another name: servername=/,
    ],
    ['a file that is missing', () => x509(`,ca=${scratch('x509/none.pem')}`), /ca= cannot be read: ENOENT/],
    ['a certificate without its key', () => x509(`,cert=${scratch('x509/client-cert.pem')}`), /key= is missing/],
    [
      'keys without this identity',
      () => `tls:localhost:${ports.psk},dir=${scratch('psk')},identity=me`,
      /has none for "me"/,
    ],
    [
      'certificates where there are keys',
      () => `tls:localhost:${ports.psk},dir=${scratch('x509')}`,
      /it may have keys \(psk=\) and no certificates/,
    ],
  ];
  for (const [what, endpoint, words] of refused) {
    it(`is refused in words of its own for ${what}`, async () => {
      const error = await expectRejection(connect(endpoint()));
      expect(error).to.be.instanceOf(ConnectError);
      expect(error).to.include({ code: 'ERR_TRANSPORT_TLS' });
      expect(String(error)).to.match(words);
    });
  }

  it('that wants a certificate of its client says so by leaving, and that is said', async () => {
    const error = await expectRejection(connect(x509(`,ca=${scratch('x509/ca-cert.pem')}`)));
    expect(String(error)).to.match(/wants a certificate of (this|its) client/);
  });

  it('with a wrong key, or an identity that the server does not know, is refused in words', async () => {
    for (const more of ['', ',identity=another']) {
      const error = await expectRejection(connect(`tls:localhost:${ports.psk},dir=${scratch('wrong')}${more}`));
      expect(String(error)).to.match(/key|identity/);
    }
  });

  it('where no TLS is spoken is refused in words', async () => {
    const server = createServer((socket) => {
      // Its client may leave before it has read all: that is no failure here, and a socket that is not read never closes.
      socket.on('error', () => {}).resume();
      socket.end('{"QMP": {}}\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as { port: number };
      const error = await expectRejection(connect(`tls:127.0.0.1:${port}`));
      expect(String(error)).to.match(/does not speak TLS/);
    } finally {
      server.close();
      await once(server, 'close');
    }
  });
});
