import { expect } from 'chai';
import {
  AbiError,
  decodeHvEventInfo,
  decodeHvTranslateOutputEx,
  encodeHvTranslateOutputEx,
  HV_CONTROL,
  HV_MAP_GPA,
  HV_RESULT,
  type HvPageAccess,
  type HvPages,
  type HvTranslateAnswer,
  type HvVirtualProcessor,
  type HvVtl,
  hvPageAccess,
  hvTranslate,
  hvTranslateInVtl,
  hvWalkInMemory,
  inputVtlFlags,
} from '../../../../src/abi/index.ts';
import type { PagingRegisters } from '../../../../src/paging/index.ts';
import { type EntryFlags, TableBuilder } from '../../../support/builders/table-builder.ts';

const { validateRead, validateWrite, validateExecute, setPageTableBits, tlbFlushInhibit } = HV_CONTROL;
const { privilegeExempt, supervisorAccess, userAccess, enforceSmap, overrideSmap, shadowStack } = HV_CONTROL;

const PG = 1n << 31n;
const WP = 1n << 16n;
const PAE = 1n << 5n;
const SMEP = 1n << 20n;
const SMAP = 1n << 21n;
const CET = 1n << 23n;
const LASS = 1n << 27n;
const LONG_MODE = 0xd00n;
const AC = 1n << 18n;

const GVA = 0x0000_4080_c060_5123n;
const PAGE = 0x7_8000n;
const ROOT = 0x1000n;

const MEMORY_TYPES = { pat: 0x0007_0406_0007_0406n, mtrrDefType: 0x806n, mtrrFixed: [], mtrrVariable: [] };

interface Scene {
  flags: bigint;
  cpl?: number;
  vtl?: number;
  gva?: bigint;
  cr0?: bigint;
  cr4?: bigint;
  rflags?: bigint;
  efer?: bigint;
  /** Flags of the entry at each level; a level left out allows everything. */
  levels?: Readonly<Record<number, EntryFlags>>;
  pages?: HvPages;
  /** Where the address leads; a page that is no table unless given. */
  page?: bigint;
  memoryTypes?: HvVirtualProcessor['memoryTypes'];
}

/** The answer for one page that is mapped by tables at 0x1000, 0x2000, 0x3000 and 0x4000. */
function answerOf(scene: Scene): HvTranslateAnswer {
  const {
    flags,
    cpl = 0,
    vtl = 0,
    gva = GVA,
    cr0 = PG | WP,
    cr4 = 0n,
    rflags = 2n,
    efer = LONG_MODE,
    levels = {},
    page = PAGE,
  } = scene;
  const builder = new TableBuilder('4-level', ROOT);
  builder.map(GVA, page, { levels });
  const registers: PagingRegisters = { cr0, cr3: ROOT, cr4: cr4 | PAE, efer, rflags };
  const walk = hvWalkInMemory(registers, { maxPhyAddr: 40 }, builder.memory, gva);
  const vp = { vtl, cpl, cr0, cr4, maxPhyAddr: 40, memoryTypes: scene.memoryTypes ?? MEMORY_TYPES };
  return hvTranslate({ controlFlags: flags, gva }, vp, walk, scene.pages);
}

const nameOf = (scene: Scene): string => answerOf(scene).name;
/** `4:A 3:A 2:A 1:AD`. */
const bitsOf = (scene: Scene): string =>
  answerOf(scene)
    .bits.map(({ level, accessed, dirty }) => `${level}:${accessed ? 'A' : ''}${dirty ? 'D' : ''}`)
    .join(' ');

const denying =
  (page: bigint, access: Partial<HvPageAccess>) =>
  (gpaPage: bigint): HvPageAccess => ({ read: true, write: true, ...(gpaPage === page ? access : {}) });

describe('HvCallTranslateVirtualAddress', () => {
  it('says where a page is, and how it is cached', () => {
    expect(answerOf({ flags: validateRead })).to.deep.include({
      name: 'Success',
      resultCode: 0,
      gpaPage: 0x78n,
      cacheType: 6,
      overlayPage: false,
      inhibitsTlbFlush: false,
      bits: [],
    });
    const uncached = { levels: { 1: { extra: 0x18n } } };
    expect(answerOf({ flags: validateRead, ...uncached }).cacheType).to.equal(0);
    expect(answerOf({ flags: validateRead, cr0: PG | WP | (1n << 30n) }).cacheType).to.equal(0);
  });

  it('has a page number for every address of the page', () => {
    for (const offset of [0n, 0xfffn]) {
      expect(answerOf({ flags: validateRead, gva: (GVA & ~0xfffn) | offset }).gpaPage).to.equal(0x78n);
    }
  });

  it('flags the overlay pages that it was told of', () => {
    expect(answerOf({ flags: validateRead, pages: { overlayPages: [0x77n, 0x78n] } }).overlayPage).to.equal(true);
    expect(answerOf({ flags: validateRead, pages: { overlayPages: [0x77n] } }).overlayPage).to.equal(false);
  });

  it('has TLB flushes inhibited where that was asked for, after a success', () => {
    expect(answerOf({ flags: validateRead | tlbFlushInhibit }).inhibitsTlbFlush).to.equal(true);
    const failing = { levels: { 1: { present: false } } };
    expect(answerOf({ flags: validateRead | tlbFlushInhibit, ...failing }).inhibitsTlbFlush).to.equal(false);
  });

  describe('fails', () => {
    const nothing = { gpaPage: 0n, cacheType: 0, overlayPage: false };

    it('with PageNotPresent where P=0, and for an address that the mode does not have', () => {
      for (const level of [4, 3, 2, 1]) {
        const scene = { flags: validateRead, levels: { [level]: { present: false } } };
        expect(answerOf(scene)).to.deep.include({ name: 'PageNotPresent', resultCode: 1, ...nothing });
      }
      expect(answerOf({ flags: validateRead, gva: 1n << 47n })).to.deep.include({ name: 'PageNotPresent', ...nothing });
      expect(nameOf({ flags: validateRead, gva: 1n << 32n, efer: 0n })).to.equal('PageNotPresent');
      expect(nameOf({ flags: validateRead, gva: 1n << 64n })).to.equal('PageNotPresent');
      expect(answerOf({ flags: validateRead, gva: 1n << 64n }).walk).to.equal(null);
    });

    it('with InvalidPageTableFlags where a reserved bit is set', () => {
      const levels = { 2: { extra: 1n << 40n } };
      expect(answerOf({ flags: validateRead, levels })).to.deep.include({
        name: 'InvalidPageTableFlags',
        resultCode: 3,
        ...nothing,
      });
    });

    it('with PrivilegeViolation where a right is missing', () => {
      const scenes: readonly Scene[] = [
        { flags: validateWrite, levels: { 1: { write: false } } },
        { flags: validateExecute, levels: { 3: { noExecute: true } } },
        { flags: validateRead, cpl: 3, levels: { 4: { user: false } } },
        { flags: validateExecute, cr4: SMEP },
        { flags: validateRead, cr4: SMAP },
        { flags: validateRead, cr4: LASS | SMAP },
      ];
      for (const scene of scenes) {
        expect(answerOf(scene)).to.deep.include({ name: 'PrivilegeViolation', resultCode: 2, ...nothing });
      }
    });

    it('with GpaUnmapped and the page where no memory holds a table', () => {
      const gone = answerOf({ flags: validateRead, levels: { 2: { extra: 0x55_0000n } } });
      expect(gone).to.deep.include({ name: 'GpaUnmapped', resultCode: 4, cacheType: 0, overlayPage: false });
      // The address that the PDE then has: that of the table, and the bits added.
      expect(gone.gpaPage).to.equal(0x554n);
    });

    it('with GpaNoReadAccess, GpaNoWriteAccess and the page of a table that denies it', () => {
      const unreadable = { accessTo: denying(3n, { read: false }) };
      expect(answerOf({ flags: validateRead, pages: unreadable })).to.deep.include({
        name: 'GpaNoReadAccess',
        resultCode: 5,
        gpaPage: 3n,
      });
      const readOnly = { accessTo: denying(3n, { write: false }) };
      expect(nameOf({ flags: validateRead, pages: readOnly })).to.equal('Success');
      expect(answerOf({ flags: validateRead | setPageTableBits, pages: readOnly })).to.deep.include({
        name: 'GpaNoWriteAccess',
        resultCode: 6,
        gpaPage: 3n,
      });
      const isSet = { levels: { 2: { accessed: true } } };
      expect(nameOf({ flags: validateRead | setPageTableBits, pages: readOnly, ...isSet })).to.equal('Success');
    });

    it('with GpaIllegalOverlayAccess where that page is an overlay', () => {
      for (const access of [{ read: false }, { write: false }]) {
        const pages = { accessTo: denying(3n, access), overlayPages: [3n] };
        expect(answerOf({ flags: validateRead | setPageTableBits, pages })).to.deep.include({
          name: 'GpaIllegalOverlayAccess',
          resultCode: 7,
          gpaPage: 3n,
        });
      }
    });

    it('at the first table that denies it, before anything further down', () => {
      const pages = { accessTo: denying(2n, { write: false }) };
      const levels = { 1: { present: false } };
      expect(nameOf({ flags: validateRead | setPageTableBits, pages, levels })).to.equal('GpaNoWriteAccess');
      expect(nameOf({ flags: validateRead, pages, levels })).to.equal('PageNotPresent');
      const below = { accessTo: denying(4n, { read: false }) };
      expect(nameOf({ flags: validateRead, pages: below, levels: { 3: { present: false } } })).to.equal(
        'PageNotPresent',
      );
    });

    it('with GpaNoReadAccess where a table is not memory, and was said not to be readable', () => {
      const levels = { 2: { extra: 0x55_0000n } };
      const pages = { accessTo: denying(0x554n, { read: false }) };
      expect(answerOf({ flags: validateRead, levels, pages })).to.deep.include({
        name: 'GpaNoReadAccess',
        gpaPage: 0x554n,
      });
    });
  });

  describe('under the protections of VTLs', () => {
    const keeping = (vtl: number, page: bigint, access: Partial<HvPageAccess>) => ({
      vtl,
      accessTo: denying(page, access),
    });
    const flags = validateRead | setPageTableBits;

    it('is intercepted by a VTL above, with the event for it and no GpaPage', () => {
      const pages = { protections: [keeping(1, 3n, { read: false })] };
      const answer = answerOf({ flags: validateRead, pages });
      expect(answer).to.deep.include({
        name: 'Intercept',
        resultCode: 8,
        gpaPage: 0n,
        cacheType: 0,
        overlayPage: false,
      });
      expect(answer.event).to.deep.equal({
        type: 'memoryIntercept',
        targetVtl: 1,
        access: 'read',
        causedByGpaAccess: false,
        guestLinearAddress: GVA & ~0xfffn,
        guestPhysicalAddress: 0x3000n,
      });
      expect(decodeHvEventInfo(answer.eventInfo)).to.deep.equal(answer.event);
      const output = decodeHvTranslateOutputEx(encodeHvTranslateOutputEx(answer));
      expect(output).to.deep.include({ resultCode: 8, gpaPage: 0n, eventInfo: answer.eventInfo });
    });

    it('is intercepted where a bit is to be set, after those above it', () => {
      const pages = { protections: [keeping(1, 3n, { write: false })] };
      expect(nameOf({ flags: validateRead, pages })).to.equal('Success');
      expect(answerOf({ flags, pages }).event).to.include({ access: 'write', guestPhysicalAddress: 0x3000n });
      expect(bitsOf({ flags, pages })).to.equal('4:A 3:A');
      expect(nameOf({ flags, pages, levels: { 2: { accessed: true } } })).to.equal('Success');
    });

    it('is intercepted at a table also where the address leads to that table', () => {
      const pages = { protections: [keeping(1, 4n, { read: false })] };
      const answer = answerOf({ flags: validateRead, page: 0x4000n, pages });
      expect(answer.event).to.include({ access: 'read', guestPhysicalAddress: 0x4000n });
    });

    it('tells the highest of those that deny it, and none that is not above', () => {
      const protections = [1, 3, 2].map((vtl) => keeping(vtl, 4n, { read: false }));
      const targetOf = (vtl: number) => answerOf({ flags, vtl, pages: { protections } }).event?.targetVtl;
      expect([0, 1, 2, 3].map(targetOf)).to.deep.equal([3, 3, 3, undefined]);
      expect(nameOf({ flags, vtl: 3, pages: { protections } })).to.equal('Success');
    });

    it('asks the parent’s mapping first, and protects nothing that is no memory', () => {
      const protections = [keeping(1, 3n, { read: false, write: false })];
      const pages = { protections, accessTo: denying(3n, { read: false }) };
      expect(answerOf({ flags, pages })).to.deep.include({ name: 'GpaNoReadAccess', gpaPage: 3n, event: null });
      const readOnly = { protections, accessTo: denying(3n, { write: false }) };
      expect(nameOf({ flags, pages: readOnly })).to.equal('Intercept');
      const outside = { protections: [keeping(1, 0x554n, { read: false })] };
      expect(nameOf({ flags, pages: outside, levels: { 2: { extra: 0x55_0000n } } })).to.equal('GpaUnmapped');
    });

    it('has no event in any other answer', () => {
      for (const levels of [{}, { 1: { present: false } }]) {
        const { event, eventInfo } = answerOf({ flags, levels });
        expect(event).to.equal(null);
        expect(eventInfo).to.deep.equal(new Uint8Array(32));
      }
    });
  });

  describe('of a vCPU with VTLs', () => {
    /** VTL 1 has the page elsewhere, and keeps VTL 0's page table, at 0x4000, from it. */
    function vtlsOf(keeps: readonly bigint[]): HvVtl[] {
      const normal = new TableBuilder('4-level', ROOT);
      normal.map(GVA, PAGE);
      const secure = new TableBuilder('4-level', 0x10_0000n);
      secure.map(GVA, 0x9_9000n, { levels: { 1: { user: false } } });
      const registers = { cr0: PG | WP, cr4: PAE, efer: LONG_MODE };
      return [normal, secure].map((builder, vtl) => ({
        vp: { cpl: 3, cr0: registers.cr0, cr4: registers.cr4, maxPhyAddr: 40, memoryTypes: MEMORY_TYPES },
        walkTo: (gva) => hvWalkInMemory({ ...registers, cr3: builder.root }, { maxPhyAddr: 40 }, builder.memory, gva),
        ...(vtl === 1 ? { accessTo: (page: bigint) => hvPageAccess(keeps.includes(page) ? 0 : 0xf) } : {}),
      }));
    }

    it('walks with the registers of the one that the flags name', () => {
      const ask = (controlFlags: bigint, callerVtl?: number) =>
        hvTranslateInVtl({ controlFlags, gva: GVA }, vtlsOf([]), callerVtl);
      expect(ask(validateRead)).to.deep.include({ vtl: 1, name: 'PrivilegeViolation' });
      expect(ask(validateRead | privilegeExempt)).to.deep.include({ vtl: 1, name: 'Success', gpaPage: 0x99n });
      expect(ask(validateRead | inputVtlFlags(0))).to.deep.include({ vtl: 0, name: 'Success', gpaPage: 0x78n });
      expect(ask(validateRead, 0)).to.deep.include({ vtl: 0, name: 'Success', gpaPage: 0x78n });
      expect(() => ask(validateRead | inputVtlFlags(1), 0)).to.throw(AbiError, 'VTL 0 cannot name VTL 1');
      expect(() => ask(validateRead | inputVtlFlags(2), 2)).to.throw(AbiError, 'VTL 2 is not enabled');
    });

    it('protects the pages of one from those below it, and not from itself', () => {
      const inVtl = (vtl: number, keeps: readonly bigint[]) =>
        hvTranslateInVtl(
          { controlFlags: validateRead | privilegeExempt | inputVtlFlags(vtl), gva: GVA },
          vtlsOf(keeps),
        );
      expect(inVtl(0, [4n])).to.deep.include({ name: 'Intercept' });
      expect(inVtl(0, [4n]).event).to.include({ targetVtl: 1, guestPhysicalAddress: 0x4000n });
      expect(inVtl(1, [4n, 0x100n, 0x101n, 0x102n, 0x103n])).to.deep.include({ name: 'Success', gpaPage: 0x99n });
    });

    it('reads protection masks as the hypercall that sets them has them', () => {
      expect(hvPageAccess(HV_MAP_GPA.readable)).to.deep.equal({ read: true, write: false });
      expect(hvPageAccess(HV_MAP_GPA.writable)).to.deep.equal({ read: false, write: true });
      const executable = HV_MAP_GPA.kernelExecutable | HV_MAP_GPA.userExecutable;
      expect(executable).to.equal(0xc);
      expect(hvPageAccess(executable)).to.deep.equal({ read: false, write: false });
    });
  });

  it('has names by their codes', () => {
    expect(Object.keys(HV_RESULT).map((name) => HV_RESULT[name as keyof typeof HV_RESULT])).to.deep.equal([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });

  it('judges every access by its own rules, and wants all of them allowed', () => {
    const readOnly = { 1: { write: false } };
    const data = { 1: { noExecute: true } };
    expect(nameOf({ flags: validateRead | validateExecute, levels: readOnly })).to.equal('Success');
    expect(nameOf({ flags: validateRead | validateWrite, levels: readOnly })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: validateRead | validateWrite, levels: data })).to.equal('Success');
    expect(nameOf({ flags: 0x7n, levels: data })).to.equal('PrivilegeViolation');
  });

  it('follows CR0.WP and EFER.NXE as the processor does', () => {
    expect(nameOf({ flags: validateWrite, levels: { 1: { write: false } }, cr0: PG })).to.equal('Success');
    // SMEP is not lost with NXE.
    expect(nameOf({ flags: validateExecute, cr4: SMEP, efer: 0x500n })).to.equal('PrivilegeViolation');
  });

  it('wants both modes allowed where both are named', () => {
    const both = validateRead | supervisorAccess | userAccess;
    expect(nameOf({ flags: both })).to.equal('Success');
    expect(nameOf({ flags: both, levels: { 1: { user: false } } })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: both, cr4: SMAP })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: both, cr4: SMAP, rflags: AC })).to.equal('Success');
  });

  it('asks for no mode with PRIVILEGE_EXEMPT: pages of the kernel are open, SMAP, SMEP and LASS are lifted', () => {
    const flags = privilegeExempt | validateRead;
    for (const cpl of [0, 3]) {
      expect(nameOf({ flags, cpl, levels: { 1: { user: false } } })).to.equal('Success');
      expect(nameOf({ flags, cpl, cr4: SMAP })).to.equal('Success');
      expect(nameOf({ flags: flags | enforceSmap, cpl, cr4: SMAP })).to.equal('Success');
      expect(nameOf({ flags: privilegeExempt | validateExecute, cpl, cr4: SMEP })).to.equal('Success');
      expect(nameOf({ flags: flags | validateExecute, cpl, cr4: LASS | SMAP | SMEP })).to.equal('Success');
    }
    // SUPERVISOR_ACCESS alone, which was added beside it, leaves them in force.
    expect(nameOf({ flags: validateRead | supervisorAccess, cr4: SMAP })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: validateExecute | supervisorAccess, cr4: SMEP })).to.equal('PrivilegeViolation');
  });

  it('leaves to PRIVILEGE_EXEMPT what is no matter of the mode', () => {
    const flags = privilegeExempt | validateWrite;
    expect(nameOf({ flags, levels: { 1: { write: false } } })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: privilegeExempt | validateExecute, levels: { 1: { noExecute: true } } })).to.equal(
      'PrivilegeViolation',
    );
    expect(nameOf({ flags, levels: { 3: { present: false } } })).to.equal('PageNotPresent');
  });

  it('opens shadow stacks of either mode to PRIVILEGE_EXEMPT, and nothing else', () => {
    const flags = privilegeExempt | shadowStack | validateRead | validateWrite;
    for (const user of [false, true]) {
      for (const cpl of [0, 3]) {
        expect(nameOf({ flags, cpl, cr4: CET, levels: { 1: { write: false, dirty: true, user } } })).to.equal(
          'Success',
        );
        const bare = { 1: { write: false, user }, 2: { user } };
        expect(nameOf({ flags, cpl, cr4: CET, levels: bare })).to.equal('PrivilegeViolation');
        // A as far as the page's own mode gets: in all entries but the leaf.
        expect(bitsOf({ flags: flags | setPageTableBits, cpl, cr4: CET, levels: bare })).to.equal('4:A 3:A 2:A');
      }
    }
  });

  it('lets SMAP be enforced and overridden, and enforces nothing where it is off', () => {
    const flags = validateRead;
    expect(nameOf({ flags, cr4: SMAP, rflags: AC })).to.equal('Success');
    expect(nameOf({ flags: flags | enforceSmap, cr4: SMAP, rflags: AC })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: flags | enforceSmap | overrideSmap, cr4: SMAP })).to.equal('Success');
    expect(nameOf({ flags: flags | enforceSmap })).to.equal('Success');
    expect(nameOf({ flags: flags | enforceSmap, cpl: 3, cr4: SMAP })).to.equal('Success');
  });

  it('judges shadow-stack accesses as such', () => {
    const stack = { 1: { write: false, dirty: true, user: false } };
    const flags = validateRead | validateWrite;
    expect(nameOf({ flags: flags | shadowStack, cr4: CET, levels: stack })).to.equal('Success');
    expect(nameOf({ flags, cr4: CET, levels: stack })).to.equal('PrivilegeViolation');
    expect(nameOf({ flags: flags | shadowStack, cr4: CET, levels: { 1: { user: false } } })).to.equal(
      'PrivilegeViolation',
    );
    expect(nameOf({ flags: validateExecute | shadowStack, cr4: CET })).to.equal('Success');
  });

  it('always succeeds with paging off: the GPA is the GVA, of the MTRRs’ type', () => {
    const memoryTypes = { ...MEMORY_TYPES, pat: 0n, mtrrDefType: 0x804n };
    for (const gva of [0xf_f000n, 0xffff_fffff_000n, 0xffff_ffff_ffff_f000n, ((1n << 64n) - 1n) << 12n]) {
      const answer = answerOf({ flags: 0x7n | setPageTableBits, cpl: 3, cr0: 0n, efer: 0n, gva, memoryTypes });
      expect(answer).to.deep.include({ name: 'Success', gpaPage: gva >> 12n, cacheType: 4, bits: [] });
      // An address of more than 64 bits is walked by none.
      expect(answer.walk === null).to.equal(gva >> 64n !== 0n);
    }
  });

  describe('with SET_PAGE_TABLE_BITS', () => {
    const flags = validateRead | setPageTableBits;

    it('sets A in every entry, and D in the leaf for a write alone', () => {
      expect(bitsOf({ flags: validateRead })).to.equal('');
      expect(bitsOf({ flags })).to.equal('4:A 3:A 2:A 1:A');
      expect(bitsOf({ flags: flags | validateExecute })).to.equal('4:A 3:A 2:A 1:A');
      expect(bitsOf({ flags: flags | validateWrite })).to.equal('4:A 3:A 2:A 1:AD');
      expect(bitsOf({ flags, levels: { 3: { accessed: true }, 1: { accessed: true } } })).to.equal('4:A 2:A');
    });

    it('has set A above the entry that the walk fails at', () => {
      expect(bitsOf({ flags, levels: { 1: { present: false } } })).to.equal('4:A 3:A 2:A');
      expect(bitsOf({ flags: flags | validateWrite, levels: { 1: { write: false } } })).to.equal('4:A 3:A 2:A');
      expect(bitsOf({ flags, levels: { 2: { extra: 1n << 40n } } })).to.equal('4:A 3:A');
      expect(bitsOf({ flags, levels: { 2: { extra: 0x55_0000n } } })).to.equal('4:A 3:A 2:A');
      expect(bitsOf({ flags, gva: 1n << 47n })).to.equal('');
    });

    it('ends where the first of several accesses fails', () => {
      const levels = { 3: { noExecute: true }, 2: { write: false } };
      expect(bitsOf({ flags: flags | validateWrite, levels })).to.equal('4:A 3:A');
      expect(bitsOf({ flags: flags | validateWrite | validateExecute, levels })).to.equal('4:A');
      expect(bitsOf({ flags: flags | validateExecute | validateWrite | userAccess, levels })).to.equal('4:A');
    });

    it('ends at a table that cannot be written', () => {
      expect(bitsOf({ flags, pages: { accessTo: denying(3n, { write: false }) } })).to.equal('4:A 3:A');
    });
  });

  describe('refuses', () => {
    const refusalOf = (scene: Scene): unknown => {
      try {
        return answerOf(scene).name;
      } catch (error) {
        expect(error).to.be.instanceOf(AbiError).with.property('code', 'ERR_ABI_INVALID_PARAMETER');
        const { problem, message } = error as AbiError;
        return problem ?? message;
      }
    };

    it('flags that no TLFS defines, and flags without an access', () => {
      expect(refusalOf({ flags: validateRead | 0x800n })).to.deep.equal({ code: 'unknown-flags', flags: 0x800n });
      expect(refusalOf({ flags: setPageTableBits })).to.deep.equal({ code: 'nothing-to-validate' });
    });

    it('shadow-stack accesses where there are none', () => {
      expect(refusalOf({ flags: validateRead | shadowStack })).to.contain('CR4.CET=0');
    });
  });
});
