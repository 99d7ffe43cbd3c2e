import { expect } from 'chai';
import { decodeMessage, encodeMessage, type WatchdogMessage } from '../../../../src/guest/restore/watchdog-message.ts';

describe('what a client says to its watchdog', () => {
  it('is one line for each, and comes back as it was', () => {
    const messages: readonly WatchdogMessage[] = [
      { plan: { qmp: 'unix:/run/é\n', resume: true, registers: { 0: 'x' } } },
      { plan: {} },
      { deadline: 3000 },
      { deadline: null },
      { disarm: true },
    ];
    for (const message of messages) {
      const line = encodeMessage(message);
      expect(line).to.match(/^[ -~]+\n$/);
      expect(decodeMessage(line.slice(0, -1))).to.deep.equal(message);
    }
  });

  it('begins as the shell that takes it knows it', () => {
    expect(encodeMessage({ plan: {} })).to.equal('{"plan":"e30="}\n');
    expect(encodeMessage({ deadline: null })).to.equal('{"deadline":null}\n');
    expect(encodeMessage({ deadline: 3000 })).to.equal('{"deadline":3000}\n');
    expect(encodeMessage({ disarm: true })).to.equal('{"disarm":true}\n');
  });
});
