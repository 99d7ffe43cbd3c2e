import { expect } from 'chai';
import {
  AbiError,
  HV_CONTROL,
  hvChecks,
  hvControlProblem,
  inputVtlFlags,
  inputVtlOf,
  namedInputVtl,
  selectInputVtl,
} from '../../../../src/abi/index.ts';
import type { Access } from '../../../../src/paging/index.ts';
import { expectErrorShape } from '../../../support/expect-error-shape.ts';

const { validateRead, validateWrite, validateExecute, privilegeExempt, supervisorAccess, userAccess } = HV_CONTROL;
const { enforceSmap, overrideSmap, shadowStack } = HV_CONTROL;
const VALIDATE = [validateRead, validateWrite, validateExecute];

/** `user write`, `supervisor shadow-stack read`. */
function describeAccess({ user, write, exec, shadowStack: stack }: Access): string {
  return `${user ? 'user' : 'supervisor'} ${stack ? 'shadow-stack ' : ''}${exec ? 'fetch' : write ? 'write' : 'read'}`;
}

const accessesOf = (flags: bigint, cpl = 0): string[] => hvChecks(flags, cpl).accesses.map(describeAccess);

describe('control flags of HvCallTranslateVirtualAddress', () => {
  it('stand where the specification has them', () => {
    expect(Object.entries(HV_CONTROL).map(([name, bit]) => `${name} 0x${bit.toString(16)}`)).to.deep.equal([
      'validateRead 0x1',
      'validateWrite 0x2',
      'validateExecute 0x4',
      'privilegeExempt 0x8',
      'setPageTableBits 0x10',
      'tlbFlushInhibit 0x20',
      'supervisorAccess 0x40',
      'userAccess 0x80',
      'enforceSmap 0x100',
      'overrideSmap 0x200',
      'shadowStack 0x400',
    ]);
  });

  it('are known one by one, in all 64 bits', () => {
    for (let bit = 0n; bit < 64n; bit += 1n) {
      // The low byte's first three are VALIDATE bits; the top byte has a VTL in its low five.
      const isKnown = bit <= 10n || (bit >= 56n && bit <= 60n);
      const problem = hvControlProblem(validateRead | (1n << bit));
      expect(problem === null, `bit ${bit}`).to.equal(isKnown);
      if (!isKnown) expect(problem).to.deep.equal({ code: 'unknown-flags', flags: 1n << bit });
    }
  });

  it('name at least one access', () => {
    for (const flags of [0n, 0x7f8n, 0x1f00_0000_0000_0000n]) {
      expect(hvControlProblem(flags)).to.deep.equal({ code: 'nothing-to-validate' });
    }
    for (const flags of VALIDATE) expect(hvControlProblem(flags)).to.equal(null);
  });

  it('have 64 bits', () => {
    expect(hvControlProblem(-1n)).to.deep.equal({ code: 'too-wide' });
    expect(hvControlProblem((1n << 64n) | 1n)).to.deep.equal({ code: 'too-wide' });
  });
});

describe('the checks that control flags ask for', () => {
  it('are one for each access that is to be validated', () => {
    expect(accessesOf(validateRead)).to.deep.equal(['supervisor read']);
    expect(accessesOf(validateWrite)).to.deep.equal(['supervisor write']);
    expect(accessesOf(validateExecute)).to.deep.equal(['supervisor fetch']);
    expect(accessesOf(0x7n)).to.deep.equal(['supervisor read', 'supervisor write', 'supervisor fetch']);
  });

  it('are the user’s at CPL 3 and the supervisor’s below', () => {
    expect([0, 1, 2, 3].flatMap((cpl) => accessesOf(validateRead, cpl))).to.deep.equal([
      'supervisor read',
      'supervisor read',
      'supervisor read',
      'user read',
    ]);
  });

  it('are the supervisor’s, the user’s or both’s where the flags say so, whatever CPL is', () => {
    for (const cpl of [0, 3]) {
      expect(accessesOf(validateRead | supervisorAccess, cpl)).to.deep.equal(['supervisor read']);
      expect(accessesOf(validateRead | userAccess, cpl)).to.deep.equal(['user read']);
      expect(accessesOf(validateRead | validateExecute | supervisorAccess | userAccess, cpl)).to.deep.equal([
        'supervisor read',
        'user read',
        'supervisor fetch',
        'user fetch',
      ]);
    }
  });

  it('are of no mode with PRIVILEGE_EXEMPT, whatever else is said: a supervisor without SMEP, SMAP and LASS', () => {
    for (const who of [0n, supervisorAccess, userAccess, supervisorAccess | userAccess]) {
      expect(accessesOf(validateWrite | privilegeExempt | who, 3)).to.deep.equal(['supervisor write']);
      expect(hvChecks(validateWrite | privilegeExempt | who, 3)).to.deep.include({
        modes: 'either',
        overrides: { ignoresMode: true },
      });
    }
    expect(hvChecks(validateWrite, 3).modes).to.equal('all');
    for (const smap of [enforceSmap, overrideSmap]) {
      expect(hvChecks(validateRead | privilegeExempt | smap, 3).overrides).to.deep.equal({ ignoresMode: true });
    }
  });

  it('are of either mode where a shadow stack is accessed by who is exempt', () => {
    expect(accessesOf(0x7n | shadowStack | privilegeExempt, 3)).to.deep.equal([
      'supervisor shadow-stack read',
      'user shadow-stack read',
      'supervisor shadow-stack write',
      'user shadow-stack write',
      'supervisor fetch',
    ]);
  });

  it('are about shadow stacks where data is accessed', () => {
    expect(accessesOf(0x7n | shadowStack, 3)).to.deep.equal([
      'user shadow-stack read',
      'user shadow-stack write',
      'user fetch',
    ]);
  });

  it('take AC as the register has it, as 0 or as 1; OVERRIDE_SMAP wins', () => {
    expect(hvChecks(validateRead, 0).overrides).to.deep.equal({});
    expect(hvChecks(validateRead | enforceSmap, 0).overrides).to.deep.equal({ ac: false });
    expect(hvChecks(validateRead | overrideSmap, 0).overrides).to.deep.equal({ ac: true });
    expect(hvChecks(validateRead | overrideSmap | enforceSmap, 0).overrides).to.deep.equal({ ac: true });
  });
});

describe('the VTL that control flags name', () => {
  const vtls = ['normal', 'secure'];
  const named = (vtl: bigint) => validateRead | (0x10n << 56n) | (vtl << 56n);

  it('is the caller’s own unless UseTargetVtl is set', () => {
    expect(selectInputVtl(validateRead, vtls, 1)).to.equal('secure');
    expect(selectInputVtl(validateRead, vtls, 0)).to.equal('normal');
    expect(selectInputVtl(validateRead | (1n << 56n), vtls, 0)).to.equal('normal');
  });

  it('is the caller’s or one below', () => {
    expect(selectInputVtl(named(0n), vtls, 1)).to.equal('normal');
    expect(selectInputVtl(named(1n), vtls, 1)).to.equal('secure');
    expect(() => selectInputVtl(named(1n), vtls, 0))
      .to.throw(AbiError, 'VTL 0 cannot name VTL 1')
      .with.property('code', 'ERR_ABI_ACCESS_DENIED');
  });

  it('is put into flags and read out of them', () => {
    for (const vtl of [0, 1, 15]) {
      const flags = validateRead | inputVtlFlags(vtl);
      expect(flags).to.equal(named(BigInt(vtl)));
      expect(namedInputVtl(flags)).to.equal(vtl);
      expect(inputVtlOf(flags, 15)).to.equal(vtl);
      expect(hvControlProblem(flags)).to.equal(null);
    }
    expect(namedInputVtl(validateRead | (1n << 56n))).to.equal(null);
    for (const vtl of [-1, 16, 0.5]) expect(() => inputVtlFlags(vtl)).to.throw(RangeError, 'a VTL is 0 to 15');
  });

  it('is not one of a hole', () => {
    expect(selectInputVtl(named(2n), ['normal', undefined, 'paravisor'], 2)).to.equal('paravisor');
    expect(() => selectInputVtl(named(1n), ['normal', undefined, 'paravisor'], 2)).to.throw(AbiError, 'VTL 1');
  });

  it('is enabled', () => {
    try {
      selectInputVtl(named(2n), vtls, 3);
      expect.fail('a VTL without registers was taken');
    } catch (error) {
      expect(error).to.have.property('code', 'ERR_ABI_INVALID_PARAMETER');
      expectErrorShape(error as AbiError, 'ABI');
    }
  });
});
