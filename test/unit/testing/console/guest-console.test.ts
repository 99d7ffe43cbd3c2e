import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { GuestConsole, GuestConsoleError } from '../../../../src/testing/index.ts';

async function failureOf(promise: Promise<unknown>): Promise<GuestConsoleError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(GuestConsoleError);
  return error as GuestConsoleError;
}

describe('GuestConsole', () => {
  it('puts lines together from whatever pieces arrive', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    for (const piece of ['rea', 'dy lo', 'ng4\nti', 'ck 0\ntick 1\npart']) stream.write(piece);
    await guest.waitForLine((line) => line === 'tick 1');
    expect(guest.lines).to.deep.equal(['ready long4', 'tick 0', 'tick 1']);
  });

  it('finds a line that was there before it was asked for', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write('ready\ntick 0\n');
    await guest.waitForLine((line) => line === 'tick 0');
    expect(await guest.waitForLine((line) => line.startsWith('r'))).to.equal('ready');
  });

  it('can ask for news only', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write('tick 0\n');
    await guest.waitForLine((line) => line === 'tick 0');
    const next = guest.waitForNextLine((line) => line.startsWith('tick'));
    stream.write('tick 1\n');
    expect(await next).to.equal('tick 1');
  });

  it('stops waiting in time, and shows what the guest said instead', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write('fail no luck\n');
    await guest.waitForLine(() => true);
    const error = await failureOf(guest.waitForLine((line) => line === 'ready', 5));
    expect(error.code).to.equal('ERR_TESTING_CONSOLE_TIMEOUT');
    expect(error.lastLines).to.deep.equal(['fail no luck']);
    expect(error.message).to.contain('5 ms').and.to.contain('fail no luck');
  });

  it('tells those who wait, and those who come later, that the guest is gone', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    const waiting = failureOf(guest.waitForLine(() => true));
    stream.end();
    expect((await waiting).code).to.equal('ERR_TESTING_CONSOLE_CLOSED');
    expect((await failureOf(guest.waitForLine(() => true))).code).to.equal('ERR_TESTING_CONSOLE_CLOSED');
  });

  it('takes an error of the stream for its end', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    const waiting = failureOf(guest.waitForLine(() => true));
    stream.destroy(new Error('reset by peer'));
    expect((await waiting).code).to.equal('ERR_TESTING_CONSOLE_CLOSED');
  });

  it('keeps the last 10,000 lines', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write(Array.from({ length: 10_002 }, (_, line) => `${line}\n`).join(''));
    await guest.waitForLine((line) => line === '10001');
    expect(guest.lines).to.have.lengthOf(10_000);
    expect(guest.lines[0]).to.equal('2');
  });

  it('says nothing without a stream', async () => {
    const error = await failureOf(new GuestConsole(undefined).waitForLine(() => true));
    expect(error.message).to.contain('without a debug console');
  });
});

describe('GuestConsole.expect', () => {
  it('gives the match of a line, of any of its streams', async () => {
    const [debug, serial] = [new PassThrough(), new PassThrough()];
    const guest = new GuestConsole(debug);
    guest.listen(serial);
    const waiting = guest.expect(/version (\d+)/g);
    debug.write('nothing of it\n');
    serial.write('Linux version 6\r\n');
    expect((await waiting)[1]).to.equal('6');
    expect((await guest.expect(/Linux/)).input).to.equal('Linux version 6');
  });

  it('finds a prompt, which is a line that does not end', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    const waiting = guest.expect(/login: $/);
    stream.write('host login: ');
    await waiting;
    expect((await guest.expect(/login/)).input).to.equal('host login: ');
  });

  it('fails at once with a line that means failure, and names both patterns', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    const waiting = failureOf(guest.expect(/BOOTED/, { failOn: /Kernel panic|Oops/ }));
    stream.write('Kernel panic - not syncing\n');
    const error = await waiting;
    expect(error.code).to.equal('ERR_TESTING_CONSOLE_FAILED');
    expect(error.message).to.contain('/Kernel panic|Oops/').and.to.contain('/BOOTED/');
    expect((await failureOf(guest.expect(/BOOTED/, { failOn: /panic/ }))).code).to.equal('ERR_TESTING_CONSOLE_FAILED');
  });

  it('names the pattern when it is late, and shows the last lines with the one that has not ended', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write('booting\n[    0.1] ha');
    await guest.expect(/ha/);
    const error = await failureOf(guest.expect(/BOOTED/, { timeoutMs: 5 }));
    expect(error.message).to.contain('/BOOTED/ matches in 5 ms');
    expect(error.lastLines).to.deep.equal(['booting', '[    0.1] ha']);
  });

  it('takes nothing but patterns, also where no compiler says so', async () => {
    const console = new GuestConsole(new PassThrough());
    const error = await console.expect('ready' as unknown as RegExp).catch((reason: unknown) => reason);
    expect(error)
      .to.have.property('message')
      .that.contains('by a regular expression, as in /ready/, and not by "ready"');
  });

  it('can look at news only, and forgets what a guest said that was put back', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    stream.write('tick 0\n');
    await guest.expect(/tick/);
    const next = guest.expect(/tick (\d)/, { fromNow: true });
    stream.write('tick 1\n');
    expect((await next)[1]).to.equal('1');
    stream.write('tick 2, or a part of i');
    await guest.expect(/tick 2/);
    guest.forget();
    expect((await failureOf(guest.expect(/tick/, { timeoutMs: 5 }))).lastLines).to.deep.equal([]);
  });

  it('waits for as long as is wanted', async () => {
    const stream = new PassThrough();
    const guest = new GuestConsole(stream);
    const endless = guest.expect(/tick/, { timeoutMs: Number.POSITIVE_INFINITY });
    setTimeout(() => stream.write('tick 0\n'), 20);
    expect((await endless)[0]).to.equal('tick');
  });

  it('ends with its guest and with a signal', async () => {
    const guest = new GuestConsole(new PassThrough());
    const giveUp = new AbortController();
    const abandoned = guest.expect(/x/, { signal: giveUp.signal }).catch((error: Error) => error.message);
    giveUp.abort(new Error('enough'));
    expect(await abandoned).to.equal('enough');
    const plain = new AbortController();
    const given = guest.expect(/x/, { signal: plain.signal }).catch((reason: unknown) => reason);
    plain.abort('a reason that is no error');
    const late = guest.expect(/x/, { signal: plain.signal }).catch((reason: unknown) => reason);
    expect([await given, await late]).to.deep.equal(Array(2).fill('a reason that is no error'));
    const waiting = guest.expect(/x/).catch((error: Error) => error.message);
    guest.end(new Error('the guest died'));
    expect(await waiting).to.equal('the guest died');
    expect(await guest.expect(/x/).catch((error: Error) => error.message)).to.equal('the guest died');
  });
});
