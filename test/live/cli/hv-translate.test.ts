import { expect } from 'chai';
import { KERNELS, type KernelPage, kernelPage } from '../../kernels/manifest.ts';
import { withRom } from '../../support/live/kernel-guest.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useRunningKernel } from '../../support/live/running-kernel.ts';
import { type HvTranslationLine, hvTranslationLineSchema } from '../../support/schemas/translation-schema.ts';

const LONG4 = KERNELS.long4;

const hex = (value: bigint) => `0x${value.toString(16)}`;
const page = (name: string): KernelPage => kernelPage(LONG4, name);
const addressOf = (name: string): string => hex(page(name).address);
const littleEndian = (value: bigint, size: number) =>
  Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex')
    .reverse()
    .toString('hex');

/** What a supervisor read of a page is to the hypercall, by the manifest. */
function statedOf({ outcome }: KernelPage): { result: string; resultCode: number; gpaPage: string } {
  switch (outcome.kind) {
    case 'mapped':
      return { result: 'Success', resultCode: 0, gpaPage: hex(outcome.physicalAddress >> 12n) };
    case 'not-present':
      return { result: 'PageNotPresent', resultCode: 1, gpaPage: '0x0' };
    case 'reserved':
      return { result: 'InvalidPageTableFlags', resultCode: 3, gpaPage: '0x0' };
    case 'table-outside-ram':
      return { result: 'GpaUnmapped', resultCode: 4, gpaPage: hex(outcome.address >> 12n) };
  }
}

describe('pagewalk hv-translate, on a guest', function () {
  this.timeout(60_000);

  const running = useRunningKernel('long4', withRom({ smp: 2 }));

  async function ask(words: readonly string[]): Promise<{ status: number | null; lines: HvTranslationLine[] }> {
    const { status, stdout, stderr } = await runPagewalk([
      'hv-translate',
      ...words,
      '--json',
      '--qmp',
      running.guest.qmpEndpoint,
    ]);
    expect(stderr).to.equal('');
    const lines = stdout.trimEnd().split('\n');
    return { status, lines: lines.map((line) => hvTranslationLineSchema.parse(JSON.parse(line))) };
  }

  it('answers for every page of the guest as the manifest has it', async () => {
    // Keys take the read away, and Intel and AMD differ about one bit; the page table in ROM is there in this guest.
    const pages = LONG4.pages.filter(
      ({ name, only }) => only === undefined && !name.includes('key') && name !== 'pt-rom',
    );
    const stops = running.witness.stops;
    const { status, lines } = await ask([...pages.map(({ address }) => hex(address)), '--validate', 'r']);
    expect(status).to.equal(1);
    // Events come before the next answer.
    await running.witness.runState();
    expect(running.witness.stops - stops).to.equal(1);
    pages.forEach((stated, at) => {
      const line = lines[at];
      expect(line, stated.name).to.include({ ...statedOf(stated), overlayPage: false, controlFlags: '0x1' });
      const isMapped = stated.outcome.kind === 'mapped';
      expect(line?.cacheType === null, stated.name).to.equal(!isMapped);
    });
  });

  it('gives the bytes of both outputs', async () => {
    const { lines } = await ask([addressOf('rw'), '--validate', 'r']);
    const gpaPage = littleEndian(0x120n, 8);
    expect(lines[0]?.output).to.equal(`00000000${'06000000'}${gpaPage}`);
    const extended = await ask([addressOf('rw'), '--validate', 'r', '--ex']);
    expect(extended.lines[0]?.hypercall).to.equal('HvCallTranslateVirtualAddressEx');
    expect(extended.lines[0]?.output).to.equal(`00000000${'06000000'}${'00'.repeat(40)}${gpaPage}${'00'.repeat(8)}`);
  });

  it('tells the memory type: cached RAM, what the leaf says, and device memory, which the firmware has uncached', async () => {
    const names = ['rw', 'cache-bits', 'page-2m-pat', 'page-device'];
    const { lines } = await ask([...names.map(addressOf), '--validate', 'r']);
    // PWT, PCD and PAT of the leaf choose UC in the PAT at reset; PAT alone chooses WB.
    expect(lines.map(({ cacheType }) => cacheType)).to.deep.equal(['WB', 'UC', 'WB', 'UC']);
    for (const { assumed } of lines) expect(assumed).to.deep.equal([]);
  });

  it('takes all accesses together, and who makes them from the flags', async () => {
    const verdicts: readonly (readonly [string, string, string])[] = [
      ['ro', '--validate rx', 'Success'],
      ['ro', '--validate rw --user', 'PrivilegeViolation'],
      ['supervisor', '--validate r', 'Success'],
      ['supervisor', '--validate r --user', 'PrivilegeViolation'],
      ['supervisor', '--validate r --user --supervisor', 'PrivilegeViolation'],
      ['supervisor', '--validate r --user --privilege-exempt', 'Success'],
      ['xd', '--validate rw', 'Success'],
      ['xd', '--validate rwx', 'PrivilegeViolation'],
    ];
    for (const [name, words, expected] of verdicts) {
      const { lines, status } = await ask([addressOf(name), ...words.split(' ')]);
      expect(lines[0]?.result, `${name} ${words}`).to.equal(expected);
      expect(status).to.equal(expected === 'Success' ? 0 : 1);
    }
  });

  it('sets A everywhere and D in the leaf of a write', async () => {
    const { path } = page('high');
    const words = [addressOf('high'), '--validate', 'rw', '--set-page-table-bits'];
    const [line] = (await ask(words)).lines;
    expect(line?.entries.map(({ wrote }) => wrote.join(''))).to.deep.equal(['A', 'A', 'A', 'AD']);
    for (const { level, address, value } of path) {
      const expected = value | 0x20n | (level === 1 ? 0x40n : 0n);
      expect(hex(await running.witness.entry(address, 8)), `level ${level}`).to.equal(hex(expected));
    }
    const [again] = (await ask(words)).lines;
    expect(again?.entries.flatMap(({ wrote }) => wrote)).to.deep.equal([]);
  });

  it('sets bits in the guest, in the entries above the one that fails', async () => {
    const { path } = page('pde-reserved');
    const words = [addressOf('pde-reserved'), '--validate', 'w', '--set-page-table-bits'];
    const [line] = (await ask(words)).lines;
    expect(line).to.include({ result: 'InvalidPageTableFlags', bitsAreSet: true });
    for (const { level, address, value } of path) {
      const expected = level > 2 ? value | 0x20n : value;
      expect(hex(await running.witness.entry(address, 8)), `level ${level}`).to.equal(hex(expected));
    }
  });

  it('cannot set a bit in ROM, and says in which page', async () => {
    const [stated] = LONG4.pagesWithRom;
    if (stated === undefined) throw new Error('long4 has no page with its table in ROM');
    const pte = stated.path.at(-1);
    const address = hex(stated.address);
    const [read] = (await ask([address, '--validate', 'r'])).lines;
    expect(read?.result).to.equal('Success');
    const [line] = (await ask([address, '--validate', 'r', '--set-page-table-bits'])).lines;
    expect(line).to.include({ result: 'GpaNoWriteAccess', resultCode: 6, gpaPage: hex((pte?.address ?? 0n) >> 12n) });
    for (const { level, address: entry } of stated.path) {
      if (level > 1) expect((await running.witness.entry(entry, 8)) & 0x20n, `level ${level}`).to.equal(0x20n);
    }
  });

  it('always succeeds for a vCPU that does not page', async () => {
    const { lines } = await ask(['0x1234', '0xffff800000001000', '--cpu', '1', '--validate', 'rwx']);
    expect(lines.map(({ result, gpaPage, mode }) => `${result} ${gpaPage} ${mode}`)).to.deep.equal([
      'Success 0x1 off',
      'Success 0xffff800000001 off',
    ]);
  });

  it('draws the walk that decided', async () => {
    const words = [
      'hv-translate',
      addressOf('supervisor'),
      '--validate',
      'rw',
      '--user',
      '--qmp',
      running.guest.qmpEndpoint,
    ];
    const { status, stdout, stderr } = await runPagewalk(words);
    expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
    expect(stdout).to.match(
      /^0x0000008000002000 {2}VALIDATE_READ, VALIDATE_WRITE, USER_ACCESS {3}4-level paging, vCPU 0, CPL 0\n└─ PML4\[1\]/,
    );
    expect(stdout).to.match(
      /\n✗ PrivilegeViolation: user read denied by the PTE: .*\n {2}HvCallTranslateVirtualAddress: 0200000000000000 0000000000000000\n$/,
    );
  });

  it('refuses shadow-stack accesses on a vCPU that has none', async () => {
    const words = ['hv-translate', '0', '--validate', 'r', '--shadow-stack', '--qmp', running.guest.qmpEndpoint];
    const { status, stderr } = await runPagewalk(words);
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pagewalk: HV_STATUS_INVALID_PARAMETER: SHADOW_STACK.*CR4\.CET=0\n/);
  });

  it('assumes write-back where the stub alone shows neither PAT nor MTRRs, and says so', async () => {
    const words = ['hv-translate', addressOf('rw'), '--validate', 'r', '--json', '--gdb', running.guest.gdbEndpoint];
    const { stdout } = await runPagewalk(words);
    const line = hvTranslationLineSchema.parse(JSON.parse(stdout));
    expect(line).to.include({ result: 'Success', cacheType: 'WB' });
    expect(line.assumed.map(({ name, decides }) => `${name} ${decides}`)).to.include('memoryTypes true');
  });
});
