import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { attach, type GuestView, type TableSnapshot } from '../../../src/guest/index.ts';
import type { MappedLeaf } from '../../../src/paging/index.ts';
import { WINDOW_CODE, WINDOW_USER } from '../../conformance/nested-processor/layout.ts';
import { type AskedName, askedNames, StandingGuest } from '../../conformance/nested-processor/standing-guest.ts';
import { SvmGuest } from '../../conformance/nested-processor/svm-guest.ts';
import { type PagewalkExit, runPagewalk, startPagewalk } from '../../support/live/run-pagewalk.ts';
import { aliasLineSchema, changeLineSchema, mapLineSchema } from '../../support/schemas/map-schema.ts';
import { translationLineSchema } from '../../support/schemas/translation-schema.ts';

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const READ = { write: false, user: false, exec: false };
/** Where the hypervisor put its guest's own code; what it shows to everybody else comes after. */
const OWN_CODE = 1n << 39n;
/** What both stages let through. */
const mappedNames: readonly AskedName[] = ['mapped', 'cached by the guest', 'uncached by the second stage'];
const MOVED: AskedName = 'cached by the guest';
const READ_ONLY: AskedName = 'uncached by the second stage';
const WRITABLE = 2n;
/** APM vol. 2, appendix C. */
const EXIT_VMMCALL = 0x81n;

function linesOf({ stdout }: PagewalkExit): readonly unknown[] {
  const lines = stdout.split('\n');
  expect(lines.pop(), 'the last line is ended').to.equal('');
  return lines.map((line): unknown => JSON.parse(line));
}

describe("map, find and diff, on a hypervisor's guest", function () {
  this.timeout(120_000);

  let guest: SvmGuest;
  let scene: StandingGuest;
  let directory: string;
  /** What the nested entries said of pages whose entries are changed here. */
  const entries = new Map<AskedName, { readonly address: number; readonly value: bigint }>();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-nested-maps-'));
    guest = await SvmGuest.launch({ hostMode: '4-level', maxPhyAddr: 40, pdpe1gb: true });
    scene = new StandingGuest(guest);
    await scene.start();
    for (const name of [MOVED, READ_ONLY]) {
      const [line] = linesOf(await run('translate', hex(scene.addressOf(name)), '--json'));
      const entry = translationLineSchema.parse(line).nested?.walks.at(-1)?.entries.at(-1);
      entries.set(name, { address: Number(entry?.address), value: BigInt(entry?.value ?? 0) });
    }
  });

  after(async () => {
    try {
      // The looks have disturbed nothing: it goes on to its end.
      expect(hex((await scene.end()).exitCode)).to.equal(hex(EXIT_VMMCALL));
    } finally {
      await guest?.[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    }
  });

  afterEach(() => {
    for (const { address, value } of entries.values()) guest.poke(address, value);
  });

  const run = (...words: string[]): Promise<PagewalkExit> => runPagewalk([...words, '--qmp', guest.qmpEndpoint]);

  /** Where the second stage puts a page instead of where it was: to the code that the guest does not run. */
  function move(name: AskedName): void {
    const { address, value } = entryOf(name);
    guest.poke(address, (value & 0xfffn) | BigInt(WINDOW_USER));
  }

  function entryOf(name: AskedName): { readonly address: number; readonly value: bigint } {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`nothing is known of ${name}`);
    return entry;
  }

  /** What the guest maps, and the second stage does not. */
  function pageOfRefused(): { readonly page: bigint; readonly linear: string } {
    return { page: scene.pageOf('refused'), linear: `0x${scene.addressOf('refused').toString(16).padStart(16, '0')}` };
  }

  async function save(name: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, (await run('map', '--leaves', '--json')).stdout);
    return path;
  }

  it('map shows what the kernel built in both stages, and nothing that either refuses', async () => {
    const lines = linesOf(await run('map', '--leaves', '--json')).map((line) => mapLineSchema.parse(line));
    const root = hex(scene.nestedRoot);
    const [heading] = lines;
    expect(heading?.kind === 'map' && heading.nested).to.deep.equal({
      kind: 'npt',
      nestedCr3: root,
      root,
      mode: '4-level',
      executeDisable: true,
    });
    const pages = lines.flatMap((line) => (line.kind === 'page' ? [line] : []));
    expect(pages.map(({ address }) => address)).to.deep.equal([
      hex(BigInt(WINDOW_CODE)),
      hex(BigInt(WINDOW_USER)),
      hex(OWN_CODE),
      ...mappedNames.map((name) => hex(scene.addressOf(name))),
    ]);
    for (const name of mappedNames) {
      const page = pages.find(({ address }) => address === hex(scene.addressOf(name)));
      expect(page, name).to.include({ physicalAddress: hex(scene.pageOf(name)), size: 4096 });
      expect(page?.rights, name).to.deep.equal({ write: true, user: true, exec: true });
      expect(page?.region.kind, name).to.equal('ram');
    }
    // The guest's own code is for users as well, the window's first page for its kernel alone.
    expect(pages[0]?.rights).to.include({ user: false });
    expect(lines.at(-1)).to.include({ kind: 'end', complete: true, unbackedTables: 0 });
  });

  it('map and lists of addresses say what translate says of each', async () => {
    move(MOVED);
    guest.poke(entryOf(READ_ONLY).address, entryOf(READ_ONLY).value & ~WRITABLE);
    const addresses = [...askedNames.map((name) => scene.addressOf(name)), BigInt(WINDOW_CODE), OWN_CODE + 0x1000n];
    const attached = await attach({ qmp: guest.qmpEndpoint });
    try {
      await attached.whilePaused(async (paused) => {
        const leaves = leavesOf(await paused.snapshot());
        const table = await paused.translateMany(BigUint64Array.from(addresses), READ);
        const answers = await paused.translate(addresses.map((linearAddress) => ({ linearAddress, access: READ })));
        answers.forEach(({ translation, nested }, at) => {
          const where = hex(addresses[at] ?? 0n);
          const both = nested?.translation;
          const leaf = leaves.find(({ address }) => address === addresses[at]);
          expect(both?.kind === 'mapped' ? hex(both.l1PhysicalAddress) : undefined, where).to.equal(
            leaf && hex(leaf.physicalAddress),
          );
          expect(table.isMapped(at), where).to.equal(translation.kind === 'mapped');
          if (translation.kind === 'mapped') {
            expect(table.physicalAddress(at), where).to.equal(translation.physicalAddress);
            expect(table.l1PhysicalAddress(at), where).to.equal(leaf?.physicalAddress);
            expect(table.rights(at), where).to.deep.equal(translation.rights);
            expect(table.pageSizeBytes(at), where).to.equal(translation.pageSizeBytes);
          } else {
            expect(table.cause(at), where).to.equal(translation.cause);
            expect(table.errorCode(at), where).to.equal(translation.errorCode);
            expect(table.responsibleAddress(at), where).to.equal(translation.responsible?.address ?? null);
          }
        });
        const writes = await mayWrite(paused, addresses);
        const writable = addresses.map((address) => leaves.find((leaf) => leaf.address === address)?.rights.write);
        expect(writes).to.deep.equal(writable.map((write) => write === true));
      });
    } finally {
      await attached.detach();
    }
    const list = await run('translate', hex(scene.addressOf(MOVED)), '--brief');
    const page = hex(scene.pageOf(MOVED));
    expect(list.stdout).to.match(new RegExp(`^0x[0-9a-f]{16}  ${page}  4K  rwxu  L1 ${hex(BigInt(WINDOW_USER))}\n$`));
  });

  it('map is in text of the space that it goes through', async () => {
    guest.poke(entryOf(READ_ONLY).address, entryOf(READ_ONLY).value & ~WRITABLE);
    const { stdout, status, stderr } = await run('map', '--range', `${hex(scene.addressOf('mapped'))}+0x7000`);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    const [heading = '', , ...lines] = stdout.trimEnd().split('\n');
    expect(heading).to.match(/^4-level paging, CR3 0x[0-9a-f]+, vCPU 0, second stage npt:0x[0-9a-f]+$/);
    expect(heading.endsWith(hex(scene.nestedRoot))).to.equal(true);
    expect(lines.map((line) => line.slice(0, 18))).to.deep.equal(
      mappedNames.map((name) => `0x${scene.addressOf(name).toString(16).padStart(16, '0')}`),
    );
    expect(lines.at(-1)).to.match(/ {2}r-xu {2}1x4K A=0 D=0 {2}→ 0x[0-9a-f]+-0x[0-9a-f]+ RAM /);
    const { stdout: summary } = await run('map', '--summary');
    expect(summary.split('\n')[0]).to.equal(heading);
  });

  it("find goes by where a page is in the hypervisor's memory", async () => {
    const page = scene.pageOf(MOVED) + 0x123n;
    const find = async (physical: bigint): Promise<readonly string[]> =>
      linesOf(await run('find', hex(physical), '--json'))
        .slice(0, -1)
        .map((line) => aliasLineSchema.parse(line).first);
    const own = hex(scene.addressOf(MOVED) + 0x123n);
    expect(await find(page)).to.deep.equal([own]);
    move(MOVED);
    expect(await run('find', hex(page))).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: `pagewalk: no linear address leads to L1 physical ${hex(page)}\n`,
    });
    const elsewhere = BigInt(WINDOW_USER) + 0x123n;
    expect(await find(elsewhere)).to.deep.equal([hex(elsewhere), own]);
  });

  it('find --l2 goes by where a page is in the memory of the nested guest, whatever the second stage makes of it', async () => {
    const page = scene.pageOf(MOVED) + 0x123n;
    const own = hex(scene.addressOf(MOVED) + 0x123n);
    move(MOVED);
    const [alias] = linesOf(await run('find', hex(page), '--l2', '--json')).map((line, at) =>
      at === 0 ? aliasLineSchema.parse(line) : undefined,
    );
    expect(alias).to.include({ first: own, physicalFirst: hex(page), physicalSpace: 'L2' });
    expect((await run('find', hex(page), '--l2')).stdout).to.match(new RegExp(`  → L2 ${hex(page)}\n$`));
    expect((await run('find', hex(BigInt(WINDOW_USER) + 0x123n))).stdout).to.match(/^(.* {2}→ L1 0x[0-9a-f]+\n){2}$/);
    const refused = pageOfRefused();
    expect((await run('find', hex(refused.page))).status, 'through both stages').to.equal(1);
    const found = await run('find', hex(refused.page), '--l2');
    expect(found.stdout)
      .to.contain(refused.linear)
      .and.contain(`→ L2 ${hex(refused.page)}`);
  });

  it('diff sees what changed in the second stage alone, in files and between two moments', async () => {
    const before = await save('before');
    const trace = join(directory, 'trace');
    const words = ['diff', '--after', '3000', '--json', '--trace', trace, '--qmp', guest.qmpEndpoint];
    const { ended } = startPagewalk(words);
    // The guest goes on when the first moment is over.
    while (!wasResumed(trace)) await delay(20);
    move(MOVED);
    guest.poke(entryOf(READ_ONLY).address, entryOf(READ_ONLY).value & ~WRITABLE);
    const moments = await ended;
    const files = await runPagewalk(['diff', before, await save('after'), '--json']);
    for (const exit of [moments, files]) {
      expect(exit).to.include({ status: 1, stderr: '' });
      const changes = linesOf(exit).map((line) => changeLineSchema.parse(line));
      expect(changes.map(({ first, differences }) => `${first} ${differences.join()}`)).to.deep.equal([
        `${hex(scene.addressOf(MOVED))} moved`,
        `${hex(scene.addressOf(READ_ONLY))} rights`,
      ]);
    }
    expect(await run('diff', '--after', '0')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
  });
});

function leavesOf(snapshot: TableSnapshot): readonly MappedLeaf[] {
  const leaves: MappedLeaf[] = [];
  snapshot.leaves((leaf) => leaves.push(leaf) > 0);
  return leaves;
}

async function mayWrite(paused: GuestView, addresses: readonly bigint[]): Promise<readonly boolean[]> {
  const access = { ...READ, write: true };
  const answers = await paused.translate(addresses.map((linearAddress) => ({ linearAddress, access })));
  return answers.map(({ translation }) => translation.kind === 'mapped');
}

function wasResumed(trace: string): boolean {
  return existsSync(trace) && readFileSync(trace, 'utf8').includes('"RESUME"');
}
