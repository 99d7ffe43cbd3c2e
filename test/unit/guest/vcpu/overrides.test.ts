import { expect } from 'chai';
import { applyOverrides, overrideNames, parseOverride, parseProfile } from '../../../../src/guest/vcpu/overrides.ts';
import { contextOf, type VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { REGISTER_BITS, tcgProfile, translate } from '../../../../src/paging/index.ts';
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

  it('change what they name and nothing else, and say so in their words', () => {
    for (const [text, field, value] of [
      ['CR0=0x11', 'cr0', 0x11n],
      ['cr4=0xffffffffffffffff', 'cr4', 0xffff_ffff_ffff_ffffn],
      ['EFER=1280', 'efer', 0x500n],
      ['RFLAGS=0x4_0002', 'rflags', 0x4_0002n],
      ['PKRU=0x0', 'pkru', 0],
      ['PKRS=4294967295', 'pkrs', 0xffff_ffff],
      ['CPL=0', 'cpl', 0],
      ['CPL=3', 'cpl', 3],
      ['MAXPHYADDR=32', 'maxPhyAddr', 32],
      ['MAXPHYADDR=52', 'maxPhyAddr', 52],
      ['C_BIT=32', 'encryptionBit', 32],
      ['C_BIT=51', 'encryptionBit', 51],
      ['CS.L=1', 'csL', true],
      ['A20=1', 'a20', true],
      ['a20=0', 'a20', false],
      ['PSE36=0', 'pse36', false],
      ['PDPE1GB=0', 'pdpe1gb', false],
      ['VENDOR=Intel', 'vendor', 'intel'],
      ['VENDOR=amd', 'vendor', 'amd'],
    ] as const) {
      const override = parseOverride(text);
      expect(override.text).to.equal(text);
      expect(override.apply(vcpuStateWith()), text).to.deep.equal({
        ...vcpuStateWith(),
        [field]: { value, from: 'given', detail: `--set ${text}` },
      });
    }
    const given = { from: 'given', detail: '--set CR3=0x7000' };
    expect(parseOverride('CR3=0x7000').apply(vcpuStateWith()), 'PDPTEs are loaded with it').to.deep.equal({
      ...vcpuStateWith(),
      cr3: { ...given, value: 0x7000n },
      pdptes: { ...given, value: null },
    });
  });

  it('set and clear each bit that has a name', () => {
    const fields = { CR0: 'cr0', CR3: 'cr3', CR4: 'cr4', EFER: 'efer', RFLAGS: 'rflags' } as const;
    for (const [register, bits] of Object.entries(REGISTER_BITS)) {
      const field = fields[register as keyof typeof REGISTER_BITS];
      for (const [bit, mask] of Object.entries(bits)) {
        const name = `${register}.${bit}`;
        const all = parseOverride(`${register}=0xffffffffffffffff`).apply(vcpuStateWith());
        const none = parseOverride(`${register}=0`).apply(vcpuStateWith());
        expect(parseOverride(`${name}=1`).apply(none)[field], name).to.deep.equal({
          value: mask,
          from: 'given',
          detail: `--set ${name}=1`,
        });
        expect(parseOverride(`${name}=0`).apply(all)[field].value, name).to.equal(0xffff_ffff_ffff_ffffn & ~mask);
      }
    }
  });

  it('are known by these names', () => {
    const names = overrideNames();
    expect(names.slice(0, 5)).to.deep.equal(['CR0', 'CR3', 'CR4', 'EFER', 'RFLAGS']);
    expect(names.slice(5)).to.deep.equal([
      ...['CR0.PG', 'CR0.WP', 'CR3.LAM_U57', 'CR3.LAM_U48', 'CR4.PSE', 'CR4.PAE', 'CR4.LA57', 'CR4.SMEP', 'CR4.SMAP'],
      ...['CR4.PKE', 'CR4.CET', 'CR4.PKS', 'CR4.LASS', 'CR4.LAM_SUP', 'EFER.LMA', 'EFER.NXE', 'EFER.UAIE', 'RFLAGS.AC'],
      ...['PKRU', 'PKRS', 'CPL', 'MAXPHYADDR', 'C_BIT', 'CS.L', 'A20', 'PSE36', 'PDPE1GB', 'VENDOR'],
    ]);
  });

  it('that are refused say why, and what is known where a name is not', () => {
    for (const [text, why] of [
      ['CPL', 'it is not NAME=VALUE'],
      ['MAXPHYADDR=53', 'MAXPHYADDR is 32 to 52'],
      ['C_BIT=31', 'C_BIT is 32 to 51'],
      ['PKRS=0x100000000', 'PKRS is 0 to 4294967295'],
      ['PSE36=2', 'a bit is 0 or 1'],
      ['CR4=0x', '"0x" is not a number'],
      ['CR4=12a', '"12a" is not a number'],
      ['CR3=0x1_0000_0000_0000_0000', 'a register has 64 bits'],
      ['VENDOR=', 'it is not NAME=VALUE'],
      ['vendor=INTEL AMD', 'the vendor is intel or amd'],
    ]) {
      expect(refusal(text ?? '')).to.equal(`ERR_GUEST_USAGE: invalid change ${JSON.stringify(text)}: ${why}`);
    }
    const known = overrideNames();
    expect(() => parseOverride('cr4.smpa=1'))
      .to.throw(`invalid change "cr4.smpa=1": unknown name CR4.SMPA; use ${known.join(', ')}`)
      .with.property('unknown')
      .that.deep.equals({ given: 'CR4.SMPA', known });
    expect(() => parseOverride('CPL=4'))
      .to.throw()
      .with.property('unknown', undefined);
  });

  it('name a profile by its version too, and no other', () => {
    expect(parseProfile('tcg-10.0.2')).to.deep.equal(tcgProfile([10, 0, 2]));
    expect(parseProfile('tcg-7.2.15')).to.deep.equal(tcgProfile([7, 2, 15]));
    for (const name of ['tcg-7.2.5.1', ' tcg-7.2.5', 'tcg-7.2.', 'constructor']) {
      expect(() => parseProfile(name), name)
        .to.throw(`unknown profile ${JSON.stringify(name)}; use intel, amd, kvm, tcg or tcg-MAJOR.MINOR.MICRO`)
        .with.property('unknown')
        .that.deep.equals({ given: name, known: ['intel', 'amd', 'kvm', 'tcg'] });
    }
    const own = vcpuStateWith();
    const profile = parseProfile('amd');
    expect(applyOverrides(own, [], profile)).to.deep.equal({
      ...own,
      profile: { value: profile, from: 'given', detail: 'amd' },
    });
    expect(applyOverrides(own, [], undefined)).to.equal(own);
  });
});
