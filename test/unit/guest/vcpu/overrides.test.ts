import { expect } from 'chai';
import { applyOverrides, overrideNames, parseOverride, parseProfile } from '../../../../src/guest/vcpu/overrides.ts';
import { contextOf, type VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { translate } from '../../../../src/paging/index.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ = { write: false, user: false, exec: false };

/** A vCPU with these changes. */
function changed(...texts: readonly string[]): VcpuState {
  return applyOverrides(vcpuStateWith(), texts.map(parseOverride), undefined);
}

function refusal(text: string): string {
  try {
    parseOverride(text);
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code}: ${message}`;
  }
  return 'no error';
}

describe('"what if" questions', () => {
  it('change one register, bit, number or switch, and say that it was given', () => {
    expect(changed('CR4=0x10020').cr4).to.deep.equal({ value: 0x10020n, from: 'given', detail: '--set CR4=0x10020' });
    expect(changed('cr4.smap=1').cr4.value.toString(16)).to.equal('200020');
    expect(changed('CR4.PAE=0').cr4.value.toString(16)).to.equal('0');
    expect(changed('CR0.WP=0').cr0.value.toString(16)).to.equal('80000011');
    expect(changed('PKRU=0xffff_ffff').pkru.value).to.equal(0xffff_ffff);
    expect(changed('maxphyaddr=36').maxPhyAddr.value).to.equal(36);
    expect(changed('C_BIT=47').encryptionBit.value).to.equal(47);
    expect(changed('CPL=3').cpl.value).to.equal(3);
    expect(changed('cs.l=0').csL?.value).to.equal(false);
    expect(changed('A20=0').a20.value).to.equal(false);
    expect(changed('VENDOR=AMD').vendor.value).to.equal('amd');
  });

  it('leave everything else as it was, and the state itself too', () => {
    const own = vcpuStateWith();
    const { cr4: _own, ...others } = own;
    const { cr4: _changed, ...kept } = applyOverrides(own, [parseOverride('CR4.SMEP=1')], undefined);
    expect(kept).to.deep.equal(others);
    expect(own.cr4.value.toString(16)).to.equal('20');
  });

  it('are applied in order', () => {
    expect(changed('CR4=0', 'CR4.PAE=1', 'CR4.SMEP=1').cr4.value.toString(16)).to.equal('100020');
    expect(changed('CR4.PAE=1', 'CR4=0').cr4.value.toString(16)).to.equal('0');
  });

  it('reach the walk: code in compatibility mode has no address above 32 bits', () => {
    const faultAt = (state: VcpuState, address: bigint): string | null => {
      const translation = translate(contextOf(state), { readEntry: () => 0n }, address, READ);
      return translation.kind === 'fault' ? translation.cause : null;
    };
    const long = changed('EFER=0x500', 'CR4.PAE=1');
    const compatible = changed('EFER=0x500', 'CR4.PAE=1', 'CS.L=0');
    for (const address of [0x1_0000_0000n, 0xffff_8000_0000_0000n]) {
      expect(faultAt(long, address)).to.equal('not-present');
      expect(faultAt(compatible, address)).to.equal('out-of-range');
    }
    expect(faultAt(compatible, 0xffff_ffffn)).to.equal('not-present');
  });

  it('every name that is known is understood', () => {
    for (const name of overrideNames()) {
      const value = name === 'VENDOR' ? 'intel' : name === 'MAXPHYADDR' || name === 'C_BIT' ? '40' : '1';
      expect(refusal(`${name}=${value}`), name).to.equal('no error');
    }
  });

  for (const [text, reason] of Object.entries({
    'CR4.SMAP': 'it is not NAME=VALUE',
    '=1': 'it is not NAME=VALUE',
    'CR4=': 'it is not NAME=VALUE',
    'CR9=1': 'unknown name CR9',
    'CR4.NONSENSE=1': 'unknown name CR4.NONSENSE',
    'PKRU.X=1': 'unknown name PKRU.X',
    'constructor=1': 'unknown name CONSTRUCTOR',
    'CR4.constructor=1': 'unknown name CR4.CONSTRUCTOR',
    'CR4=yes': '"yes" is not a number',
    'CR4=-1': '"-1" is not a number',
    'CR4=0x10000000000000000': 'a register has 64 bits',
    'CR4.SMAP=2': 'a bit is 0 or 1',
    'A20=2': 'a bit is 0 or 1',
    'CS.L=2': 'a bit is 0 or 1',
    'CPL=4': 'CPL is 0 to 3',
    'PKRU=0x100000000': 'PKRU is 0 to 4294967295',
    'MAXPHYADDR=31': 'MAXPHYADDR is 32 to 52',
    'C_BIT=52': 'C_BIT is 32 to 51',
    'VENDOR=via': 'the vendor is intel or amd',
  })) {
    it(`${text} is refused: ${reason}`, () => {
      expect(refusal(text)).to.match(/^ERR_GUEST_USAGE: /);
      expect(refusal(text)).to.contain(JSON.stringify(text)).and.to.contain(reason);
    });
  }

  it('name a profile, if they want one', () => {
    for (const name of ['intel', 'amd', 'kvm', 'tcg']) expect(parseProfile(name).name).to.equal(name);
    expect(parseProfile('tcg-7.2.5')).to.include({ name: 'tcg', legacyRootBits: 64, nonCanonicalSetsCr2: true });
    expect(applyOverrides(vcpuStateWith(), [], parseProfile('kvm')).profile).to.include({
      from: 'given',
      detail: 'kvm',
    });
    for (const name of ['', 'vax', 'tcg-7', 'tcg-7.2', 'toString', 'TCG']) {
      expect(() => parseProfile(name), name)
        .to.throw('unknown profile')
        .with.property('code', 'ERR_GUEST_USAGE');
    }
  });
});
