import { expect } from 'chai';
import {
  attach,
  type Guest,
  type GuestTranslation,
  type GuestView,
  parseNestedStage,
} from '../../../src/guest/index.ts';
import { CR4_SMEP } from '../../../src/paging/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { BATCH_PROBES, VMCB_G_PAT, WINDOW_CODE } from '../../conformance/nested-processor/layout.ts';
import { runProbes } from '../../conformance/nested-processor/probes/run-probes.ts';
import {
  type AskedName,
  askedNames,
  type RecordedAccess,
  StandingGuest,
} from '../../conformance/nested-processor/standing-guest.ts';
import { SvmGuest } from '../../conformance/nested-processor/svm-guest.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import {
  type HvTranslationLine,
  hvTranslationLineSchema,
  stateLineSchema,
  translationLineSchema,
} from '../../support/schemas/translation-schema.ts';
import { wordsOf } from '../../support/words-of.ts';

const FETCH = { write: false, user: false, exec: true };
const READ = { ...FETCH, exec: false };
/** How many entries the guest's own walk uses in each of the modes that the hypervisor gives it. */
const TABLES = { off: 0, '32-bit': 2, pae: 3, '4-level': 4, '5-level': 5 } as const;

async function lookInside(paused: GuestView): Promise<GuestTranslation | undefined> {
  const { nested } = await paused.vcpuState();
  if (nested.value === null) return undefined;
  const [answer] = await paused.translate([{ linearAddress: BigInt(WINDOW_CODE), access: FETCH }]);
  // Random tables: some guests never get to their first instruction, and are rightly seen to fault on their way to it.
  return answer?.nested?.translation.kind === 'mapped' ? answer : undefined;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const PAGE_SHIFT = 12n;
/** Exit codes. APM vol. 2, appendix C. */
const EXIT_PAGE_FAULT = 0x4en;
const EXIT_VMMCALL = 0x81n;
const EXIT_NPF = 0x400n;
/** What PWT alone chooses is WP; QEMU's own PAT, as at reset, has WT there. */
const GUEST_PAT = 0x0007_0406_0007_0506n;

describe('a nested guest (L2)', function () {
  this.timeout(120_000);

  let guest: SvmGuest;

  before(async () => {
    guest = await SvmGuest.launch({ hostMode: '4-level', maxPhyAddr: 40, pdpe1gb: true });
  });

  after(() => guest?.[Symbol.asyncDispose]());

  /** Runs the command on the guest: its lines of JSON. */
  async function ask(words: readonly string[]): Promise<unknown[]> {
    const { stdout, stderr } = await runPagewalk([...words, '--json', '--qmp', guest.qmpEndpoint]);
    expect(stderr).to.equal('');
    const lines = stdout.trimEnd().split('\n');
    return lines.map((line): unknown => JSON.parse(line));
  }

  it('may run while the guest is asked live: that is refused, unless the question says behind what', async () => {
    for (const words of [['translate', '0x1000'], ['map'], ['find', '0x1000']]) {
      const { status, stdout, stderr } = await runPagewalk([...words, '--live', '--qmp', guest.qmpEndpoint]);
      expect({ words, status, stdout }).to.deep.equal({ words, status: 3, stdout: '' });
      expect(stderr).to.contain('EFER.SVME=1').and.to.contain('--nested none');
    }
    const told = await runPagewalk(['map', '--live', '--nested', 'none', '--qmp', guest.qmpEndpoint]);
    expect(told.status, told.stderr).to.equal(0);
    const state = await runPagewalk(['state', '--live', '--qmp', guest.qmpEndpoint]);
    expect(state.stderr).not.to.contain('EFER.SVME=1');
  });

  it('is detected automatically, and seen through both stages, while the hypervisor runs one and another', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint });
    let answer: GuestTranslation | undefined;
    try {
      for (let seed = 1; answer === undefined; seed++) answer = await lookWhile(attached, guest, seed);
    } finally {
      await attached.detach();
    }
    // The window lies at the same linear, guest-physical and host-physical address.
    const tables = TABLES[answer?.mode ?? 'off'];
    const nested = answer?.nested?.translation;
    expect(nested?.kind).to.equal('mapped');
    if (nested?.kind !== 'mapped') return;
    expect(nested.l2PhysicalAddress.toString(16)).to.equal(WINDOW_CODE.toString(16));
    expect(nested.l1PhysicalAddress.toString(16)).to.equal(WINDOW_CODE.toString(16));
    const purposes = [...new Array<string>(tables).fill('table'), 'final'];
    expect(nested.walks.map(({ purpose }) => purpose)).to.deep.equal(purposes);
  });

  for (const smep of [true, false]) {
    it(`has a hypervisor without NXE whose SMEP is known: ${Number(smep)}`, async () => {
      const scene = new StandingGuest(guest);
      // LMA and SVME, and PAE: QEMU's nested state has no SMEP.
      await scene.start({ hostCr4: 0x20 | (smep ? Number(CR4_SMEP) : 0), hostEfer: 0x1500 });
      const attached = await attach({ qmp: guest.qmpEndpoint });
      try {
        const { nested, hypervisorSmep } = await attached.whilePaused((paused) => paused.vcpuState());
        expect(nested.value?.kind).to.equal('npt');
        expect(hypervisorSmep).to.include({ value: smep, from: 'device-state' });
        expect(wordsOf(hypervisorSmep)).to.match(/^CR4 in the host-save area at 0x/);
      } finally {
        await attached.detach();
      }
      await scene.end();
    });
  }

  describe('that waits in the middle of its code', () => {
    let scene: StandingGuest;
    const loads = new Map<AskedName, RecordedAccess>();
    let store: RecordedAccess;

    before(async () => {
      scene = new StandingGuest(guest);
      for (const name of askedNames) loads.set(name, await scene.record(name, 'load'));
      store = await scene.record('mapped', 'store');
      guest.poke(VMCB_G_PAT, GUEST_PAT);
      await scene.start();
    });

    after(async () => {
      // The looks have disturbed nothing: it goes on to its end.
      const { exitCode } = await scene.end();
      expect(hex(exitCode)).to.equal(hex(EXIT_VMMCALL));
    });

    /** What the guest itself met with. */
    function loadOf(name: AskedName): RecordedAccess {
      const recorded = loads.get(name);
      if (recorded === undefined) throw new Error(`nothing was recorded of ${name}`);
      return recorded;
    }

    async function hvTranslate(names: readonly AskedName[], words: readonly string[]): Promise<HvTranslationLine[]> {
      const addresses = names.map((name) => hex(scene.addressOf(name)));
      const lines = await ask(['hv-translate', ...addresses, ...words]);
      return lines.map((line) => hvTranslationLineSchema.parse(line));
    }

    it('is in the state of its vCPU', async () => {
      const [state] = (await ask(['state'])).map((line) => stateLineSchema.parse(line));
      const root = hex(scene.nestedRoot);
      expect(state?.registers.nested).to.deep.equal({
        value: { kind: 'npt', nestedCr3: root, root, mode: '4-level', executeDisable: true },
        source: 'device-state',
        detail: 'section cpu, subsection cpu/svn_npt',
      });
    });

    it('is answered by the hypercall as its accesses were: done, refused by its own tables, intercepted', async () => {
      const lines = await hvTranslate(askedNames, ['--validate', 'r']);
      askedNames.forEach((name, at) => {
        const line = lines[at];
        const { exitCode, exitInfo1, exitInfo2, rax } = loadOf(name);
        if (exitCode === EXIT_VMMCALL) {
          expect(line, name).to.include({ result: 'Success', gpaPage: hex(scene.pageOf(name) >> PAGE_SHIFT) });
          const page = Number(BigInt(line?.gpaPage ?? '0') << PAGE_SHIFT);
          expect(hex(guest.peek(page)), `${name}: what was loaded`).to.equal(hex(rax));
          expect(line?.nested?.l1PhysicalAddress, name).to.equal(hex(scene.pageOf(name)));
        } else if (exitCode === EXIT_NPF) {
          expect(line, name).to.include({ result: 'Intercept', gpaPage: '0x0' });
          // TCG reports reserved bits without P.
          const missing = exitInfo1 & 8n ? 1n : 0n;
          expect(line?.nested?.fault, name).to.include({
            purpose: 'final',
            exitInfo1: hex(exitInfo1 | missing),
            l2PhysicalAddress: hex(exitInfo2),
          });
          expect(line?.event, name).to.deep.equal({
            type: 'nestedMemoryIntercept',
            targetVtl: 0,
            access: 'read',
            causedByGpaAccess: true,
            guestLinearAddress: hex((scene.addressOf(name) >> PAGE_SHIFT) << PAGE_SHIFT),
            guestPhysicalAddress: hex((exitInfo2 >> PAGE_SHIFT) << PAGE_SHIFT),
          });
        } else {
          expect(hex(exitCode), name).to.equal(hex(EXIT_PAGE_FAULT));
          const result = exitInfo1 & 8n ? 'InvalidPageTableFlags' : 'PageNotPresent';
          expect(line, name).to.include({ result, gpaPage: '0x0' });
          expect(line?.nested?.fault, name).to.equal(null);
        }
        expect(line?.assumed, name).to.deep.equal([]);
      });
      const results = new Set(lines.map(({ result }) => result));
      expect([...results].sort()).to.deep.equal(['Intercept', 'InvalidPageTableFlags', 'PageNotPresent', 'Success']);
    });

    it('has its memory cached as the leaves of both stages, and the PAT of each, have it', async () => {
      const names: readonly AskedName[] = ['mapped', 'cached by the guest', 'uncached by the second stage'];
      const lines = await hvTranslate(names, ['--validate', 'r']);
      expect(lines.map(({ cacheType }) => cacheType)).to.deep.equal(['WB', 'WP', 'UC']);
    });

    it('gets the bits set in both stages that its own accesses set', async () => {
      const flags = ['--set-page-table-bits', '--validate'];
      const accesses: readonly (readonly [AskedName, string, RecordedAccess])[] = [
        ['mapped', 'r', loadOf('mapped')],
        ['mapped', 'w', store],
        ['not present', 'r', loadOf('not present')],
        ['refused', 'r', loadOf('refused')],
        ['reserved in the guest', 'r', loadOf('reserved in the guest')],
      ];
      for (const [name, validate, recorded] of accesses) {
        scene.reset(name);
        const before = scene.bits(name);
        const [line] = await hvTranslate([name], [...flags, validate]);
        expect(line?.bitsAreSet, `${name} ${validate}`).to.equal(true);
        expect(scene.bits(name), `${name} ${validate}`).to.equal(recorded.bits).and.not.equal(before);
      }
      scene.reset('mapped');
    });

    it('is drawn in both stages, with what was set in each', async () => {
      const words = [hex(scene.addressOf('mapped')), '--validate', 'w', '--set-page-table-bits'];
      const { stdout, status } = await runPagewalk(['hv-translate', ...words, '--qmp', guest.qmpEndpoint]);
      expect(status).to.equal(0);
      expect(stdout).to.match(
        /^0x0000010000000000 {2}VALIDATE_WRITE, SET_PAGE_TABLE_BITS {3}4-level paging, CR3 0x[0-9a-f]+, vCPU 0, CPL 0$/m,
      );
      expect(stdout).to.match(/└─ PT\[0\] +0x[0-9a-f]+: 0x[0-9a-f]{16} {2}P RW US +\+A \+D\nsecond stage\n/);
      const page = hex(scene.pageOf('mapped'));
      expect(stdout).to.match(new RegExp(`^  page at L2 physical ${page} → L1 physical ${page}$`, 'm'));
      expect(stdout).to.match(/^ {4}PT\[14\] 0x[0-9a-f]+: 0x[0-9a-f]{16} {2}P RW US {2}\+A \+D$/m);
      expect(stdout).to.match(/^✓ Success: GPA page 0x300e \(0x300e000\), WB$/m);
      scene.reset('mapped');
    });

    it('is told apart from what this machine does, which its hypervisor was told', async () => {
      const names: readonly AskedName[] = ['refused', 'reserved in the second stage', 'reserved in the guest'];
      const words = ['translate', ...names.map((name) => hex(scene.addressOf(name)))];
      const [refused, nested, own] = (await ask(words)).map((line) => translationLineSchema.parse(line));
      expect(refused).to.not.have.property('deviation');
      const second = loadOf('reserved in the second stage');
      const told = `exits with #NPF, EXITINFO1 ${hex(second.exitInfo1)}, EXITINFO2 ${hex(second.exitInfo2)} (`;
      expect(nested?.deviation).to.include(told);
      const first = loadOf('reserved in the guest');
      expect(own?.deviation).to.include(` raises #PF with error code ${hex(first.exitInfo1)} (`);
      const asked = ['hv-translate', ...words.slice(1), '--validate', 'r'];
      const hypercalls = (await ask(asked)).map((line) => (line as { readonly deviation?: string }).deviation);
      expect(hypercalls).to.deep.equal([undefined, nested?.deviation, own?.deviation]);
      const { stdout } = await runPagewalk([...asked, '--qmp', guest.qmpEndpoint]);
      expect(stdout).to.contain(`\n! this machine differs: ${own?.deviation}\n`);
      const asTcg = (await ask([...words, '--profile', 'tcg'])).map((line) => translationLineSchema.parse(line));
      for (const line of asTcg) expect(line).to.not.have.property('deviation');
      expect(asTcg[1]?.nested?.fault?.exitInfo1).to.equal(hex(second.exitInfo1));
      expect(asTcg[2]?.fault?.errorCode).to.equal(hex(first.exitInfo1));
    });
  });
});

/** One batch of the hypervisor's, looked into again and again until it is over, or a guest was seen. */
async function lookWhile(attached: Guest, guest: SvmGuest, seed: number): Promise<GuestTranslation | undefined> {
  let isProbing = true;
  const probing = runProbes(guest, { seed, probes: BATCH_PROBES }).finally(() => {
    isProbing = false;
  });
  let answer: GuestTranslation | undefined;
  while (isProbing && answer === undefined) answer = await attached.whilePaused(lookInside);
  // The looks have disturbed nothing.
  const report = await probing;
  expect(report.disagreements, report.descriptions.join('\n')).to.equal(0);
  return answer;
}

describe('a guest without guests of its own', function () {
  this.timeout(60_000);

  let guest: QemuProcess;

  before(async () => {
    guest = await launchKernel('long4');
  });

  after(() => guest?.stop());

  it('is seen to have none', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint });
    try {
      const { nested } = await attached.whilePaused((paused) => paused.vcpuState());
      expect(nested).to.deep.equal({ value: null, from: 'not-in-use', cause: { code: 'svm-off' } });
    } finally {
      await attached.detach();
    }
  });

  it('has no L2 physical addresses to look for', async () => {
    const { status, stdout, stderr } = await runPagewalk(['find', '0x120123', '--l2', '--qmp', guest.qmpEndpoint]);
    expect({ status, stdout }).to.deep.equal({ status: 3, stdout: '' });
    expect(stderr).to.contain('vCPU 0 runs no nested guest (L2)').and.contain('name the second stage (--nested)');
  });

  it('can be asked with a second stage named by hand: none, or one whose tables are nowhere', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint });
    try {
      const page = kernelPage(KERNELS.long4, 'rw');
      const [none, outside] = await attached.whilePaused((paused) =>
        Promise.all(
          ['none', 'npt:0x7000000000'].map(async (stage) => {
            const scope = { nested: parseNestedStage(stage) };
            return (await paused.translate([{ linearAddress: page.address, access: READ }], scope))[0];
          }),
        ),
      );
      expect(none?.translation.kind).to.equal('mapped');
      expect(none?.nested).to.equal(null);
      // The second stage's failure is memory that the guest does not have.
      const { translation } = outside ?? {};
      expect(translation?.kind === 'fault' && translation.cause).to.equal('unbacked-table');
      expect(translation?.kind === 'fault' && translation.responsible?.address.toString(16)).to.equal('110008');
    } finally {
      await attached.detach();
    }
  });
});
