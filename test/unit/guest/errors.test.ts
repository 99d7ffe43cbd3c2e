import { expect } from 'chai';
import * as guest from '../../../src/guest/index.ts';
import {
  GuestAccessError,
  GuestArchitectureError,
  GuestCpuError,
  GuestError,
  GuestMemoryError,
  GuestRunStateError,
  GuestStateError,
  GuestStubError,
  GuestUsageError,
} from '../../../src/guest/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');

const ACCESS = {
  operation: 'read',
  space: 'virtual',
  address: 0x1000n,
  lengthBytes: 1,
  problemAddress: 0x1000n,
} as const;

const EXAMPLES = {
  GuestAccessError: () => new GuestAccessError(ACCESS, 'it is not mapped'),
  GuestArchitectureError: () => new GuestArchitectureError('aarch64', 'unix:/qmp'),
  GuestCpuError: () => new GuestCpuError(3, [0, 1]),
  GuestStubError: () => new GuestStubError('ERR_GUEST_STUB_BUSY', 'unix:/gdb', 'it is busy', { cause }),
  GuestMemoryError: () =>
    new GuestMemoryError('a running guest needs it', [
      { provider: 'host-file', cause: { code: 'private-file', block: 'ram' } },
    ]),
  GuestRunStateError: () => new GuestRunStateError('ERR_GUEST_RESUMED', 'it was resumed', { cause }),
  GuestStateError: () => new GuestStateError('it makes no sense', { cause }),
  GuestUsageError: () => new GuestUsageError('it cannot be', { cause }),
} satisfies Record<string, () => GuestError>;

const WITHOUT_CAUSE = ['GuestAccessError', 'GuestArchitectureError', 'GuestCpuError', 'GuestMemoryError'];

describe('the errors of the guest layer', () => {
  it('are all tried here', () => {
    const exported = Object.keys(guest).filter((name) => name.endsWith('Error') && name !== 'GuestError');
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  for (const [name, make] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code and cause`, () => {
      const error = make();
      expect(error).to.be.instanceOf(GuestError);
      expectErrorShape(error, 'GUEST', WITHOUT_CAUSE.includes(name) ? undefined : cause);
    });
  }

  it('keep their evidence', () => {
    expect(EXAMPLES.GuestArchitectureError()).to.include({ architecture: 'aarch64' });
    expect(EXAMPLES.GuestCpuError()).to.deep.include({ cpu: 3, cpus: [0, 1] });
    expect(EXAMPLES.GuestMemoryError().attempts).to.deep.equal([
      { provider: 'host-file', cause: { code: 'private-file', block: 'ram' } },
    ]);
    expect(EXAMPLES.GuestStubError()).to.include({ stub: 'unix:/gdb' });
  });

  it('name the vCPUs that there are', () => {
    const existing: readonly (readonly [number[], string])[] = [
      [[0, 1, 2], 'vCPUs 0 to 2'],
      [[0], 'only vCPU 0'],
      [[0, 2], 'vCPUs 0 and 2'],
      [[0, 2, 3], 'vCPUs 0, 2 and 3'],
      [[], 'none'],
    ];
    for (const [cpus, words] of existing) {
      expect(new GuestCpuError(7, cpus).message).to.equal(`there is no vCPU 7: this guest has ${words}`);
    }
  });
});
