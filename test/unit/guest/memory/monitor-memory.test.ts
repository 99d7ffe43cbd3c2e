import { expect } from 'chai';
import { monitorMemory } from '../../../../src/guest/memory/monitor-memory.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';

/** Memory whose bytes are the low byte of their address, as `xp` prints it: two words in a line. */
function dump(command: string): string {
  const [, count = '', first = ''] = /^xp \/(\d+)xg 0x([0-9a-f]+)$/.exec(command) ?? [];
  const start = Number.parseInt(first, 16);
  const wordAt = (at: number): string =>
    Array.from({ length: 8 }, (_, byte) => (start + 8 * at + 7 - byte) & 0xff)
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
  const lines: string[] = [];
  for (let at = 0; at < Number(count); at += 2) {
    const words = [at, at + 1].filter((each) => each < Number(count)).map((each) => ` 0x${wordAt(each)}`);
    lines.push(`${(start + 8 * at).toString(16).padStart(16, '0')}:${words.join('')}\n`);
  }
  return lines.join('');
}

describe('guest memory through the monitor', () => {
  it('is asked for in whole words, and cut to what is wanted', async () => {
    const asked: string[] = [];
    const memory = monitorMemory(
      fakeMonitor({
        hmp: async (command) => {
          asked.push(command);
          return dump(command);
        },
      }),
    );
    const pieces = [
      { address: 0x1000, lengthBytes: 8 },
      { address: 0x1004, lengthBytes: 4 },
      { address: 0x1004, lengthBytes: 8 },
      { address: 0x100f, lengthBytes: 1 },
      { address: 0x2000, lengthBytes: 17 },
      { address: 0xf_ffff_ffff_fff8, lengthBytes: 8 },
    ];
    const read = await memory.read(pieces);
    expect(asked).to.deep.equal([
      'xp /1xg 0x1000',
      'xp /1xg 0x1000',
      'xp /2xg 0x1000',
      'xp /1xg 0x1008',
      'xp /3xg 0x2000',
      'xp /1xg 0xffffffffffff8',
    ]);
    expect(read.map((bytes) => [...bytes])).to.deep.equal([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [4, 5, 6, 7],
      [4, 5, 6, 7, 8, 9, 10, 11],
      [15],
      Array.from({ length: 17 }, (_, at) => at),
      [0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff],
    ]);
  });

  it('is none where the monitor prints something else', async () => {
    const memory = monitorMemory(fakeMonitor({ hmp: async () => 'Cannot access memory\n' }));
    const error = await expectRejection(memory.read([{ address: 0, lengthBytes: 8 }]));
    expect(error).to.have.property('code', 'ERR_QMP_MONITOR_TEXT');
  });
});
