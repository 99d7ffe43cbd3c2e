import { expect } from 'chai';
import {
  decodeHvEventInfo,
  decodeHvTranslateOutput,
  decodeHvTranslateOutputEx,
  encodeHvTranslateInput,
  HV_CONTROL,
  HV_SELF,
} from '../../../src/abi/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { type KernelPage, kernelPage } from '../../kernels/manifests/manifest.ts';
import { withRom } from '../../support/live/guest/kernel-guest.ts';
import { useRunningKernel } from '../../support/live/guest/running-kernel.ts';
import { runCommand } from '../../support/live/run-command.ts';
import { startPagewalk } from '../../support/live/run-pagewalk.ts';
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
    const { status, stdout, stderr } = await runCommand([
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
    expect(again).to.include({ bitsAreSet: true });
    const [unasked] = (await ask(words.slice(0, -1))).lines;
    expect(unasked).to.not.have.property('bitsAreSet');
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

  it('stands beside commands that say, in every form, that tables lie in ROM', async () => {
    const [stated] = LONG4.pagesWithRom;
    const address = hex(stated?.address ?? 0n);
    const said = /page tables lie in ROM \(\S+\), where no A or D bit can be set\n/;
    const forms = [
      ['translate', address, '--brief'],
      ['hv-translate', address, '--brief', '--validate', 'r'],
      ['map', '--summary'],
      ['map', '--json'],
    ];
    for (const words of [...forms, ['find', '0x120000']]) {
      const { stderr } = await runCommand([...words, ...running.endpoint]);
      expect(stderr, words.join(' ')).to.match(said);
    }
    const { stderr } = await runCommand(['translate', addressOf('rw'), '--brief', ...running.endpoint]);
    expect(stderr).not.to.match(said);
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
    const { status, stdout, stderr } = await runCommand(words);
    expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
    expect(stdout).to.match(
      /^0x0000008000002000 {2}VALIDATE_READ, VALIDATE_WRITE, USER_ACCESS {3}4-level paging, CR3 0x110000, vCPU 0, CPL 0\n└─ PML4\[1\]/,
    );
    expect(stdout).to.match(
      /\n✗ PrivilegeViolation: user read denied by the PTE: .*\n {2}HvCallTranslateVirtualAddress: 0200000000000000 0000000000000000\n$/,
    );
  });

  it('says where an address leads, with its offset in the page', async () => {
    const { lines } = await ask([hex(page('rw').address + 0x123n), addressOf('pte-not-present'), '--validate', 'r']);
    expect(lines.map(({ gpaPage, gpa }) => [gpaPage, gpa])).to.deep.equal([
      ['0x120', '0x120123'],
      ['0x0', null],
    ]);
  });

  it('checks no mode with --privilege-exempt, and SMAP and SMEP with --supervisor', async () => {
    const questions = [addressOf('rw'), '--validate', 'rx', '--set', 'CR4.SMAP=1', '--set', 'CR4.SMEP=1'];
    expect((await ask([...questions, '--privilege-exempt'])).lines[0]?.result).to.equal('Success');
    expect((await ask([...questions, '--supervisor'])).lines[0]?.result).to.equal('PrivilegeViolation');
    expect((await ask([...questions, '--privilege-exempt', '--set', 'CR4.LASS=1'])).lines[0]?.result).to.equal(
      'Success',
    );
  });

  describe('told of VTLs and pages', () => {
    const table = (level: number): bigint => {
      const entry = page('rw').path.find((each) => each.level === level);
      if (entry === undefined) throw new Error(`no entry of level ${level}`);
      return entry.address >> 12n;
    };

    it('is intercepted by a VTL that keeps a table, with the event in the bytes of Ex', async () => {
      const [line] = (await ask([addressOf('rw'), '--validate', 'r', '--protect', `${hex(table(1))}=-@1`, '--ex']))
        .lines;
      expect(line).to.deep.include({ result: 'Intercept', resultCode: 8, gpaPage: '0x0' });
      const event = {
        type: 'memoryIntercept',
        targetVtl: 1,
        access: 'read',
        causedByGpaAccess: false,
        guestLinearAddress: addressOf('rw'),
        guestPhysicalAddress: hex(table(1) << 12n),
      };
      expect(line?.event).to.deep.equal(event);
      const output = decodeHvTranslateOutputEx(Buffer.from(line?.output ?? '', 'hex'));
      expect(decodeHvEventInfo(output.eventInfo)).to.deep.equal({
        ...event,
        guestLinearAddress: page('rw').address,
        guestPhysicalAddress: table(1) << 12n,
      });
    });

    it('is not intercepted in that VTL, nor above it', async () => {
      const protect = ['--protect', `${hex(table(1))}=-@1`];
      for (const vtl of ['1', '2']) {
        const [line] = (await ask([addressOf('rw'), '--validate', 'r', '--input-vtl', vtl, ...protect])).lines;
        expect(line).to.deep.include({ result: 'Success', vtl: Number(vtl) });
        expect(line?.assumed).to.deep.equal([
          {
            name: 'vtl',
            value: null,
            why: `no registers of VTL ${vtl} were given: --vtl ${vtl} --cr3 VALUE --set NAME=VALUE`,
            decides: true,
          },
        ]);
      }
    });

    it('fails as the parent’s mapping has it, and knows overlays', async () => {
      const at = hex(table(1));
      const questions: readonly (readonly [string, string])[] = [
        [`--protect ${at}=wx`, 'GpaNoReadAccess'],
        [`--protect ${at}=rx --set-page-table-bits`, 'GpaNoWriteAccess'],
        [`--protect ${at}=- --overlay ${at}`, 'GpaIllegalOverlayAccess'],
        // Of mapping and protection, the mapping is asked first.
        [`--protect ${at}=- --protect ${at}=-@1`, 'GpaNoReadAccess'],
      ];
      for (const [words, result] of questions) {
        const [line] = (await ask([addressOf('ro'), '--validate', 'r', ...words.split(' ')])).lines;
        expect(line, words).to.include({ result, gpaPage: at });
        expect(line, words).to.not.have.property('event');
      }
      const [overlay] = (await ask([addressOf('rw'), '--validate', 'r', '--overlay', '0x11f-0x120'])).lines;
      expect(overlay).to.include({ result: 'Success', overlayPage: true });
    });

    it('has registers for each VTL by name', async () => {
      const words = [
        addressOf('supervisor'),
        '--validate',
        'r',
        '--vtl',
        '0',
        '--set',
        'CPL=3',
        '--vtl',
        '1',
        '--set',
        'CPL=0',
      ];
      const [zero] = (await ask([...words, '--input-vtl', '0'])).lines;
      expect(zero).to.include({ result: 'PrivilegeViolation', vtl: 0, cpl: 3 });
      const [one] = (await ask(words)).lines;
      expect(one).to.include({ result: 'Success', vtl: 1, cpl: 0 });
      const elsewhere = [addressOf('rw'), '--validate', 'r', '--vtl', '1', '--cr3', '0x1ffe000'];
      expect((await ask(elsewhere)).lines[0]).to.include({ result: 'PageNotPresent', vtl: 1 });
    });
  });

  it('replays a captured input, and what it says is decoded by command and library', async () => {
    const gva = page('rw').address;
    const input = encodeHvTranslateInput({
      partitionId: HV_SELF.partitionId,
      vpIndex: 0,
      controlFlags: HV_CONTROL.validateRead | HV_CONTROL.validateWrite,
      gvaPage: gva >> 12n,
    });
    const captured = Buffer.concat([input, Buffer.alloc(4096 - input.length, 0xcc)]).toString('hex');
    for (const bytes of [captured, Buffer.from(input).toString('hex').replace(/.{16}/g, '$& ').trim()]) {
      const [replayed] = (await ask(['--input', bytes])).lines;
      const [asked] = (await ask([hex(gva), '--validate', 'rw'])).lines;
      expect(replayed).to.deep.equal(asked);
      expect(replayed).to.include({ result: 'Success', gpaPage: '0x120' });
      const output = Buffer.from(replayed?.output ?? '', 'hex');
      expect(decodeHvTranslateOutput(output)).to.deep.equal({
        resultCode: 0,
        cacheType: 6,
        overlayPage: false,
        gpaPage: 0x120n,
      });
      const decoded = await runCommand(['hv-translate', '--decode', output.toString('hex')]);
      expect(decoded).to.deep.equal({ status: 0, stdout: '✓ Success: GPA page 0x120, WB\n', stderr: '' });
    }
    const absent = encodeHvTranslateInput({ ...HV_SELF, vpIndex: 9, controlFlags: 1n, gvaPage: 0n });
    const words = ['hv-translate', '--input', Buffer.from(absent).toString('hex'), ...running.endpoint];
    const { status, stderr } = await runCommand(words);
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pagewalk: HV_STATUS_INVALID_VP_INDEX: .*--cpu N/);
  });

  it('has an answer for a page number of more than 52 bits', async () => {
    const input = encodeHvTranslateInput({ ...HV_SELF, controlFlags: 1n, gvaPage: (1n << 64n) - 1n });
    const [line] = (await ask(['--input', Buffer.from(input).toString('hex')])).lines;
    expect(line).to.deep.include({
      result: 'PageNotPresent',
      entries: [],
      reason: 'the address has more than 64 bits',
    });
    const { stdout } = await runCommand([
      'hv-translate',
      '--input',
      Buffer.from(input).toString('hex'),
      ...running.endpoint,
    ]);
    expect(stdout).to.match(/^0xf{16}000 .*\n✗ PageNotPresent: the address has more than 64 bits\n/);
    const [off] = (await ask(['--input', Buffer.from(input).toString('hex'), '--cpu', '1'])).lines;
    expect(off).to.include({ result: 'Success', gpaPage: `0x${'f'.repeat(16)}`, mode: 'off' });
  });

  it('answers a list, in a line for each address', async () => {
    const addresses = ['rw', 'pte-not-present', 'supervisor'].map(addressOf);
    const run = startPagewalk(
      ['hv-translate', '--from', '-', '--validate', 'r', '--brief', ...running.endpoint],
      {},
      'pipe',
    );
    run.child.stdin?.end(`${addresses.join('\n')}\n`);
    const { status, stdout, stderr } = await run.ended;
    expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
    const long = (address: string) => `0x${address.slice(2).padStart(16, '0')}`;
    const [rw = '', absent = '', supervisor = ''] = addresses.map(long);
    expect(stdout).to.equal(
      `${rw}  0x120000  Success  WB\n${absent}  -  PageNotPresent\n${supervisor}  0x122000  Success  WB\n`,
    );
  });

  it('asks a guest that runs on, and says what it could not read', async () => {
    const stops = running.witness.stops;
    const { lines } = await ask([addressOf('rw'), '--validate', 'r', '--live', '--profile', 'tcg']);
    await running.witness.runState();
    expect(running.witness.stops).to.equal(stops);
    expect(lines[0]).to.include({ result: 'Success', gpaPage: '0x120', cacheType: 'WB' });
    expect(lines[0]?.assumed.map(({ name, decides }) => `${name} ${decides}`)).to.include.members([
      'memoryTypes true',
      'moment true',
    ]);
    const absent = await ask([addressOf('pte-not-present'), '--validate', 'r', '--live']);
    expect(absent.lines[0]?.assumed.map(({ name, decides }) => `${name} ${decides}`)).to.include('memoryTypes false');
  });

  it('refuses shadow-stack accesses on a vCPU that has none', async () => {
    const words = ['hv-translate', '0', '--validate', 'r', '--shadow-stack', '--qmp', running.guest.qmpEndpoint];
    const { status, stderr } = await runCommand(words);
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pagewalk: HV_STATUS_INVALID_PARAMETER: SHADOW_STACK.*CR4\.CET=0\n/);
  });

  it('assumes write-back where the stub alone shows neither PAT nor MTRRs, and says so', async () => {
    const words = ['hv-translate', addressOf('rw'), '--validate', 'r', '--json', '--gdb', running.guest.gdbEndpoint];
    const { stdout } = await runCommand(words);
    const line = hvTranslationLineSchema.parse(JSON.parse(stdout));
    expect(line).to.include({ result: 'Success', cacheType: 'WB' });
    expect(line.assumed.map(({ name, decides }) => `${name} ${decides}`)).to.include('memoryTypes true');
  });
});
