import { expect } from 'chai';
import { isEndOfPanic, panicOf } from '../../../../src/testing/guest/linux-panic.ts';

// As Linux 6.1 says it on a serial port.
const PANIC = [
  '[    5.120931] sysrq: Trigger a crash',
  '[    5.121102] Kernel panic - not syncing: sysrq triggered crash',
  '[    5.121315] CPU: 0 PID: 1 Comm: sh Not tainted 6.1.0-42-amd64 #1  Debian 6.1.159-1',
  '[    5.122641] Call Trace:',
  ...Array.from({ length: 30 }, (_, index) => `[    5.13${index + 10}00]  function_${index}+0x10/0x20`),
  '[    5.140113] Kernel Offset: 0x2c00000 from 0xffffffff81000000',
  '[    5.150311] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
];

describe('the panic of a Linux', () => {
  it('is found by its first line, with what it says of itself, with and without times', () => {
    for (const lines of [PANIC, PANIC.map((line) => line.replace(/^\[.*?\] /, ''))]) {
      const found = panicOf([...Array.from({ length: 600 }, () => 'before'), ...lines]);
      expect(found).to.deep.equal(lines.slice(1, 26));
    }
    expect(panicOf(['a line', 'I am no Kernel panic - not syncing'])).to.equal(undefined);
  });

  it('is over with its last line, and with no other', () => {
    expect(PANIC.filter(isEndOfPanic)).to.deep.equal(PANIC.slice(-1));
    expect(isEndOfPanic('---[ end Kernel panic - not syncing: no init found ]---')).to.equal(true);
    expect(isEndOfPanic('echo ---[ end Kernel panic - not syncing ]---')).to.equal(false);
  });
});
