import { expect } from 'chai';
import type { AssumedName } from '../../../../src/guest/index.ts';
import { encodeAssumption, formatAssumption } from '../../../../src/report/assumed/format-assumption.ts';
import { assumptionSchema } from '../../../support/schemas/translation-schema.ts';

/** Each name that the guest's side can give: the compiler sees to it that none is missing. */
const NAMES: Readonly<Record<AssumedName, true>> = {
  cr0: true,
  cr4: true,
  efer: true,
  pkru: true,
  pkrs: true,
  pdptes: true,
  nested: true,
  hypervisorSmep: true,
  rflags: true,
  cpl: true,
  a20: true,
  maxPhyAddr: true,
  vendor: true,
  pse36: true,
  pdpe1gb: true,
  accelerator: true,
  leftOut: true,
  moment: true,
  runState: true,
  memoryTypes: true,
  vtl: true,
  hypervisorMemoryTypes: true,
};

describe('report, of what was assumed', () => {
  it('documents each name for programs', () => {
    const documented: readonly string[] = assumptionSchema.shape.name.options;
    expect([...documented].sort()).to.deep.equal(Object.keys(NAMES).sort());
  });

  it('has each name in text, and registers in hexadecimal for programs', () => {
    const cause = { code: 'not-in-dump', what: 'it' } as const;
    for (const name of Object.keys(NAMES)) {
      const assumption = { name, value: null, cause, decides: true };
      expect(formatAssumption(assumption), name).to.match(/the dump does not hold it/);
      expect(assumptionSchema.parse(encodeAssumption(assumption)), name).to.include({ name, value: null });
    }
    expect(encodeAssumption({ name: 'efer', value: 0xd00, cause, decides: true })).to.include({ value: '0xd00' });
    expect(encodeAssumption({ name: 'cpl', value: 3, cause, decides: true })).to.include({ value: 3 });
  });
});
