import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { AbiError, TRANSLATE2_ERROR, type Translate2Request, type Translate2Rules } from '../../../src/abi/index.ts';
import { type GuestTranslation, type GuestView, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuOptions, QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { type EntryFlags, TableBuilder } from '../../support/builders/table-builder.ts';
import { describePlan, describeTranslation, hex } from '../../support/judge/describe-translation.ts';
import { launchKernel, withRom } from '../../support/live/guest/kernel-guest.ts';
import { PhysicalSnapshot } from '../../support/live/guest/physical-snapshot.ts';
import { translate2 } from '../../support/live/guest/translate2-ioctl.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { writePhysical } from '../../support/live/guest/write-physical.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { type FuzzCall, FuzzTables } from '../../support/random/fuzz-tables.ts';
import { howMany } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import { accessOf } from '../../support/reference/reference-machine.ts';
import { referencePlan } from '../../support/reference/reference-plan.ts';
import type { ReferenceMachine } from '../../support/reference/reference-translation.ts';
import { referenceTranslate } from '../../support/reference/reference-walker.ts';

/** Thousands of questions are asked in one pause. */
const LONG_PAUSE_MS = 300_000;
const WRITE = 1;
const USER = 2;
const EXEC = 4;
const ACCESSED = 1;
const DIRTY = 2;
const FORCE = 4;

/** RAM that the kernel does not use. */
const FREE = 0x100_0000n;
const PAGE = 0x150_0000n;
const RAM = { memory: '32M', sizeBytes: 0x200_0000n } as const;
/** The same RAM in a file that QEMU shares: reading another process takes a permission that not everyone has. */
function inFile(path: string): QemuOptions {
  const object = `memory-backend-file,id=ram0,share=on,size=${RAM.memory},mem-path=${path}`;
  return { memory: RAM.memory, machine: 'pc,memory-backend=ram0', extraArgs: ['-object', object] };
}

const UNBACKED = 0x70_0000_0000n;

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const replay = `replay with: PAGEWALK_SEED=0x${seed.toString(16)} npx mocha dist/test/live/translate2-selftest.test.js`;

const supervisorAccess = [0, WRITE, EXEC] as const;
const everyAccess = [...supervisorAccess, ...supervisorAccess.map((access) => access | USER)];

/** An address with a way of its own from the PML4 down, so that each case has its own entries. */
const addressOf = (slot: number): bigint => (BigInt(slot) << 39n) | (0x1234_5678_9abcn % (1n << 39n));

interface Stage {
  readonly guest: QemuProcess;
  readonly witness: Witness;
  readonly tables: TableBuilder;
}

/** A paused guest, with tables of ours in its memory which no CPU of it uses. */
async function withStage<T>(
  prepare: (tables: TableBuilder) => void,
  use: (stage: Stage) => Promise<T>,
  launch: () => Promise<QemuProcess> = () => launchKernel('long4', { memory: RAM.memory }),
): Promise<T> {
  await using guest = await launch();
  await using witness = await Witness.of(guest);
  await witness.execute('stop');
  const tables = new TableBuilder('4-level', FREE);
  prepare(tables);
  await writePhysical(guest, tables.memory.pages());
  // Awaited here: with the return the guest ends.
  return await use({ guest, witness, tables });
}

/** The ioctl in one pause, in the address space of the tables. */
function ask({ guest, tables }: Stage, requests: readonly Translate2Request[]) {
  return withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) => translate2(paused, requests, { cr3: tables.root }));
}

/** A and D in guest memory, PML4E first, as QEMU shows them: `A`, `AD` or `-`. */
async function bitsOf({ witness, tables }: Stage, linear: bigint): Promise<string> {
  const values = await Promise.all(tables.levels.map((level) => witness.entry(tables.entryAddress(linear, level), 8)));
  return values.map((value) => `${value & 0x20n ? 'A' : ''}${value & 0x40n ? 'D' : ''}` || '-').join(' ');
}

function allLevels(flags: EntryFlags): Record<number, EntryFlags> {
  return { 1: flags, 2: flags, 3: flags, 4: flags };
}

describe('the selftest of KVM_TRANSLATE2, on a live guest', function () {
  this.timeout(240_000);
  const scratch = useScratchDirectory();

  it('1. every combination of rights admits the accesses that it covers, and no others', async () => {
    const rights = [0, 1, 2, 3, 4, 5, 6, 7];
    const prepare = (tables: TableBuilder): void => {
      for (const right of rights) {
        const flags = { write: (right & WRITE) !== 0, user: (right & USER) !== 0, noExecute: (right & EXEC) === 0 };
        tables.map(addressOf(right), PAGE, { levels: allLevels(flags) });
      }
    };
    await withStage(prepare, async (stage) => {
      const cases = rights.flatMap((right) => everyAccess.map((access) => ({ right, access })));
      const answers = await ask(
        stage,
        cases.map(({ right, access }) => ({ linearAddress: addressOf(right), access, flags: 0 })),
      );
      const actual = answers.map(({ valid, errorCode, physicalAddress }, at) => {
        const outcome = valid ? `valid ${hex(physicalAddress)}` : `error ${errorCode}`;
        return `rights ${cases[at]?.right}, access ${cases[at]?.access}: ${outcome}`;
      });
      const expected = cases.map(({ right, access }) => {
        const isAllowed = (access & ~right) === 0;
        const outcome = isAllowed ? `valid ${hex(PAGE | 0xabcn)}` : `error ${TRANSLATE2_ERROR.PRIVILEGE_VIOLATION}`;
        return `rights ${right}, access ${access}: ${outcome}`;
      });
      expect(actual).to.deep.equal(expected);
    });
  });

  it('2. no flag sets nothing; SET_ACCESSED sets A on four levels; SET_DIRTY adds D in the leaf', async () => {
    await withStage(
      (tables) => tables.map(addressOf(0), PAGE),
      async (stage) => {
        const linearAddress = addressOf(0);
        const steps = [
          { access: WRITE, flags: 0, bits: '- - - -', succeeded: false },
          { access: 0, flags: ACCESSED, bits: 'A A A A', succeeded: true },
          { access: WRITE, flags: ACCESSED, bits: 'A A A A', succeeded: true },
          { access: WRITE, flags: ACCESSED | DIRTY, bits: 'A A A AD', succeeded: true },
          { access: WRITE, flags: ACCESSED | DIRTY, bits: 'A A A AD', succeeded: true },
        ];
        for (const { access, flags, bits, succeeded } of steps) {
          const [answer] = await ask(stage, [{ linearAddress, access, flags }]);
          expect(answer).to.include({ valid: true, setBitsSucceeded: succeeded });
          expect(await bitsOf(stage, linearAddress)).to.equal(bits);
        }
      },
    );
  });

  it('3. EINVAL for what makes no sense, and nothing is touched', async () => {
    await withStage(
      (tables) => tables.map(addressOf(0), PAGE),
      async (stage) => {
        const refused = [
          { access: 8, flags: ACCESSED },
          { access: WRITE, flags: DIRTY },
          { access: 0, flags: FORCE },
          { access: WRITE, flags: 8 | ACCESSED },
          { access: 0, flags: ACCESSED | DIRTY },
          { access: WRITE | EXEC, flags: ACCESSED },
        ];
        for (const request of refused) {
          const error = await ask(stage, [{ linearAddress: addressOf(0), ...request }]).catch((reason) => reason);
          expect(error, JSON.stringify(request)).to.be.instanceOf(AbiError).with.property('code', 'ERR_ABI_EINVAL');
        }
        expect(await bitsOf(stage, addressOf(0))).to.equal('- - - -');
        expect(await stage.witness.runState()).to.equal('paused');
      },
    );
  });

  it('4. each failure has its code and names its entry; forced, A is set in what was passed', async () => {
    const [reserved, unbacked, absent] = [addressOf(1), addressOf(2), addressOf(3)];
    const prepare = (tables: TableBuilder): void => {
      for (const linear of [reserved, unbacked, absent]) tables.map(linear, PAGE);
      tables.edit(reserved, 2, { set: 1n << 51n });
      tables.edit(unbacked, 2, { clear: 0xf_ffff_ffff_f000n, set: UNBACKED });
      tables.edit(absent, 1, { clear: 1n });
    };
    await withStage(prepare, async (stage) => {
      const { tables } = stage;
      const none = { access: 0, flags: 0 };
      const answers = await ask(stage, [
        { linearAddress: 0x5000_0000_0000_0000n, ...none },
        { linearAddress: reserved, ...none },
        { linearAddress: unbacked, ...none },
        { linearAddress: absent, access: 0, flags: ACCESSED },
      ]);
      const brief = answers.map(
        ({ valid, errorCode, physicalAddress }) => `${valid} ${errorCode} ${hex(physicalAddress)}`,
      );
      // PT index 0x189 of every address here: 0x189 * 8.
      expect(brief).to.deep.equal([
        `false ${TRANSLATE2_ERROR.INVALID_GVA} 0x0`,
        `false ${TRANSLATE2_ERROR.RESERVED_BITS} ${hex(tables.entryAddress(reserved, 2))}`,
        `false ${TRANSLATE2_ERROR.INVALID_GPA} ${hex(UNBACKED + 0xc48n)}`,
        `false ${TRANSLATE2_ERROR.NOT_PRESENT} ${hex(tables.entryAddress(absent, 1))}`,
      ]);
      expect(answers.map(({ setBitsSucceeded }) => setBitsSucceeded)).to.deep.equal([false, false, false, false]);
      expect(await bitsOf(stage, absent)).to.equal('- - - -');
      const [forced] = await ask(stage, [{ linearAddress: absent, access: WRITE, flags: ACCESSED | DIRTY | FORCE }]);
      expect(forced).to.include({ valid: false, errorCode: TRANSLATE2_ERROR.NOT_PRESENT, setBitsSucceeded: true });
      expect(await bitsOf(stage, absent)).to.equal('A A A -');
    });
  });

  it('5. a page table in memory that cannot be written: the translation succeeds and the bits do not', async () => {
    const rom = KERNELS.long4.pagesWithRom.find(({ name }) => name === 'rom-rw')?.path.at(-1);
    if (rom === undefined) throw new Error('the kernel has no page with its page table in ROM');
    // Index 0 in the page table: that is where rom.bin has the entry.
    const linear = addressOf(1) & ~0x1f_ffffn;
    const prepare = (tables: TableBuilder): void => {
      tables.map(linear, PAGE);
      tables.edit(linear, 2, { clear: 0xf_ffff_ffff_f000n, set: rom.address });
    };
    const launch = () => launchKernel('long4', withRom({ memory: RAM.memory }));
    await withStage(
      prepare,
      async (stage) => {
        const [answer] = await ask(stage, [{ linearAddress: linear, access: WRITE, flags: ACCESSED | DIRTY }]);
        expect(answer).to.include({ valid: true, errorCode: 0, setBitsSucceeded: false });
        expect(hex(answer?.physicalAddress ?? 0n)).to.equal(hex(rom.value & 0xf_ffff_ffff_f000n));
        expect(hex(await stage.witness.entry(rom.address, 8))).to.equal(hex(rom.value));
        expect(hex((await stage.witness.entry(stage.tables.entryAddress(linear, 2), 8)) & 0x60n)).to.equal('0x20');
      },
      launch,
    );
  });

  it('passes all 55 checks of the series with WRITE and EXEC taken as both, and all but 15 without', async () => {
    const bitsAt = addressOf(9);
    const prepare = (tables: TableBuilder): void => {
      for (const right of RIGHTS) {
        const flags = { write: (right & WRITE) !== 0, user: (right & USER) !== 0, noExecute: (right & EXEC) === 0 };
        tables.map(addressOf(right), PAGE, { levels: allLevels(flags) });
      }
      for (const linear of [bitsAt, ...BROKEN]) tables.map(linear, PAGE);
      const [reserved, unbacked, absent] = BROKEN;
      tables.edit(reserved, 2, { set: 1n << 51n });
      tables.edit(unbacked, 2, { clear: 0xf_ffff_ffff_f000n, set: UNBACKED });
      tables.edit(absent, 1, { clear: 1n });
    };
    for (const writeWithExec of ['both', 'refused'] as const) {
      await withStage(prepare, async (stage) => {
        const outcomes: string[] = [];
        await withPausedGuest({ qmp: stage.guest.qmpEndpoint, maxPauseMs: LONG_PAUSE_MS }, async (paused) => {
          for (const check of seriesChecks(bitsAt))
            outcomes.push(await runCheck(stage, paused, check, { writeWithExec }));
        });
        const failed = outcomes.filter((outcome) => outcome !== 'passed');
        expect(outcomes).to.have.length(55);
        if (writeWithExec === 'both') expect(failed).to.deep.equal([]);
        else {
          expect(failed).to.have.length(15);
          for (const outcome of failed) expect(outcome).to.match(/^access [57] .*: ERR_ABI_EINVAL$/);
        }
      });
    }
  });

  for (const hostMemory of [false, true]) {
    const way = hostMemory ? 'from this host' : 'through the stub';
    // In the gate more than the series' own selftest makes; fewer where each entry takes a packet.
    const walks = hostMemory ? howMany({ daily: 6000, thorough: 80_000 }) : howMany({ daily: 2000, thorough: 16_000 });
    it(`6. fuzz, read ${way}: ${walks} walks through random entries set A and D where they should, and not a bit elsewhere`, async () => {
      await using guest = await launchKernel('long4', hostMemory ? inFile(scratch('ram')) : { memory: RAM.memory });
      await using witness = await Witness.of(guest);
      await witness.execute('stop');
      const random = new Random(seed);
      const { tables, calls } = makeFuzz(random, walks / 8);
      await writePhysical(guest, tables.memory.pages());
      const memory = await PhysicalSnapshot.take(guest, witness);
      const outcomes = await withPausedGuest(
        { qmp: guest.qmpEndpoint, hostMemory, maxPauseMs: LONG_PAUSE_MS },
        async (paused) => {
          const { provider, attempts } = await paused.memoryReport();
          expect(provider, JSON.stringify(attempts)).to.equal(hostMemory ? 'host-file' : 'gdb-stub');
          return runFuzz(paused, calls, random, memory);
        },
      );
      expect([...outcomes.values()].reduce((sum, count) => sum + count)).to.equal(walks);
      for (const outcome of ENDINGS) expect(outcomes.get(outcome) ?? 0, `${replay}\n${outcome}`).to.be.above(0);
      expect(memory.differences(await PhysicalSnapshot.take(guest, witness)), replay).to.deep.equal([]);
      expect(await witness.runState()).to.equal('paused');
    });
  }
});

const RIGHTS = [0, 1, 2, 3, 4, 5, 6, 7];
/** With a reserved bit in the PDE, with a PDE that leads outside memory, with a PTE that is not present. */
const BROKEN = [addressOf(10), addressOf(11), addressOf(12)] as const;

/** One assertion of the series' own selftest. */
interface SeriesCheck extends Translate2Request {
  readonly name: string;
  /** Of the answer, `valid ADDRESS` or `error N`; of a refusal, its code. */
  readonly expected: string;
  /** A and D afterwards, PML4E first. */
  readonly bits?: string;
  readonly succeeded?: boolean;
}

/**
 * The 55: for each of the 8 combinations of rights the access that needs just these (8) and each that needs more (37); bits (3);
 * refusals (3); failures (4).
 */
function seriesChecks(bitsAt: bigint): SeriesCheck[] {
  const page = `valid ${hex(PAGE | 0xabcn)}`;
  const rights = RIGHTS.flatMap((right) =>
    RIGHTS.filter((access) => access === right || (access & ~right) !== 0).map((access) => ({
      name: `access ${access} where the rights are ${right}`,
      linearAddress: addressOf(right),
      access,
      flags: 0,
      expected: access === right ? page : 'error 2',
    })),
  );
  const bits = [
    { access: 0, flags: 0, bits: '- - - -', succeeded: false },
    { access: 0, flags: ACCESSED, bits: 'A A A A', succeeded: true },
    { access: WRITE, flags: ACCESSED | DIRTY, bits: 'A A A AD', succeeded: true },
  ].map((each) => ({ ...each, name: `flags ${each.flags}`, linearAddress: bitsAt, expected: page }));
  const refused = [
    { access: 8, flags: 0 },
    { access: 0, flags: DIRTY },
    { access: 0, flags: FORCE },
  ].map((each) => ({ ...each, name: `access ${each.access}, flags ${each.flags}`, linearAddress: bitsAt }));
  const [reserved, unbacked, absent] = BROKEN;
  const failures = [
    { name: 'an address that is not canonical', linearAddress: 0x5000_0000_0000_0000n, flags: 0, error: 4 },
    { name: 'a reserved bit', linearAddress: reserved, flags: 0, error: 3 },
    { name: 'a table outside memory', linearAddress: unbacked, flags: 0, error: 5 },
    { name: 'no page', linearAddress: absent, flags: ACCESSED | FORCE, error: 1, bits: 'A A A -' },
  ].map(({ error, ...each }) => ({ ...each, access: 0, expected: `error ${error}` }));
  return [...rights, ...bits, ...refused.map((each) => ({ ...each, expected: 'ERR_ABI_EINVAL' })), ...failures];
}

/** `passed`, or what came instead. */
async function runCheck(stage: Stage, paused: GuestView, check: SeriesCheck, rules: Translate2Rules): Promise<string> {
  const { name, expected, bits, succeeded, ...request } = check;
  const outcome = await translate2(paused, [request], { cr3: stage.tables.root }, rules).then(
    ([answer]) => answer,
    (error: unknown) => (error instanceof AbiError ? error.code : Promise.reject(error)),
  );
  if (typeof outcome !== 'object') return outcome === expected ? 'passed' : `${name}: ${outcome}`;
  const { valid, errorCode, physicalAddress, setBitsSucceeded } = outcome;
  const text = valid ? `valid ${hex(physicalAddress)}` : `error ${errorCode}`;
  if (text !== expected) return `${name}: ${text}`;
  if (succeeded !== undefined && setBitsSucceeded !== succeeded)
    return `${name}: set_bits_succeeded ${setBitsSucceeded}`;
  const set = bits === undefined ? undefined : await bitsOf(stage, request.linearAddress);
  return set === bits ? 'passed' : `${name}: ${set}`;
}

const NOISE_PAGES = 64;

/** What the random entries must have led to, or this tests less than it says. */
const ENDINGS = [
  'mapped, written',
  'privilege-violation, written',
  'not-present, written',
  'not-present, nothing written',
  'reserved-bits, written',
  'reserved-bits, nothing written',
  'unbacked-table, written',
  'unbacked-table, nothing written',
];

/** For each level 10000 entries with a random table address, and 10000 random entries. */
function makeFuzz(random: Random, entries: number): { tables: FuzzTables; calls: FuzzCall[] } {
  const tables = new FuzzTables(random, FREE);
  for (let page = 0; page < NOISE_PAGES; page += 1) tables.addPage(() => noiseEntry(random));
  const calls = [4, 3, 2, 1].flatMap((level) => [
    ...tables.addEntries(level, entries, () => targetAddress(random) | 7n),
    ...tables.addEntries(level, entries, () => noiseEntry(random)),
  ]);
  return { tables, calls };
}

/** All calls in order; `memory` follows what they write. Gives how often each ending was met. */
async function runFuzz(
  paused: GuestView,
  calls: readonly FuzzCall[],
  random: Random,
  memory: PhysicalSnapshot,
): Promise<ReadonlyMap<string, number>> {
  const outcomes = new Map<string, number>();
  for (const call of calls) {
    for (const outcome of await compareCall(paused, call, random, memory)) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  }
  return outcomes;
}

/** A page anywhere: in the noise, in RAM, in ROM, on a device, where nothing is, and in 12 bits that no address has. */
function targetAddress(random: Random): bigint {
  const anywhere = random.uint64() & 0xff_ffff_f000n;
  const noise = FREE + BigInt(random.below(NOISE_PAGES)) * 0x1000n;
  const ram = (random.uint64() % RAM.sizeBytes) & ~0xfffn;
  const rom = random.pick([0xc_4000n, 0xf_0000n, 0xf_f000n, 0xfffc_0000n, 0xffff_f000n]);
  const device = random.pick([0xfee0_0000n, 0xfec0_0000n, 0xfed0_0000n]);
  const edge = random.pick([RAM.sizeBytes - 0x1000n, RAM.sizeBytes, 0xff_ffff_f000n, 0xa_0000n]);
  const tooWide = random.uint64() & 0xf_ffff_ffff_f000n;
  const places = [anywhere, noise, noise, noise, ram, ram, rom, device, edge, tooWide] as const;
  return random.pick(places);
}

/** As the selftest has it, 64 random bits; or some that lead further than the first reserved bit. */
function noiseEntry(random: Random): bigint {
  const noise = random.uint64();
  switch (random.below(3)) {
    case 0:
      return noise;
    case 1:
      return targetAddress(random) | (noise & 0xfff0_0000_0000_0f7fn) | 1n;
    default:
      return targetAddress(random) | (noise & 0x7ff0_0000_0000_0e66n) | 7n;
  }
}

/** One batch with all flags, against the reference in every fact; then the reference's bits are set in the copy of memory. */
async function compareCall(
  paused: GuestView,
  { root, linear }: FuzzCall,
  random: Random,
  memory: PhysicalSnapshot,
): Promise<string[]> {
  const flags = { setAccessed: true, setDirty: true, forceSetAccessed: true };
  const requests = linear.map((linearAddress) => ({
    linearAddress,
    access: accessOf(random.chance(50) ? 'wu' : 'w'),
    flags,
  }));
  const answers = await paused.translate(requests, { cr3: root });
  const machine = long4Machine(root);
  const plans = requests.map(({ linearAddress, access }, at) => {
    const expected = referenceTranslate(machine, memory, linearAddress, access);
    const plan = referencePlan(expected, flags, false);
    const planned = plan.filter(({ address }) => memory.isWritable(address, 8));
    const text = `${describeTranslation(expected)}\nwrote ${describePlan(planned)}, all: ${planned.length === plan.length}`;
    if (describeAnswer(answers[at]) !== text) {
      const question = `${replay}\nCR3 ${hex(root)}, linear ${hex(linearAddress)}, ${access.user ? 'user' : 'supervisor'}`;
      expect(describeAnswer(answers[at]), question).to.equal(text);
    }
    return planned;
  });
  memory.apply(plans.flat());
  return answers.map(({ translation, wrote, bitsAreSet }) => {
    const outcome = translation.kind === 'mapped' ? 'mapped' : translation.cause;
    return `${outcome}, ${wrote.length > 0 ? 'written' : 'nothing written'}${bitsAreSet ? '' : ', read-only'}`;
  });
}

function describeAnswer(answer: GuestTranslation | undefined): string {
  if (answer === undefined) return 'no answer';
  const { translation, wrote, bitsAreSet } = answer;
  return `${describeTranslation(translation)}\nwrote ${describePlan(wrote)}, all: ${bitsAreSet}`;
}

/** What `-cpu max` of TCG is: AMD, 40 address bits, 1 GiB pages. */
function long4Machine(root: bigint): ReferenceMachine {
  const { cr0, cr4, efer, pkru = 0n, pkrs = 0n } = KERNELS.long4.registers;
  return {
    registers: { cr0, cr3: root, cr4, efer, rflags: 2n, pkru: Number(pkru), pkrs: Number(pkrs) },
    processor: { maxPhyAddr: 40, vendor: 'amd', pse36: true, pdpe1gb: true },
  };
}
