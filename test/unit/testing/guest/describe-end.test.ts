import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { GuestEnd } from '../../../../src/testing/errors.ts';
import {
  describeEnd,
  kindOfReset,
  kindOfShutdown,
  mayBeFault,
  mayBeTripleFault,
  readResets,
  UNSEEN,
} from '../../../../src/testing/guest/describe-end.ts';

const SILENT: GuestEnd = {
  ...{ how: 'exited', mayBeTripleFault: false, exit: null, ...UNSEEN },
  ...{ output: '', lastLines: [] },
};

describe('the end of a guest', () => {
  it('is told with its registers, the walk of its last fault, and what QEMU and the guest said', () => {
    const end: GuestEnd = {
      how: 'triple-fault',
      mayBeTripleFault: false,
      exit: { status: 1, signal: null },
      cpu: 1,
      rip: 0x1001d8n,
      cr2: 0xdead000n,
      cr3: null,
      walk: 'the walk',
      output: 'a word of QEMU',
      lastLines: ['booting', 'ready'],
    };
    expect(describeEnd(end).split('\n')).to.deep.equal([
      'the guest had a triple fault with status 1',
      'vCPU 1: RIP 0x1001d8, CR2 0xdead000',
      'The last page fault (CR2):',
      'the walk',
      'QEMU said:',
      'a word of QEMU',
      'The last lines of its console:',
      'booting',
      'ready',
    ]);
  });

  it('is told in two lines where nothing is known but how', () => {
    expect(describeEnd(SILENT)).to.equal('QEMU ended\nThe guest said nothing.');
    const killed = describeEnd({ ...SILENT, exit: { status: null, signal: 'SIGKILL' } });
    expect(killed).to.equal('QEMU ended by SIGKILL\nThe guest said nothing.');
  });

  it('is what SHUTDOWN says, and no end yet where QEMU itself ends', () => {
    const kinds = ['guest-shutdown', 'guest-reset', 'guest-panic', 'host-qmp-system-reset', undefined].map(
      kindOfShutdown,
    );
    expect(kinds).to.deep.equal(['shutdown', 'reset', 'panicked', 'stopped', 'stopped']);
    expect(['host-qmp-quit', 'host-signal'].map(kindOfShutdown)).to.deep.equal([undefined, undefined]);
  });

  it('may be that of the last page fault, where the guest did not end in order and names no other reason', () => {
    const oops = [
      'BUG: unable to handle page fault for address: 0000000000427700',
      'Kernel panic - not syncing: Fatal',
    ];
    expect(mayBeFault('panicked', 0x42_7700n, oops)).to.equal(true);
    expect(mayBeFault('panicked', 0x42_7700n, ['Kernel panic - not syncing: sysrq triggered crash'])).to.equal(false);
    expect(mayBeFault('panicked', 0xc012_3456n, ['BUG: unable to handle page fault for address: c0123456'])).to.equal(
      true,
    );
    expect(mayBeFault('panicked', 0n, ['RAX: 0000000000000000 RBX: 0000000000000000'])).to.equal(false);
    expect(mayBeFault('triple-fault', 0x42_7700n, [])).to.equal(true);
    expect(mayBeFault('shutdown', 0x42_7700n, oops)).to.equal(false);
    expect(mayBeFault('reset', 0n, [])).to.equal(false);
  });

  it('is a triple fault where the log of TCG says so, and else a reset', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-end-'));
    try {
      const resetLog = join(directory, 'log');
      expect(await readResets({ resetLog, output: 'not asked' })).to.equal('');
      writeFileSync(resetLog, 'CPU Reset (CPU 0)\nTriple fault\n');
      const resets = await readResets({ resetLog, output: 'not asked' });
      for (const hasPanicked of [false, true]) expect(kindOfReset(resets, hasPanicked)).to.equal('triple-fault');
      const onError = await readResets({ resetLog: undefined, output: 'CPU Reset (CPU 0)\n' });
      expect([false, true].map((hasPanicked) => kindOfReset(onError, hasPanicked))).to.deep.equal([
        'reset',
        'panicked',
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('may be a triple fault where nothing tells that from a reset: without the log, and under KVM', () => {
    const log = 'CPU Reset (CPU 0)\n';
    expect(mayBeTripleFault('reset', log, 'tcg')).to.equal(false);
    expect(mayBeTripleFault('panicked', '', 'kvm')).to.equal(false);
    expect([mayBeTripleFault('reset', '', 'tcg'), mayBeTripleFault('reset', log, 'kvm')]).to.deep.equal([true, true]);
    expect(mayBeTripleFault('reset', log, null)).to.equal(true);
    const [certain] = describeEnd({ ...SILENT, how: 'reset' }).split('\n');
    const [unsure] = describeEnd({ ...SILENT, how: 'reset', mayBeTripleFault: true }).split('\n');
    expect(certain).to.equal('the guest reset itself');
    expect(unsure).to.contain('or had a triple fault, which QEMU tells from a reset under TCG only');
  });
});
