import { expect } from 'chai';
import { printChanges } from '../../../../../src/cli/commands/diff/print-changes.ts';
import type { CliContext } from '../../../../../src/cli/index.ts';
import type { MapChange } from '../../../../../src/report/index.ts';

async function* changes(count: number, each: (at: number) => void = () => {}): AsyncGenerator<MapChange> {
  for (let at = 0; at < count; at += 1) {
    each(at);
    const first = BigInt(at) * 0x2000n;
    const segment = {
      first,
      last: first + 0xfffn,
      pageSizeBytes: 4096,
      physicalFirst: first,
      accessed: 0,
      dirty: 0,
      rights: { write: true, user: false, exec: false },
      protectionKey: null,
      global: false,
    };
    yield { first, last: segment.last, differences: ['appeared'], before: null, after: segment, pieces: 1 };
  }
}

/** A terminal that notes what came when. */
function listener(signal = new AbortController().signal, unread?: AbortSignal) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const context: CliContext = {
    environment: {},
    isTerminal: false,
    print: async (text) => {
      await Promise.resolve();
      printed.push(text);
    },
    complain: (line) => complaints.push(line),
    signal,
    ...(unread ? { unread } : {}),
  };
  return { printed, complaints, context };
}

const lineCount = (texts: readonly string[]) => texts.join('').split('\n').length - 1;

describe('cli/printChanges', () => {
  it('prints thousands of changes as they come, each once and in order', async () => {
    const { printed, complaints, context } = listener();
    let made = 0;
    let madeAtFirst = 0;
    const counted = changes(2500, () => {
      made += 1;
      if (printed.length === 1 && madeAtFirst === 0) madeAtFirst = made;
    });
    expect(await printChanges(counted, '4-level', { limit: 10_000, json: false }, context)).to.equal(2500);
    expect(madeAtFirst, 'changes that were found before the first were printed').to.equal(1025);
    const lines = printed.join('').trimEnd().split('\n');
    expect(lines).to.have.length(2500);
    expect(lines[1024]).to.contain('0x0000000000800000-');
    expect(new Set(lines).size).to.equal(2500);
    expect(complaints).to.deep.equal([]);
  });

  it('prints JSON as well', async () => {
    const { printed, context } = listener();
    await printChanges(changes(1500), '4-level', { limit: 10_000, json: true }, context);
    const lines = printed.join('').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).first)).to.have.length(1500);
  });

  it('stops at the limit, and says so', async () => {
    const { printed, complaints, context } = listener();
    expect(await printChanges(changes(1100), '4-level', { limit: 1050, json: false }, context)).to.equal(1050);
    expect(lineCount(printed)).to.equal(1050);
    expect(complaints).to.deep.equal(['pagewalk: stopped after 1050 changes: take --limit N for more']);
    const exact = listener();
    expect(await printChanges(changes(1050), '4-level', { limit: 1050, json: false }, exact.context)).to.equal(1050);
    expect(exact.complaints).to.deep.equal([]);
  });

  it('ends early when it is interrupted, or when the reader is gone', async () => {
    const interrupted = new AbortController();
    const { context } = listener(interrupted.signal);
    const stopping = changes(5000, (at) => at === 1000 && interrupted.abort(new Error('enough')));
    const failure = await printChanges(stopping, '4-level', { limit: 10_000, json: false }, context).catch(
      (error: Error) => error,
    );
    expect(failure).to.be.an.instanceOf(Error).with.property('message', 'enough');
    const gone = new AbortController();
    gone.abort();
    const unread = listener(new AbortController().signal, gone.signal);
    expect(await printChanges(changes(5000), '4-level', { limit: 10_000, json: false }, unread.context)).to.equal(1024);
  });
});
