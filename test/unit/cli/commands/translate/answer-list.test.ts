import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeAsker, needsOf } from '../../../../../src/cli/commands/translate/answer-addresses.ts';
import { answerList, type ListQuestion } from '../../../../../src/cli/commands/translate/answer-list.ts';
import { parseTranslate } from '../../../../../src/cli/commands/translate/parse-translate.ts';
import { runCli } from '../../../../../src/cli/index.ts';
import { toTranslateScope } from '../../../../../src/cli/options/scope-options.ts';
import { GuestRunStateError, GuestView } from '../../../../../src/guest/index.ts';
import { smallGuest, smallSource } from '../../../../support/builders/small-guest.ts';
import { guestOver, type LoggedGuest } from '../../../../support/fakes/guest-over.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

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

describe('cli/answerList, of a guest that runs', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Asks a guest about a list, as `pagewalk translate --from` does, but for the guest. */
  async function ask(
    guest: LoggedGuest,
    list: string,
    words: readonly string[] = ['--brief'],
    parts: Partial<ListQuestion> = {},
  ) {
    const file = join(folder, 'list');
    writeFileSync(file, list);
    const parsed = parseTranslate([...words, '--from', file, '--qmp', 'unix:/nowhere'], {});
    const source = { whyNotLive: null, open: async () => guest };
    const line = { ...parsed, command: 'translate', guest: { ...parsed.guest, source } };
    const printed: string[] = [];
    const complaints: string[] = [];
    const context = quietContext({
      print: (text) => {
        guest.log.push('print');
        printed.push(text);
      },
      complain: (text) => void complaints.push(text),
    });
    const question: ListQuestion = {
      ...line,
      writes: line.flags.setAccessed,
      needs: needsOf(line),
      makeAsker: (named) => makeAsker(line, context, named),
      keep: async ({ view, scope }, addresses) =>
        view.keep(addresses, line.access, await toTranslateScope(scope, line.guest.cpu, 'translate')),
      ...parts,
    };
    const outcome = await answerList(question, { file, keepGoing: words.includes('--keep-going') }, context).catch(
      (error: unknown) => error,
    );
    return { outcome, printed: printed.join(''), complaints, log: guest.log };
  }

  const LIST = '0x1010\n0x2010\n';
  const ANSWERS = '0x0000000000001010  0xa010  4K  r-x-\n0x0000000000002010  0xb010  4K  rw--\n';

  const paused = (): GuestView => new GuestView({ ...smallSource(), pause: { check: () => {} } });

  it('lets it run on while answers are made and printed', async () => {
    expect(await ask(guestOver(paused, {}), LIST)).to.deep.equal({
      ...{ outcome: 0, printed: ANSWERS, complaints: [] },
      log: ['look', 'resume', 'leave', 'print'],
    });
  });

  it('keeps it paused where what answers rest on is too much, and where bits are set', async () => {
    const keep = async (): Promise<null> => null;
    expect(await ask(guestOver(paused, {}), LIST, ['--brief'], { keep })).to.deep.equal({
      ...{ outcome: 0, printed: ANSWERS, complaints: [] },
      log: ['look', 'leave', 'print'],
    });
    const { log } = await ask(guestOver(paused, {}), LIST, ['--json'], { writes: true });
    expect(log).to.deep.equal(['look', 'leave', 'print']);
  });

  it('asks again in a new pause where another client ended the first, unless bits are set', async () => {
    const resumed = new GuestRunStateError('ERR_GUEST_RESUMED', 'another client resumed the guest');
    const failing = (): LoggedGuest => {
      let looks = 0;
      const look = (): GuestView => {
        looks += 1;
        if (looks === 1) throw new Error('E22');
        return smallGuest();
      };
      return guestOver(look, { findResumption: async () => (looks === 1 ? resumed : undefined) });
    };
    const again = await ask(failing(), LIST);
    expect({ ...again, log: again.log.slice(0, 3) }).to.deep.equal({
      ...{ outcome: 0, printed: ANSWERS, complaints: [] },
      log: ['look', 'resume', 'look'],
    });
    const once = await ask(failing(), LIST, ['--json'], { writes: true });
    expect(once).to.deep.equal({ outcome: resumed, printed: '', complaints: [], log: ['look', 'leave'] });
  });

  it('has status 1 for a fault, and for a line that is left out', async () => {
    const fault = await ask(guestOver(smallGuest, {}), `${LIST}0x5000\n`);
    expect([fault.outcome, fault.printed]).to.deep.equal([
      1,
      `${ANSWERS}0x0000000000005000  -  NOT_PRESENT  0x0  0x4028\n`,
    ]);
    const odd = await ask(guestOver(smallGuest, {}), `${LIST}odd\n`, ['--brief', '--keep-going']);
    expect([odd.outcome, odd.printed, odd.complaints.length]).to.deep.equal([1, ANSWERS, 1]);
  });

  it('opens nothing where the question cannot be asked', async () => {
    const stopped = new Error('stopped');
    const guest = guestOver(smallGuest, {});
    const makeNone = async (): Promise<never> => {
      throw stopped;
    };
    expect(await ask(guest, LIST, ['--brief'], { makeAsker: makeNone })).to.deep.equal({
      ...{ outcome: stopped, printed: '', complaints: [], log: [] },
    });
  });
});
