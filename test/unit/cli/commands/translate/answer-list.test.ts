import { expect } from 'chai';
import { runCli } from '../../../../../src/cli/index.ts';

/** An input that is not to be waited for. */
async function* unread(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error('the list was read before the guest was looked for'));
}

/** Runs a command line on a list that never comes. */
async function complaintsOf(...words: string[]): Promise<{ status: number; complaints: string }> {
  const complaints: string[] = [];
  const status = await runCli(words, {
    environment: {},
    isTerminal: false,
    print: () => {},
    complain: (line) => complaints.push(line),
    input: unread(),
    signal: new AbortController().signal,
  });
  return { status, complaints: complaints.join('\n') };
}

describe('cli/answerList', () => {
  for (const words of [
    ['translate', '--qmp', '/nowhere/vm.qmp'],
    ['translate', '--gdb', 'unix:/nowhere/vm.gdb'],
    ['hv-translate', '--validate', 'r', '--qmp', 'unix:/nowhere/vm.qmp'],
  ]) {
    it(`says that there is no such socket before it waits for a list: ${words.join(' ')}`, async () => {
      const { status, complaints } = await complaintsOf(...words, '--from', '-');
      expect(status).to.equal(3);
      expect(complaints).to.match(/cannot connect to unix:\/nowhere\/vm\.(?:qmp|gdb): there is no such socket/);
    });
  }
});
