import { expect } from 'chai';
import type { QemuOptions, QemuProcess } from '../../../../src/testing/index.ts';
import type { KernelName } from '../../../kernels/manifests/manifest.ts';
import { launchKernel } from './kernel-guest.ts';
import { Witness } from './witness.ts';

/** A guest that all tests of a suite share. It is there from their first on. */
export interface RunningKernel {
  readonly guest: QemuProcess;
  readonly witness: Witness;
  /** What the command is told of it. */
  readonly endpoint: readonly string[];
}

/** Starts a kernel for the suite in which it is called. Each test of that has to leave it running. */
export function useRunningKernel(name: KernelName, options: QemuOptions = {}): RunningKernel {
  let guest: QemuProcess | undefined;
  let witness: Witness | undefined;

  before(async () => {
    guest = await launchKernel(name, options);
    witness = await Witness.of(guest);
  });

  after(async () => {
    await witness?.[Symbol.asyncDispose]();
    await guest?.stop();
  });

  afterEach(async () => {
    expect(await witness?.runState(), 'the guest is left running').to.equal('running');
  });

  return {
    get guest() {
      return started(guest);
    },
    get witness() {
      return started(witness);
    },
    get endpoint() {
      return ['--qmp', started(guest).qmpEndpoint];
    },
  };
}

function started<T>(what: T | undefined): T {
  if (what === undefined) throw new Error('the guest is there only while tests run');
  return what;
}
