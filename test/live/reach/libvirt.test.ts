import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import split2 from 'split2';
import { LIBVIRT_GROUP, LibvirtDaemon } from '../../../scripts/torture/rig/libvirt/libvirt-daemon.ts';
import { attach } from '../../../src/guest/index.ts';
import { formatHex } from '../../../src/paging/index.ts';
import type { ClientOrders } from '../../support/live/guest/attached-client.ts';
import { OTHER_UID } from '../../support/live/peer/other-user.ts';
import { type PagewalkExit, runPagewalk } from '../../support/live/run-pagewalk.ts';
import { Random } from '../../support/random/random.ts';
import { untilPasses } from '../../support/until-passes.ts';

/** Of long4: a user page, at 0x120000. */
const ADDRESS = '0xffff800000000123';
const ANSWER = '0xffff800000000123  0x120123  4K  rwxu\n';
const PATH = process.env['PATH'] ?? '';
/** Seen from dist/test/live/reach, where this file runs. */
const CLIENT = join(import.meta.dirname, '../../support/live/guest/attached-client.js');

/** Says nothing of thousands that are the same. */
function expectSame(found: readonly unknown[], wanted: readonly unknown[], what: string): void {
  const at = found.findIndex((each, index) => JSON.stringify(each) !== JSON.stringify(wanted[index]));
  if (at >= 0) expect(found[at], `${what}, ${at}`).to.deep.equal(wanted[at]);
  expect(found.length, what).to.equal(wanted.length);
}

describe('a guest of libvirt', function () {
  this.timeout(120_000);

  let started: LibvirtDaemon | undefined;
  let libvirt: LibvirtDaemon;

  before(async () => {
    libvirt = await LibvirtDaemon.start();
    started = libvirt;
    // The kernel is up when its tables are.
    await untilPasses(async () => expect((await translate()).stdout).to.equal(ANSWER), 60_000);
  });

  after(() => started?.[Symbol.asyncDispose]());

  const environment = (): Record<string, string> => ({ PATH, LANG: 'C' });
  const translate = (...more: string[]): Promise<PagewalkExit> =>
    runPagewalk(['translate', ADDRESS, '--brief', '--qmp', libvirt.endpoint, ...more], environment());

  /** Whatever it says of addresses, it says it of all. */
  async function ask(words: readonly string[]): Promise<PagewalkExit> {
    const run = await runPagewalk(words, environment());
    expect(run.status, run.stderr).to.be.oneOf([0, 1]);
    return run;
  }

  async function expectAsFound(): Promise<void> {
    expect(await libvirt.state()).to.equal('running');
    const chardevs = (await libvirt.ask('query-chardev')) as { label: string }[];
    expect(chardevs.filter(({ label }) => label.startsWith('pagewalk'))).to.deep.equal([]);
    expect(await libvirt.ask('query-fdsets')).to.deep.equal([]);
  }

  it('is asked by root, memory from its process and device state by a descriptor, and left as it was found', async () => {
    const { status, stdout, stderr } = await runPagewalk(['state', '--json', '--qmp', libvirt.endpoint], environment());
    expect(status, stderr).to.equal(0);
    const state = JSON.parse(stdout);
    expect(state.registers.pkru).to.deep.include({ source: 'device-state', value: '0xc0000024' });
    expect(state.memoryAccess.provider).to.equal('host-process');
    await expectAsFound();
  });

  it('is asked by a member of the group, who may not look into its process, through descriptors alone', async () => {
    const gid = execFileSync('getent', ['group', LIBVIRT_GROUP], { encoding: 'utf8' }).split(':')[2] ?? '';
    const child = spawn(
      'setpriv',
      [
        ...[`--reuid=${OTHER_UID}`, `--regid=${OTHER_UID}`, `--groups=${gid}`, process.execPath],
        ...[join(import.meta.dirname, '../../../src/cli/main.js'), 'state', '--json', '--qmp', libvirt.endpoint],
      ],
      { env: { PATH, HOME: '/nonexistent' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => (said.out += text));
    child.stderr.on('data', (text) => (said.err += text));
    const [status] = await once(child, 'close');
    expect(status, said.err).to.equal(0);
    const state = JSON.parse(said.out);
    expect(state.registers.pkru).to.deep.include({ source: 'device-state', value: '0xc0000024' });
    expect(state.memoryAccess.provider).to.equal('gdb-stub');
    await expectAsFound();
  });

  for (const [when, until, state] of [
    ['in the pause', 'paused', 'paused'],
    // It keeps the stub for its next look.
    ['after it', 'resumed', 'running'],
  ] as const) {
    it(`runs on after a client that was killed ${when}, and has nothing of its`, async () => {
      const orders: ClientOrders = { qmp: libvirt.endpoint, until };
      const client = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], {
        env: { ...process.env, ...environment() },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(client.stdout.pipe(split2()), 'data');
      expect(line).to.equal(until);
      expect(await libvirt.state()).to.equal(state);
      client.kill('SIGKILL');
      await once(client, 'exit');
      await untilPasses(expectAsFound, 20_000);
      expect((await translate()).stdout).to.equal(ANSWER);
    });
  }

  it('is left as it was found by a client whose libvirtd was started anew meanwhile, paused or not', async () => {
    for (const isPaused of [false, true]) {
      const guest = await attach({ qmp: libvirt.endpoint });
      if (isPaused) await guest.pause();
      libvirt.signalLibvirtd('SIGTERM');
      // Whether there is still a way to it, or another process has to find one.
      await guest.detach().catch(() => {});
      await untilPasses(expectAsFound);
    }
  });

  it('is dumped by libvirt in each format that it offers, and the dump answers as the guest does: 10,000 addresses and each page', async () => {
    await libvirt.virsh('suspend', libvirt.domain);
    try {
      const guest = ['--qmp', libvirt.endpoint];
      const { registers, processor } = JSON.parse((await ask(['state', '--json', ...guest])).stdout);
      const values = { ...registers, ...processor };
      // What no dump of QEMU's holds.
      const known = Object.entries({
        PKRU: 'pkru',
        PKRS: 'pkrs',
        EFER: 'efer',
        MAXPHYADDR: 'maxPhyAddr',
        VENDOR: 'vendor',
        PSE36: 'pse36',
        PDPE1GB: 'pdpe1gb',
      });
      const textOf = (value: unknown): string => String(typeof value === 'boolean' ? Number(value) : value);
      const stated = known.flatMap(([name, field]) => ['--set', `${name}=${textOf(values[field].value)}`]);
      const pagesOf = async (source: readonly string[]): Promise<readonly Record<string, unknown>[]> => {
        const { stdout } = await ask(['map', '--leaves', '--json', ...source, ...stated]);
        const pages = stdout.split('\n').filter((line) => line.startsWith('{"kind":"page"'));
        // A dump does not tell what a device is called.
        return pages.map((line) => ({ ...JSON.parse(line), region: null }));
      };
      const pages = await pagesOf(guest);
      expect(pages).to.have.length.above(100);
      const list = join(libvirt.shared, 'addresses');
      const random = new Random(15);
      const addresses = Array.from({ length: 10_000 }, (_, at) => {
        const page = BigInt(String(pages[at % pages.length]?.['address'] ?? 0));
        const near = page + BigInt(random.below(4096));
        return formatHex(at % 5 === 0 ? near + BigInt(random.below(2 ** 32)) : near);
      });
      await writeFile(list, `${addresses.join('\n')}\n`);
      const translate = async (source: readonly string[]): Promise<readonly string[]> => {
        const words = ['translate', '--from', list, '--brief', '--write', '--user', ...source, ...stated];
        // Nor which accelerator made it, whose answers differ from the manual's in places.
        return (await ask(words)).stdout.split('\n').map((line) => line.replace('  !differs', ''));
      };
      const wanted = await translate(guest);
      const answered: string[] = [];
      for (const format of ['elf', 'kdump-zlib', 'kdump-lzo', 'kdump-snappy']) {
        const file = join(libvirt.shared, format);
        const isThere = await libvirt.virsh('dump', libvirt.domain, file, '--memory-only', '--format', format).then(
          () => true,
          (error: unknown) => {
            // Debian's QEMUs have neither LZO nor snappy.
            if (/unsupported dumpformat/.test(String(error))) return false;
            throw error;
          },
        );
        if (!isThere) continue;
        expectSame(await pagesOf(['--dump', file]), pages, format);
        expectSame(await translate(['--dump', file]), wanted, format);
        answered.push(format);
      }
      expect(answered).to.include.members(['elf', 'kdump-zlib']);
    } finally {
      await libvirt.virsh('resume', libvirt.domain);
    }
  });

  it('that does not exist, or a libvirt that does not, is refused in words', async () => {
    const noDomain = await runPagewalk(['state', '--qmp', `libvirt:${libvirt.uri}/ann's`], environment());
    expect(noDomain.status).to.equal(3);
    expect(noDomain.stderr).to.include("failed to get domain 'ann's'").and.to.include('virsh list');
    const noDaemon = await runPagewalk(['state', '--qmp', 'libvirt:qemu:///system?socket=/nowhere/vm'], environment());
    expect(noDaemon.stderr).to.include('/nowhere');
    const noVirsh = await runPagewalk(['state', '--qmp', libvirt.endpoint], { PATH: '/nowhere' });
    expect(noVirsh.stderr).to.include('there is no virsh here');
  });
});
