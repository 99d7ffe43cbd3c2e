import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { toTranslate2Answer } from '../../../src/abi/index.ts';
import { type GuestTranslation, withPausedGuest } from '../../../src/guest/index.ts';
import type { BitFlags } from '../../../src/paging/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { type KernelManifest, type KernelPage, kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel, withRom } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';

/** All tables of every kernel, its stacks and its code lie in here. */
const IMAGE = { address: 0x100000, sizeBytes: 0x40000 };
const A = 0x20;
const D = 0x40;

const READ = { write: false, user: false, exec: false };
const WRITE = { ...READ, write: true };
const USER_READ = { ...READ, user: true };
const NONE: BitFlags = { setAccessed: false, setDirty: false, forceSetAccessed: false };
const ACCESSED: BitFlags = { ...NONE, setAccessed: true };
const ACCESSED_DIRTY: BitFlags = { ...ACCESSED, setDirty: true };
const FORCED: BitFlags = { ...ACCESSED, forceSetAccessed: true };
const ALL: BitFlags = { ...ACCESSED_DIRTY, forceSetAccessed: true };

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

async function snapshot(guest: QemuProcess, witness: Witness): Promise<Buffer> {
  const file = join(guest.directory, 'memory');
  await witness.execute('pmemsave', { val: IMAGE.address, size: IMAGE.sizeBytes, filename: file });
  return readFile(file);
}

/** Every byte that changed, as `address: bits set`; a byte that changed otherwise shows its values. */
function changes(before: Buffer, after: Buffer): string[] {
  const lines: string[] = [];
  before.forEach((old, at) => {
    const now = after[at] ?? 0;
    if (now === old) return;
    const set = (now & old) === old ? `+${hex(now ^ old)}` : `${hex(old)} became ${hex(now)}`;
    lines.push(`${hex(IMAGE.address + at)}: ${set}`);
  });
  return lines;
}

/** What must have changed: the lowest byte of these entries of a page's path, by level, those bits that it lacked. */
function bitsAt(page: KernelPage, wanted: Readonly<Record<number, number>>): string[] {
  return page.path
    .flatMap(({ level, address, value }) => {
      const missing = (wanted[level] ?? 0) & ~Number(value & 0xffn);
      return missing === 0 ? [] : [{ address, missing }];
    })
    .sort((one, other) => Number(one.address - other.address))
    .map(({ address, missing }) => `${hex(address)}: +${hex(missing)}`);
}

interface Case {
  readonly title: string;
  readonly page: string;
  readonly access: typeof READ;
  readonly flags: BitFlags;
  /** By level: the bits that must be set afterwards. */
  readonly bits: Readonly<Record<number, number>>;
  readonly valid: boolean;
  readonly setBitsSucceeded: boolean;
}

const upper = { 5: A, 4: A, 3: A, 2: A };

/** In the four-level kernels; levels that a mode does not have, or whose entries have no A (PAE PDPTEs), stay out of `bits`. */
const CASES: readonly Case[] = [
  { title: 'no flags', page: 'rw', access: WRITE, flags: NONE, bits: {}, valid: true, setBitsSucceeded: false },
  {
    title: 'SET_ACCESSED, read',
    page: 'rw',
    access: READ,
    flags: ACCESSED,
    bits: { ...upper, 1: A },
    valid: true,
    setBitsSucceeded: true,
  },
  {
    title: 'SET_ACCESSED, write',
    page: 'rw',
    access: WRITE,
    flags: ACCESSED,
    bits: { ...upper, 1: A },
    valid: true,
    setBitsSucceeded: true,
  },
  {
    title: 'SET_ACCESSED and SET_DIRTY',
    page: 'rw',
    access: WRITE,
    flags: ACCESSED_DIRTY,
    bits: { ...upper, 1: A | D },
    valid: true,
    setBitsSucceeded: true,
  },
  {
    title: 'bits that are set already',
    page: 'dirty',
    access: WRITE,
    flags: ACCESSED_DIRTY,
    bits: { ...upper, 1: A | D },
    valid: true,
    setBitsSucceeded: true,
  },
  {
    title: 'a denied write, not forced',
    page: 'ro',
    access: WRITE,
    flags: ACCESSED_DIRTY,
    bits: {},
    valid: false,
    setBitsSucceeded: false,
  },
  {
    title: 'a denied write, forced',
    page: 'ro',
    access: WRITE,
    flags: ALL,
    bits: upper,
    valid: false,
    setBitsSucceeded: true,
  },
  {
    title: 'a page that is not present, not forced',
    page: 'pte-zero',
    access: READ,
    flags: ACCESSED,
    bits: {},
    valid: false,
    setBitsSucceeded: false,
  },
  {
    title: 'a page that is not present, forced',
    page: 'pte-zero',
    access: READ,
    flags: FORCED,
    bits: upper,
    valid: false,
    setBitsSucceeded: true,
  },
  {
    title: 'a reserved bit in the PDE, forced',
    page: 'pde-reserved',
    access: READ,
    flags: FORCED,
    bits: { 5: A, 4: A, 3: A },
    valid: false,
    setBitsSucceeded: true,
  },
  {
    title: 'a table that is nowhere, forced',
    page: 'pt-unbacked',
    access: READ,
    flags: FORCED,
    bits: upper,
    valid: false,
    setBitsSucceeded: true,
  },
  {
    title: 'a denial above the leaf, forced',
    page: 'pde-supervisor',
    access: USER_READ,
    flags: FORCED,
    bits: { 5: A, 4: A, 3: A },
    valid: false,
    setBitsSucceeded: true,
  },
];

/** Large pages, by the size that a mode has; the leaf is at level 2 or 3. */
const LARGE: Readonly<Record<string, number>> = { 'page-2m': 2, 'page-4m': 2, 'page-1g': 3 };

function withoutPdpte(
  kernel: KernelManifest,
  bits: Readonly<Record<number, number>>,
): Readonly<Record<number, number>> {
  return kernel.mode === 'pae' ? { ...bits, 3: 0 } : bits;
}

async function translateOne(guest: QemuProcess, address: bigint, { access, flags }: Pick<Case, 'access' | 'flags'>) {
  const [answer] = await withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) =>
    paused.translate([{ linearAddress: address, access, flags }]),
  );
  return answer as GuestTranslation;
}

describe('accessed and dirty bits, written into a live guest', function () {
  this.timeout(60_000);

  for (const kernel of Object.values(KERNELS)) {
    const has = (name: string): boolean => kernel.pages.some((page) => page.name === name);

    describe(kernel.name, () => {
      const large = Object.entries(LARGE).filter(([name]) => has(name));
      const largeCases = large.map(([page, leaf]): Case => {
        const bits = Object.fromEntries(
          Object.entries(upper).map(([level, bit]) => [level, Number(level) > leaf ? bit : 0]),
        );
        return {
          title: page,
          page,
          access: WRITE,
          flags: ACCESSED_DIRTY,
          bits: { ...bits, [leaf]: A | D },
          valid: true,
          setBitsSucceeded: true,
        };
      });
      for (const item of [...CASES.filter(({ page }) => has(page)), ...largeCases]) {
        it(`${item.title}: these bits, and not a byte besides`, async () => {
          const page = kernelPage(kernel, item.page);
          await using guest = await launchKernel(kernel.name);
          await using witness = await Witness.of(guest);
          await witness.execute('stop');
          const before = await snapshot(guest, witness);
          const answer = await translateOne(guest, page.address, item);
          expect(changes(before, await snapshot(guest, witness))).to.deep.equal(
            bitsAt(page, withoutPdpte(kernel, item.bits)),
          );
          const { valid, setBitsSucceeded } = toTranslate2Answer(answer.translation, item.flags, answer.bitsAreSet);
          expect({ valid, setBitsSucceeded }).to.deep.equal({
            valid: item.valid,
            setBitsSucceeded: item.setBitsSucceeded,
          });
        });
      }

      it('the guest itself sees them, and xp too, while it runs on', async () => {
        const page = kernelPage(kernel, 'rw');
        const leaf = page.path.at(-1);
        await using guest = await launchKernel(kernel.name);
        await using witness = await Witness.of(guest);
        const digits = (value: bigint): string => value.toString(16).padStart(16, '0');
        await guest.console.waitForNextLine((line) => line === `pte rw ${digits(leaf?.value ?? 0n)}`);
        await translateOne(guest, page.address, { access: WRITE, flags: ACCESSED_DIRTY });
        const marked = (leaf?.value ?? 0n) | BigInt(A | D);
        await guest.console.waitForNextLine((line) => line === `pte rw ${digits(marked)}`);
        const size = kernel.mode === '32-bit' ? 4 : 8;
        expect(hex(await witness.entry(leaf?.address ?? 0n, size))).to.equal(hex(marked));
      });

      it('a page table in ROM: success, but the bits are not set', async () => {
        await using guest = await launchKernel(kernel.name, withRom());
        await using witness = await Witness.of(guest);
        const page = kernel.pagesWithRom.find(({ name }) => name === 'rom-rw') as KernelPage;
        const answer = await translateOne(guest, page.address, { access: WRITE, flags: ACCESSED_DIRTY });
        expect(answer.translation.kind).to.equal('mapped');
        const { valid, setBitsSucceeded } = toTranslate2Answer(answer.translation, ACCESSED_DIRTY, answer.bitsAreSet);
        expect({ valid, setBitsSucceeded }).to.deep.equal({ valid: true, setBitsSucceeded: false });
        const leaf = page.path.at(-1);
        expect(hex(await witness.entry(leaf?.address ?? 0n, kernel.mode === '32-bit' ? 4 : 8))).to.equal(
          hex(leaf?.value ?? 0n),
        );
      });
    });
  }
});
