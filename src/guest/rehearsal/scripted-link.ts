import type { Link } from '../link/link.ts';
import type { Monitor, MonitorCpu } from '../monitor/monitor.ts';
import { unknownPeer } from '../peer/peer.ts';
import { printRegisters } from '../restore/register-prints.ts';
import type { Processor } from '../vcpu/processor.ts';
import { sourced } from '../vcpu/sourced.ts';
import { deviceState } from './scripted-texts.ts';

const QOM_PATH = '/machine/cpu';
const LONGEST_ADDRESS_BITS = 52;

/** The only vCPU. @internal */
export const SCRIPTED_CPUS: readonly MonitorCpu[] = [{ index: 0, qomPath: QOM_PATH, threadId: undefined }];

/** @internal */
export const SCRIPTED_PROCESSOR: Processor = {
  accelerator: sourced('tcg', 'monitor', 'query-kvm'),
  qemuVersion: [10, 0, 0],
  maxPhyAddr: sourced(LONGEST_ADDRESS_BITS, 'qom', `${QOM_PATH}.phys-bits`),
  vendor: sourced('intel', 'qom', `${QOM_PATH}.vendor`),
  pse36: sourced(true, 'qom', `${QOM_PATH}.pse36`),
  pdpe1gb: sourced(true, 'qom', `${QOM_PATH}.pdpe1gb`),
};

/** What is asked of a link in a pause. Nothing is reached by it, and no file is made. @internal */
export function scriptedLink(): Link {
  const nothing = (): Promise<void> => Promise.resolve();
  const unasked = (): Promise<never> => Promise.reject(new Error('the script has no answer to this'));
  const monitor: Monitor = {
    endpoint: '',
    ...{ hmp: unasked, registers: unasked, listCpus: unasked },
    qomGet: () => Promise.resolve(undefined),
    qemuVersion: () => Promise.resolve([10, 0, 0]),
    usesKvm: () => Promise.resolve(false),
    target: () => Promise.resolve('x86_64'),
    saveDeviceState: nothing,
  };
  return {
    monitor,
    endpoint: '',
    peer: unknownPeer({ code: 'not-connected' }),
    asksLive: false,
    ranBefore: true,
    runStateCause: null,
    recoveries: [],
    isStubProven: true,
    ...{ firstCpus: unasked, firstProcessor: unasked, firstViews: () => null },
    pause: unasked,
    deviceStateFile: () => ({ path: '', read: deviceState, discard: () => {} }),
    noteRegisters: (text) => void printRegisters(text),
    checkStillPaused: () => {},
    hearNews: nothing,
    findResumption: () => Promise.resolve(undefined),
    run: unasked,
    resume: nothing,
    release: nothing,
  };
}
