import { expect } from 'chai';
import type { ScopeOptions } from '../../../../src/cli/options/scope-options.ts';
import { reportedSpace } from '../../../../src/cli/session/reported-space.ts';

const SCOPE: ScopeOptions = {
  ...{ cr3: undefined, process: undefined, overrides: [], profile: undefined, nested: undefined },
  ...{ live: false, hostMemory: true },
};
const READ = { value: 0x1000n, from: 'gdb-stub', detail: 'register cr3' } as const;
const GIVEN = { ...READ, from: 'given' } as const;

describe('cli/reportedSpace', () => {
  it('has the CR3, and whether it was given', () => {
    expect(reportedSpace({ cr3: READ }, SCOPE)).to.deep.equal({
      ...{ cr3: 0x1000n, given: false, changes: [], profile: undefined },
    });
    expect(reportedSpace({ cr3: GIVEN }, SCOPE)).to.deep.include({ given: true });
  });

  it('has what was changed besides CR3, the profile, and whose it is', () => {
    const overrides = ['CR3=0x2000', 'cr3=1', 'CR4.SMEP=1', 'xCR3=1'];
    const owner = { kind: 'process', pid: 91, comm: 'bash', half: null } as const;
    expect(reportedSpace({ cr3: GIVEN }, { ...SCOPE, overrides, profile: 'kvm', owner })).to.deep.equal({
      ...{ cr3: 0x1000n, given: true, changes: ['CR4.SMEP=1', 'xCR3=1'], profile: 'kvm', owner },
    });
    expect(reportedSpace({ cr3: READ }, { ...SCOPE, owner: null })).to.deep.include({ owner: null });
  });
});
