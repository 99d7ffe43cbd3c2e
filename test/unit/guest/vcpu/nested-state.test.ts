import { expect } from 'chai';
import { findAssumptions } from '../../../../src/guest/answers/assumptions.ts';
import { type NestedStage, parseNestedStage } from '../../../../src/guest/vcpu/nested-state.ts';
import { contextOf, nestedContextOf, type VcpuState, withNestedStage } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { AMD, CR4_SMEP, KVM, TCG, translateNested } from '../../../../src/paging/index.ts';
import { nestedEntry, openNpt, stages, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';

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
});
