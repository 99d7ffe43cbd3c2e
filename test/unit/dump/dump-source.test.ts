import { expect } from 'chai';
import fc from 'fast-check';
import { bytesOf } from '../../../scripts/parsers/dump-targets.ts';
import { buildElf, buildKdump, buildLime, type DumpParts, flatten } from '../../../scripts/parsers/dumps/build-dump.ts';
import { SMALL_GUEST, smallGuest } from '../../../scripts/parsers/dumps/small-guest.ts';
import { sourceOfBytes } from '../../../src/dump/dump-source.ts';
import { DumpError } from '../../../src/dump/index.ts';
import { parseRegisters } from '../../../src/dump/registers/registers-file.ts';
import { GuestView } from '../../../src/guest/index.ts';
import type { MappedLeaf } from '../../../src/paging/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';

const READ = { write: false, user: false, exec: false };
const INFO = `CPU#0
RIP=0000000200000010 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0010 0000000000000000 ffffffff 00cf9300
CS =0018 0000000000000000 ffffffff 00af9b00
SS =0010 0000000000000000 ffffffff 00cf9300
DS =0010 0000000000000000 ffffffff 00cf9300
FS =0000 0000000000000000 00000000 00000000
GS =0000 0000000000000000 00000000 00000000
LDT=0000 0000000000000000 0000ffff 00008200
TR =0030 0000000200001000 00000067 00008900
GDT=     0000000200001000 0000003f
IDT=     0000000200001000 000001ff
CR0=80010011 CR2=0000000000000000 CR3=0000000000001000 CR4=00000020
EFER=0000000000000d01
`;

function viewOf(file: Buffer, registers: string | null = null): GuestView {
  return new GuestView(
    sourceOfBytes(bytesOf(file), registers === null ? null : parseRegisters(registers, 'registers.txt')),
  );
}

/** Raw memory from 0 on: what lies between the pieces is there, and zero. */
function rawOf({ memory }: DumpParts): Buffer {
  const size = Math.max(...memory.map(({ address, bytes }) => address + bytes.length));
  const raw = Buffer.alloc(size);
  for (const { address, bytes } of memory) bytes.copy(raw, address);
  return raw;
}

async function leavesOf(view: GuestView): Promise<readonly MappedLeaf[]> {
  const leaves: MappedLeaf[] = [];
  (await view.snapshot()).leaves((leaf) => leaves.push(leaf) > 0);
  return leaves;
}

const FORMATS: Readonly<Record<string, readonly [Buffer, string | null]>> = {
  'an ELF core': [buildElf(smallGuest()), null],
  'an ELF core of 65,540 segments': [buildElf(smallGuest(), { emptySegments: 65_537 }), null],
  'a kdump-compressed file': [buildKdump(smallGuest()), null],
  'a kdump-compressed file of a machine that QEMU does not name': [
    buildKdump(smallGuest(), { machine: 'Unknown' }),
    null,
  ],
  'a flattened kdump-compressed file': [flatten(buildKdump(smallGuest())), null],
  'a flattened ELF core': [flatten(buildElf(smallGuest())), null],
  LiME: [buildLime(smallGuest()), INFO],
  'raw memory': [rawOf(smallGuest()), INFO],
};

describe('a dump as a source', () => {
  for (const [name, [file, registers]] of Object.entries(FORMATS)) {
    it(`${name} has the registers, the tables and the memory`, async () => {
      const view = viewOf(file, registers);
      const state = await view.vcpuState();
      expect(state.cr3.value).to.equal(BigInt(SMALL_GUEST.root));
      expect(state.efer.value & 0xd00n).to.equal(0xd00n);
      expect(state.efer.from).to.equal(registers === null ? 'dump' : 'registers-file');
      expect(state.position?.rip.value).to.equal(SMALL_GUEST.code + 0x10n);
      expect((await leavesOf(view)).map(({ address, physicalAddress }) => [address, physicalAddress])).to.deep.equal([
        [SMALL_GUEST.code, 0x5000n],
        [SMALL_GUEST.idt, 0x10_0000n],
        [0x2_0000_2000n, 0x900_0000n],
      ]);
      const [code, data, outside, nothing] = await view.translate(
        [SMALL_GUEST.code, SMALL_GUEST.idt, 0x2_0000_2000n, SMALL_GUEST.unmapped].map((linearAddress) => ({
          linearAddress,
          access: READ,
        })),
      );
      expect([code, data, outside].map((answer) => answer?.region?.kind)).to.deep.equal(['ram', 'ram', 'none']);
      expect(outside?.region?.name).to.equal('not in the dump');
      expect(nothing?.translation).to.include({ kind: 'fault', cause: 'not-present' });
    });
  }

  it('says of each answer what QEMU has not noted, and whether it matters', async () => {
    const [answer] = await viewOf(buildElf(smallGuest())).translate([
      { linearAddress: SMALL_GUEST.code, access: READ },
    ]);
    const decides = Object.fromEntries((answer?.assumed ?? []).map((each) => [each.name, each.decides]));
    expect(decides).to.deep.equal({ maxPhyAddr: false, vendor: false, pse36: false, pdpe1gb: false });
  });

  it('knows NXE by a table of the processor that must not be executed, and else says that it is assumed', async () => {
    const known = await viewOf(buildElf(smallGuest())).vcpuState();
    expect(known.efer).to.include({ from: 'dump', value: 0xd00n });
    const unknown = viewOf(buildElf(smallGuest({ idt: SMALL_GUEST.code })));
    const [code, data] = await unknown.translate(
      [SMALL_GUEST.code, SMALL_GUEST.idt].map((linearAddress) => ({ linearAddress, access: READ })),
    );
    const decides = (answer: typeof code): boolean | undefined =>
      answer?.assumed.find(({ name }) => name === 'efer')?.decides;
    expect([decides(code), decides(data)]).to.deep.equal([false, true]);
  });

  it('tells long mode from PAE by what the notes are, by the code segment, and by which tables map the code', async () => {
    const narrow = await viewOf(buildElf({ ...smallGuest({ csFlags: 0 }), isNarrow: true })).vcpuState();
    expect(narrow.efer.value & 0x400n, 'notes of 32 bits').to.equal(0n);
    const [vcpu] = smallGuest({ csFlags: 0 }).vcpus;
    const two = { ...smallGuest(), vcpus: [...smallGuest().vcpus, ...(vcpu === undefined ? [] : [vcpu])] };
    const second = await viewOf(buildElf(two)).vcpuState(1);
    expect(second.efer, 'compatibility mode').to.deep.include({ from: 'dump', value: 0xd00n });
    const lost = { ...smallGuest(), vcpus: two.vcpus.map((each) => ({ ...each, csFlags: 0, rip: 0x7000_0000n })) };
    const state = await viewOf(buildElf(lost)).vcpuState(1);
    expect(state.efer.from).to.equal('assumed');
    expect(state.nested.from, 'its code is mapped by nothing here').to.equal('assumed');
  });

  it('takes PDPTEs from memory where TCG has marked them, and else says so', async () => {
    const pae = (mark: bigint): DumpParts => {
      const low = Buffer.alloc(0x4000);
      low.writeBigUInt64LE(0x2001n | mark, 0x1000);
      low.writeBigUInt64LE(0x3067n, 0x2000);
      low.writeBigUInt64LE(0x0063n, 0x3000);
      const [vcpu] = smallGuest({ csFlags: 0, rip: 0n, idt: 0n }).vcpus;
      return { memory: [{ address: 0, bytes: low }], vcpus: vcpu === undefined ? [] : [vcpu], isNarrow: true };
    };
    const marked = await viewOf(buildElf(pae(0x20n))).vcpuState();
    expect(marked.accelerator).to.include({ value: 'tcg', from: 'dump' });
    const [answer] = await viewOf(buildElf(pae(0n))).translate([{ linearAddress: 0n, access: READ }]);
    expect(answer?.translation.kind).to.equal('mapped');
    expect(answer?.assumed.find(({ name }) => name === 'pdptes')).to.deep.include({ decides: true });
  });

  it('finds the root of a kernel through VMCOREINFO where there are no registers, and says what it assumes', async () => {
    const text = 'OSRELEASE=6.1\nNUMBER(phys_base)=-16777216\nSYMBOL(swapper_pg_dir)=ffffffff81001000\n';
    const guest = smallGuest();
    const noted = viewOf(buildElf({ ...guest, vcpus: [], vmcoreinfo: text }));
    expect((await noted.vcpuState()).cr3).to.include({ from: 'dump', value: 0x1000n });
    const [low] = guest.memory;
    low?.bytes.write(
      `\x0b\0\0\0${String.fromCharCode(text.length)}\0\0\0\0\0\0\0VMCOREINFO\0\0${text}`,
      0x6000,
      'latin1',
    );
    const raw = viewOf(rawOf(guest));
    expect((await raw.vcpuState()).cr3.value).to.equal(0x1000n);
    const [answer] = await raw.translate([{ linearAddress: SMALL_GUEST.idt, access: { ...READ, write: true } }]);
    expect(answer?.translation.kind).to.equal('mapped');
    expect(answer?.assumed.filter(({ decides }) => decides).map(({ name }) => name)).to.include('efer');
    expect(() => viewOf(rawOf(smallGuest())))
      .to.throw(DumpError)
      .with.property('code', 'ERR_DUMP_REGISTERS');
  });

  it('assumes where a 32-bit kernel maps its memory, and takes no root that its processor would not take', async () => {
    const of = (text: string) =>
      viewOf(buildElf({ ...smallGuest(), vcpus: [], vmcoreinfo: `OSRELEASE=6.1\n${text}`, isNarrow: true }));
    const state = await of('SYMBOL(swapper_pg_dir)=c0001000\n').vcpuState();
    expect(state.cr3).to.deep.include({ from: 'assumed', value: 0x1000n });
    const pae = await of('SYMBOL(swapper_pg_dir)=c0001020\nCONFIG_X86_PAE=y\n').vcpuState();
    expect(pae.cr3.value).to.equal(0x1020n);
    for (const text of [
      'SYMBOL(swapper_pg_dir)=c0001020\n',
      'SYMBOL(swapper_pg_dir)=c0001008\nCONFIG_X86_PAE=y\n',
      'SYMBOL(swapper_pg_dir)=80001000\n',
    ]) {
      expect(() => of(text), text).to.throw(DumpError);
    }
  });

  it('reads pages that were left out as zeros, and says so from then on', async () => {
    const view = viewOf(buildKdump(smallGuest(), { leftOut: [0x4000] }));
    const ask = async () => (await view.translate([{ linearAddress: SMALL_GUEST.code, access: READ }]))[0];
    expect((await ask())?.translation).to.include({ kind: 'fault', cause: 'not-present' });
    expect((await ask())?.assumed.filter(({ name }) => name === 'leftOut')).to.have.lengthOf(1);
  });

  it('sets no bit', async () => {
    const flags = { setAccessed: true, setDirty: false, forceSetAccessed: false };
    const request = { linearAddress: SMALL_GUEST.code, access: READ, flags };
    expect(await expectRejection(viewOf(buildElf(smallGuest())).translate([request]))).to.have.property(
      'code',
      'ERR_GUEST_USAGE',
    );
  });

  it('gives a clear error for whatever is cut off or changed, or answers', async function () {
    this.timeout(60_000);
    const seeds = [
      buildElf(smallGuest()),
      buildKdump(smallGuest()),
      flatten(buildKdump(smallGuest())),
      buildLime(smallGuest()),
    ];
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      byte: fc.nat(255),
      isHead: fc.boolean(),
    });
    const broken = fc.record({
      seed: fc.constantFrom(...seeds),
      changes: fc.array(change, { maxLength: 8 }),
      length: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    });
    await fc.assert(
      fc.asyncProperty(broken, async ({ seed, changes, length }) => {
        const file = Buffer.from(seed.subarray(0, length === null ? seed.length : Math.floor(length * seed.length)));
        for (const { at, byte, isHead } of changes) {
          const place = Math.floor(at * Math.min(file.length - 1, isHead ? 600 : file.length - 1));
          if (place >= 0) file[place] = byte;
        }
        try {
          const source = sourceOfBytes(bytesOf(file), null);
          const [cpu = 0] = source.vcpus;
          await new GuestView(source).snapshot({ cpu });
        } catch (error) {
          expect(error).to.be.instanceOf(DumpError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
