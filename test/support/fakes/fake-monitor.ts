import { parseInfoRegisters } from '../../../protocols/qmp/index.ts';
import type { Monitor } from '../../../src/guest/monitor/monitor.ts';
import { readFixture } from './read-fixture.ts';

/** A monitor of a TCG guest with one vCPU, by recorded answers; a test replaces what it is about. */
export function fakeMonitor(replaced: Partial<Monitor> = {}): Monitor {
  return {
    endpoint: 'unix:/fake',
    hmp: () => Promise.resolve(''),
    registers: () => Promise.resolve(parseInfoRegisters(readFixture('qmp/registers/long-mode.txt').toString())),
    qomGet: () => Promise.resolve(undefined),
    listCpus: () => Promise.resolve([{ index: 0, qomPath: '/machine/cpu[0]', threadId: undefined }]),
    usesKvm: () => Promise.resolve(false),
    target: () => Promise.resolve('x86_64'),
    qemuVersion: () => Promise.resolve([7, 2, 22]),
    ...replaced,
  };
}
