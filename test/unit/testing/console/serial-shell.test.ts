import { Duplex } from 'node:stream';
import { expect } from 'chai';
import { SerialShell } from '../../../../src/testing/console/serial-shell.ts';
import { GuestShellError, QemuOptionError } from '../../../../src/testing/index.ts';

/** A terminal that echoes what is typed, with a shell behind it that is told what to print. */
class FakeTerminal extends Duplex {
  readonly typed: string[] = [];
  readonly #answer: (line: string, marks: readonly string[]) => string | undefined;

  constructor(answer: (line: string, marks: readonly string[]) => string | undefined) {
    super({ decodeStrings: false, encoding: 'utf8' });
    this.#answer = answer;
  }

  override _read(): void {}

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    const line = String(chunk);
    this.typed.push(line);
    const marks = [...line.matchAll(/echo (pagewalk-\w+)""([be]\d+)/g)].map(([, tag = '', name = '']) => tag + name);
    this.push(line.replaceAll('\n', '\r\n'));
    const said = this.#answer(line, marks);
    // A byte at a time: marks come in pieces.
    for (const character of said ?? '') this.push(character);
    done();
  }
}

function shellOf(answer: (line: string, marks: readonly string[]) => string | undefined) {
  const terminal = new FakeTerminal(answer);
  return { terminal, shell: new SerialShell(terminal, () => ['last line']) };
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: Error) => error,
  );
}

describe('SerialShell', () => {
  it('gives what a command printed, and its status, without the echo', async () => {
    const { shell } = shellOf((_, [begin, end]) => `${begin}\r\nhello\r\nworld${end} 3\r\n# `);
    expect(await shell.run('echo hello; false')).to.deep.equal({ output: 'hello\nworld', status: 3 });
  });

  it('runs one command after the other', async () => {
    const { terminal, shell } = shellOf((_, [begin, end]) => `${begin}\r\n${end} 0\r\n`);
    await Promise.all([shell.run('one'), shell.run('two')]);
    expect(terminal.typed.map((line) => /eval '(\w+)'/.exec(line)?.[1])).to.deep.equal(['one', 'two']);
  });

  it('quotes a command as a whole, whatever quotes it has itself', async () => {
    const { terminal, shell } = shellOf((_, [begin, end]) => `${begin}\r\n${end} 0\r\n`);
    await shell.run(`echo 'it is' "so`);
    expect(terminal.typed[0]).to.contain(`( eval 'echo '\\''it is'\\'' "so' ) 2>&1`);
  });

  it('says that no shell is there, or that the command did not end', async () => {
    const silent = shellOf(() => undefined);
    const error = await failureOf(silent.shell.run('true', { timeoutMs: 5 }));
    expect(error).to.be.instanceOf(GuestShellError);
    expect(error.message).to.contain("Is one running on the guest's ttyS0?").and.to.contain('last line');
    const patient = silent.shell.run('true', { timeoutMs: Number.POSITIVE_INFINITY });
    setTimeout(() => silent.shell.end(new Error('it did wait')), 20);
    expect((await failureOf(patient)).message).to.equal('it did wait');
    const endless = shellOf((_, [begin]) => `${begin}\r\nforever`);
    expect((await failureOf(endless.shell.run('yes', { timeoutMs: 5 }))).message).to.contain(
      '"yes" did not end in 5 ms',
    );
  });

  it('refuses what a terminal would cut, or act upon', async () => {
    const { shell } = shellOf(() => undefined);
    expect(await failureOf(shell.run('x'.repeat(4000)))).to.be.instanceOf(QemuOptionError);
    expect(await failureOf(shell.run('\u0003'))).to.be.instanceOf(QemuOptionError);
  });

  it('ends with its guest, with a signal, and with a checkpoint', async () => {
    const ended = shellOf(() => undefined).shell;
    const waiting = failureOf(ended.run('true'));
    await new Promise(setImmediate);
    ended.end(new Error('the guest is gone'));
    expect((await waiting).message).to.equal('the guest is gone');
    expect((await failureOf(ended.run('true'))).message).to.equal('the guest is gone');

    const abandoned = shellOf(() => undefined).shell;
    const giveUp = new AbortController();
    const abandoning = failureOf(abandoned.run('true', { signal: giveUp.signal }));
    await new Promise(setImmediate);
    giveUp.abort('enough');
    expect(await abandoning).to.equal('enough');
    expect(await failureOf(abandoned.run('true', { signal: giveUp.signal }))).to.equal('enough');

    const restored = shellOf(() => undefined).shell;
    const lost = failureOf(restored.run('true'));
    await new Promise(setImmediate);
    restored.forget();
    expect((await lost).message).to.contain('put back to a checkpoint');
  });
});
