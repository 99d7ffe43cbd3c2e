import { expect } from 'chai';
import { type CpuDeviceState, parseDeviceState } from '../../../../protocols/qmp/index.ts';
import { findAssumptions } from '../../../../src/guest/answers/assumptions.ts';
import {
  dependsOnSmep,
  type NestedStage,
  nestedStageOf,
  parseNestedStage,
} from '../../../../src/guest/vcpu/nested-state.ts';
import { contextOf, nestedContextOf, type VcpuState, withNestedStage } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { AMD, CR4_SMEP, KVM, TCG, translateNested } from '../../../../src/paging/index.ts';
import { nestedEntry, openNpt, stages, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { svmDeviceState } from '../../../support/fakes/svm-device-state.ts';

const FETCH = { write: false, user: false, exec: true };
const SMEP_BIT = CR4_SMEP.toString(16);

/** What a text says beside the root. */
function shown(text: string): string {
  const stage = parseNestedStage(text);
  if (stage?.kind !== 'npt') return `${stage?.kind}`;
  const { cr4, efer, guestModeExecuteTrap, supervisorShadowStackCheck } = stage.registers;
  const flags = [guestModeExecuteTrap ? 'gmet' : undefined, supervisorShadowStackCheck ? 'sss' : undefined];
  const words = [cr4.toString(16), efer.toString(16), stage.smep, ...flags];
  return words.filter((word) => word !== undefined).join(' ');
}

/** A fetch whose page the second stage does not have, behind a stage that was named. */
function fetched(stage: NestedStage | null): { exit: string; assumed: readonly string[] } {
  const state: VcpuState = withNestedStage(nestedVcpuStateWith({}), stage);
  const nested = nestedContextOf(state, AMD);
  if (nested === null) return { exit: 'none', assumed: [] };
  const memory = stages(openNpt, { [nestedEntry.ofData]: 0n });
  const translation = translateNested(contextOf(state), nested, memory, twoStageLinear, FETCH);
  if (translation.kind !== 'nested-fault' || translation.guest === null) return { exit: translation.kind, assumed: [] };
  const assumed = findAssumptions(state, translation.guest, translation);
  return {
    exit: `${translation.exitInfo1?.toString(16)}`,
    assumed: assumed.map(({ name, value, decides }) => `${name}=${value} ${decides}`),
  };
}

describe('a second stage that is named', () => {
  it('says how the hypervisor pages, and what else it has set', () => {
    expect(shown('none')).to.equal('undefined');
    expect(shown('ept:0x1001e')).to.equal('ept');
    expect(shown('npt:0x10000')).to.equal('20 c00');
    expect(shown('npt:0x10000,pae')).to.equal('20 800');
    expect(shown('npt:0x10000,5-level,gmet')).to.equal('1020 c00 gmet');
    expect(shown('npt:0x10000,smep')).to.equal(`${SMEP_BIT.slice(0, -2)}20 c00`);
    expect(shown('npt:0x10000,gmet,no-smep')).to.equal('20 c00 gmet');
    expect(shown('npt:0x10000,pae,sss,gmet')).to.equal('20 800 gmet sss');
    expect(shown('npt:0x10000,32-bit')).to.equal('10 0 unknown');
    expect(shown('npt:0x10000,32-bit,no-smep')).to.equal('10 0');
    expect(shown('npt:0x10000,no-nxe')).to.equal('20 400 unknown');
  });

  for (const text of ['npt:', 'npt:0x1,', 'npt:0x1,vax', 'npt:0x1,gmet,pae', 'ept:0x1,gmet', 'npt:0x1,constructor']) {
    it(`is none: ${text}`, () => {
      expect(() => parseNestedStage(text))
        .to.throw(/smep, no-smep, no-nxe, gmet, sss/)
        .with.property('code', 'ERR_GUEST_USAGE');
    });
  }

  it('that does not say SMEP has it assumed, where a fetch is reported by it alone', () => {
    const named = (text: string) => fetched(parseNestedStage(text));
    expect(named('npt:0x10000')).to.deep.equal({ exit: '100000014', assumed: [] });
    expect(named('npt:0x10000,no-nxe')).to.deep.equal({ exit: '100000004', assumed: ['hypervisorSmep=false true'] });
    expect(named('npt:0x10000,no-nxe,no-smep')).to.deep.equal({ exit: '100000004', assumed: [] });
    expect(named('npt:0x10000,no-nxe,smep')).to.deep.equal({ exit: '100000014', assumed: [] });
  });

  it('with the guest mode execute trap or the shadow-stack check has them on machines that know them', () => {
    const state = withNestedStage(nestedVcpuStateWith({}), parseNestedStage('npt:0x10000,gmet,sss'));
    const contexts = [AMD, KVM, TCG].map((profile) => nestedContextOf(state, profile));
    expect(contexts.map((context) => context?.guestModeExecuteTrap)).to.deep.equal([true, false, false]);
    expect(contexts.map((context) => context?.marksShadowStacks)).to.deep.equal([true, false, false]);
  });

  it('is told whole by its text', () => {
    const start = { cr0: 0x8000_0000n, nestedCr3: 0x10000n };
    const npt = (cr4: bigint, efer: bigint, more: object = {}) => {
      return { kind: 'npt', registers: { ...start, cr4, efer, ...more } };
    };
    const unknown = { smep: 'unknown' };
    const smep = CR4_SMEP;
    for (const [text, expected] of [
      ['none', null],
      ['ept:0x1001e', { kind: 'ept', eptp: 0x1001en }],
      ['ept:65566', { kind: 'ept', eptp: 0x1001en }],
      ['ept:0xFFFFffffFFFFffff', { kind: 'ept', eptp: 0xffff_ffff_ffff_ffffn }],
      ['npt:0x10000', npt(0x20n, 0xc00n)],
      ['npt:65536', npt(0x20n, 0xc00n)],
      ['npt:0x10000,4-level', npt(0x20n, 0xc00n)],
      ['npt:0x10000,5-level', npt(0x1020n, 0xc00n)],
      ['npt:0x10000,pae', npt(0x20n, 0x800n)],
      ['npt:0x10000,32-bit', { ...npt(0x10n, 0n), ...unknown }],
      ['npt:0x10000,32-bit,smep', npt(0x10n | smep, 0n)],
      ['npt:0x10000,32-bit,no-smep', npt(0x10n, 0n)],
      ['npt:0x10000,no-nxe', { ...npt(0x20n, 0x400n), ...unknown }],
      ['npt:0x10000,pae,no-nxe,smep', npt(0x20n | smep, 0n)],
      ['npt:0x10000,pae,no-nxe', { ...npt(0x20n, 0n), ...unknown }],
      [
        'npt:0x10000,smep,gmet,sss',
        npt(0x20n | smep, 0xc00n, { guestModeExecuteTrap: true, supervisorShadowStackCheck: true }),
      ],
    ] as const) {
      expect(parseNestedStage(text), text).to.deep.equal(expected);
    }
  });

  for (const text of [
    ...['', 'None', 'npt', 'npt:x', 'npt:0x', 'npt:0x12345678123456789', 'npt:123456789012345678901', 'ept:0x1,'],
    ...[
      'npt:0x1,pae,pae',
      'npt:0x1,gmet,',
      ' npt:0x1',
      'npt:0x1 ',
      'tpt:0x1',
      'npt:0x1,toString',
      'npt:-1',
      'ept:0x1,gmet',
    ],
  ]) {
    it(`is none, and it is said which there are: ${JSON.stringify(text)}`, () => {
      expect(() => parseNestedStage(text))
        .to.throw(
          `${JSON.stringify(text)} names no second stage: none, npt:ROOT, npt:ROOT,MODE with one of 32-bit, pae, 4-level, 5-level, either with any of smep, no-smep, no-nxe, gmet, sss behind a comma, or ept:EPTP`,
        )
        .with.property('code', 'ERR_GUEST_USAGE');
    });
  }

  it('reports fetches by SMEP where its hypervisor has no NXE', () => {
    const stage = (cr4: bigint, efer: bigint): NestedStage => {
      return { kind: 'npt', registers: { cr0: 0x8000_0000n, nestedCr3: 0n, cr4, efer } };
    };
    expect(dependsOnSmep(stage(0x20n, 0x800n))).to.equal(false);
    expect(dependsOnSmep(stage(0x20n, 0xc00n))).to.equal(false);
    expect(dependsOnSmep(stage(0x20n, 0x400n))).to.equal(true);
    expect(dependsOnSmep(stage(0x10n, 0x800n)), 'without PAE there is none').to.equal(true);
    expect(dependsOnSmep(stage(0n, 0n))).to.equal(true);
    expect(dependsOnSmep({ kind: 'ept', eptp: 0n })).to.equal(false);
  });

  describe('that a vCPU runs behind', () => {
    function saved(change: object = {}, paging = true): CpuDeviceState {
      const addresses = { vmcb: 0x1000n, hostSave: 0x2000n, nestedCr3: 0xabc_d000n };
      const state = svmDeviceState({ ...addresses, nestedPgMode: 0x1f, nestedPaging: paging, ...change });
      const cpu = parseDeviceState(state).cpus.get(0);
      if (cpu === undefined) throw new Error('the state has a vCPU');
      return cpu;
    }
    const modeOf = (nestedPgMode: number): string => {
      const stage = nestedStageOf(saved({ nestedPgMode }));
      if (stage?.kind !== 'npt') return `${stage?.kind}`;
      return `${stage.registers.cr4.toString(16)} ${stage.registers.efer.toString(16)}`;
    };

    it('has the modes of its hypervisor, as TCG saved them', () => {
      expect(nestedStageOf(saved())).to.deep.equal({
        kind: 'npt',
        registers: { cr0: 0x8000_0000n, nestedCr3: 0xabc_d000n, cr4: 0x1030n, efer: 0xc00n },
      });
      expect([0, 1, 2, 4, 8, 16, 32].map(modeOf)).to.deep.equal([
        ...['0 0', '20 0', '0 400', '0 800', '10 0', '1000 0', '0 0'],
      ]);
    });

    it('is none where it runs no guest, or one without nested tables', () => {
      const cpu = saved();
      expect(nestedStageOf({ ...cpu, hflags: cpu.hflags & ~(1 << 21) })).to.equal(null);
      expect(nestedStageOf({ ...cpu, hflags2: cpu.hflags2 & ~(1 << 6) })).to.equal(null);
      expect(nestedStageOf({ ...cpu, hflags: 1 << 21, hflags2: 1 << 6 })).to.have.property('kind', 'npt');
      expect(nestedStageOf({ ...cpu, hflags: -1, hflags2: 0 })).to.equal(null);
      expect(nestedStageOf({ ...cpu, hflags: 0, hflags2: -1 })).to.equal(null);
      expect(nestedStageOf({ ...cpu, subsections: new Map() }), 'QEMU has saved none').to.equal(null);
    });
  });
});
