import { expect } from 'chai';
import {
  decodeHvEventInfo,
  HV_CONTROL,
  type HvPages,
  type HvTranslateAnswer,
  type HvVirtualProcessor,
  hvTranslate,
} from '../../../../src/abi/index.ts';
import { createContext, createNpt, translateNested } from '../../../../src/paging/index.ts';
import { SparseMemory } from '../../../support/builders/sparse-memory.ts';
import { type EntryFlags, TableBuilder } from '../../../support/builders/table-builder.ts';

const { validateRead, validateWrite, setPageTableBits } = HV_CONTROL;

const CR0 = 0x8001_0001n;
const PAE = 0x20n;
const LONG_MODE = 0xd00n;
const GVA = 0x40_5123n;
const GUEST_PAGE = 0x9000n;
const HOST_PAGE = 0x7_8000n;
/** The guest's tables lie at 0x1000 to 0x4000 of its memory, which are 0x21000 to 0x24000 of the host's. */
const GUEST_TABLES = [0x1000n, 0x2000n, 0x3000n, 0x4000n];
const IN_HOST = 0x2_0000n;

interface Scene {
  flags: bigint;
  hypervisor?: NonNullable<HvVirtualProcessor['hypervisor']>;
  cr0?: bigint;
  /** Flags of the guest's PTE, and of the nested PTEs of the guest's page and of its page table. */
  guest?: EntryFlags;
  page?: EntryFlags;
  pageTable?: EntryFlags;
  /** Where the nested tables have the guest's page table. */
  pageTableAt?: bigint;
  pages?: HvPages;
}

function answerOf({
  flags,
  cr0 = CR0,
  guest = {},
  page = {},
  pageTable = {},
  pageTableAt,
  pages,
  hypervisor,
}: Scene): HvTranslateAnswer {
  const host = new SparseMemory();
  const nested = new TableBuilder('4-level', 0x10_0000n, host);
  const inner = new TableBuilder('4-level', 0x1000n);
  inner.map(GVA, GUEST_PAGE, { levels: { 1: guest } });
  for (const table of GUEST_TABLES) {
    host.addPage(table + IN_HOST);
    host.sharePage(table + IN_HOST, inner.memory, table);
    const isPageTable = table === 0x4000n;
    const to = isPageTable ? (pageTableAt ?? table + IN_HOST) : table + IN_HOST;
    nested.map(table, to, { levels: isPageTable ? { 1: pageTable } : {} });
  }
  nested.map(GUEST_PAGE, HOST_PAGE, { levels: { 1: page } });
  const context = createContext({ cr0, cr3: 0x1000n, cr4: PAE, efer: LONG_MODE }, { maxPhyAddr: 40 });
  const npt = createNpt(
    { cr0: CR0, nestedCr3: 0x10_0000n, cr4: PAE, efer: LONG_MODE },
    { maxPhyAddr: 40, vendor: 'amd' },
  );
  const memoryTypes = { pat: 0x0007_0406_0007_0406n, mtrrDefType: 0x806n, mtrrFixed: [], mtrrVariable: [] };
  const vp = { cpl: 0, cr0, cr4: PAE, maxPhyAddr: 40, memoryTypes, ...(hypervisor ? { hypervisor } : {}) };
  const gva = cr0 === CR0 ? GVA : GUEST_PAGE;
  return hvTranslate(
    { controlFlags: flags, gva },
    vp,
    (access) => translateNested(context, npt, host, gva, access),
    pages,
  );
}

describe('HvCallTranslateVirtualAddress while the vCPU runs a nested guest (L2)', () => {
  it('leads through both stages', () => {
    expect(answerOf({ flags: validateRead })).to.deep.include({
      name: 'Success',
      gpaPage: 0x78n,
      cacheType: 6,
      bits: [],
    });
  });

  it('is cached as the leaves of both stages have it', () => {
    const [pwt, pcd] = [1n << 3n, 1n << 4n];
    const typeOf = (scene: Omit<Scene, 'flags'>) => answerOf({ flags: validateRead, ...scene }).cacheType;
    expect(typeOf({}), 'WB').to.equal(6);
    expect(typeOf({ page: { extra: pwt } }), 'WT by the PAT at reset').to.equal(4);
    expect(typeOf({ guest: { extra: pwt | pcd } }), 'UC').to.equal(0);
    expect(typeOf({ page: { extra: pwt | pcd } }), 'UC').to.equal(0);
    const hypervisor = { pat: 0x0106n, cr0: CR0 };
    expect(typeOf({ page: { extra: pwt }, hypervisor }), 'WC by the hypervisor’s').to.equal(1);
    expect(typeOf({ hypervisor: { ...hypervisor, cr0: CR0 | (1n << 30n) } }), 'UC by its CD').to.equal(0);
  });

  it('is intercepted where the nested tables refuse, the page or a table', () => {
    const refused: readonly Omit<Scene, 'flags'>[] = [
      { page: { present: false } },
      { page: { user: false } },
      { page: { extra: 1n << 45n } },
      { pageTable: { present: false } },
      { pageTable: { write: false } },
    ];
    for (const scene of refused) {
      expect(answerOf({ flags: validateRead, ...scene })).to.deep.include({
        name: 'Intercept',
        resultCode: 8,
        gpaPage: 0n,
        cacheType: 0,
        overlayPage: false,
      });
    }
    const { event, eventInfo } = answerOf({ flags: validateRead, page: { present: false } });
    expect(event).to.deep.equal({
      type: 'nestedMemoryIntercept',
      targetVtl: 0,
      access: 'read',
      causedByGpaAccess: true,
      guestLinearAddress: GVA & ~0xfffn,
      guestPhysicalAddress: GUEST_PAGE,
    });
    expect(decodeHvEventInfo(eventInfo)).to.deep.equal(event);
    const onTheWay = answerOf({ flags: validateRead, pageTable: { present: false } }).event;
    // NPT takes every access to a guest's table for a write.
    expect(onTheWay).to.include({ causedByGpaAccess: false, access: 'write', guestPhysicalAddress: 0x4000n });
    const fetched = answerOf({ flags: HV_CONTROL.validateExecute, page: { noExecute: true } }).event;
    expect(fetched).to.include({ access: 'execute', causedByGpaAccess: true });
    expect(answerOf({ flags: validateRead, page: { write: false } }).name).to.equal('Success');
    expect(answerOf({ flags: validateRead | validateWrite, page: { write: false } }).name).to.equal('Intercept');
  });

  it('fails in the guest’s own terms where its own tables refuse', () => {
    expect(answerOf({ flags: validateRead, guest: { present: false } }).name).to.equal('PageNotPresent');
    expect(answerOf({ flags: validateWrite, guest: { write: false } }).name).to.equal('PrivilegeViolation');
    expect(answerOf({ flags: validateRead, guest: { extra: 1n << 45n } }).name).to.equal('InvalidPageTableFlags');
  });

  it('has no memory where the nested tables lead a table outside it', () => {
    expect(answerOf({ flags: validateRead, pageTableAt: 0x55_0000n })).to.deep.include({
      name: 'GpaUnmapped',
      gpaPage: 0x550n,
    });
  });

  it('plans bits of both stages, where they lie in the partition', () => {
    const { bits } = answerOf({ flags: validateWrite | setPageTableBits });
    const guestBits = bits.filter(({ address }) => address >= IN_HOST && address < 0x3_0000n);
    expect(guestBits.map(({ accessed, dirty }) => `${accessed ? 'A' : ''}${dirty ? 'D' : ''}`)).to.deep.equal([
      'A',
      'A',
      'A',
      'AD',
    ]);
    expect(bits.length).to.be.greaterThan(guestBits.length);
  });

  it('ends at a table of either stage that cannot be written', () => {
    const pages = { accessTo: (gpaPage: bigint) => ({ read: true, write: gpaPage !== 0x22n }) };
    const answer = answerOf({ flags: validateRead | setPageTableBits, pages });
    expect(answer).to.deep.include({ name: 'GpaNoWriteAccess', gpaPage: 0x22n });
    expect(answer.bits.some(({ address }) => address >> 12n === 0x21n)).to.equal(true);
    expect(answer.bits.some(({ address }) => address >> 12n >= 0x22n && address >> 12n <= 0x24n)).to.equal(false);
  });

  it('is intercepted by a VTL above that keeps a table of either stage', () => {
    const keeping = (page: bigint) => ({
      protections: [{ vtl: 1, accessTo: (gpaPage: bigint) => ({ read: gpaPage !== page, write: true }) }],
    });
    for (const page of [0x23n, 0x100n]) {
      const { event } = answerOf({ flags: validateRead, pages: keeping(page) });
      expect(event).to.include({ type: 'memoryIntercept', targetVtl: 1, guestPhysicalAddress: page << 12n });
    }
  });

  it('leads through the nested tables alone while L2 does not page', () => {
    const off = CR0 & ~(1n << 31n);
    expect(answerOf({ flags: validateRead, cr0: off })).to.deep.include({ name: 'Success', gpaPage: 0x78n });
    expect(answerOf({ flags: validateRead, cr0: off, page: { present: false } }).name).to.equal('Intercept');
  });
});
