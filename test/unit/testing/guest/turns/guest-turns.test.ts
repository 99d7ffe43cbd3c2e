import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { QemuOptionError } from '../../../../../src/testing/errors.ts';
import { GuestTurns, type TurnKind } from '../../../../../src/testing/guest/turns/guest-turns.ts';

/** Turns whose order is noted, each with a promise that ends it. */
function noted(turns = new GuestTurns()) {
  const log: string[] = [];
  const take = (name: string, kind: TurnKind, signal?: AbortSignal) => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const work = async () => {
      log.push(`+${name}`);
      await ended;
      log.push(`-${name}`);
    };
    return { end, done: turns.take({ name, kind }, work, signal) };
  };
  return { turns, log, take };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await failureOf(work);
  expect(error).to.be.instanceOf(QemuOptionError);
  return (error as Error).message;
}

describe('GuestTurns', () => {
  it('lets looks share a moment, and everything else come one after the other, as it is asked for', async () => {
    const { log, take } = noted();
    const all = [
      take('a', 'look'),
      take('b', 'look'),
      take('pause', 'pause'),
      take('c', 'look'),
      take('d', 'look'),
      take('save', 'save'),
      take('run', 'run'),
    ];
    await nextTurn();
    expect(log).to.deep.equal(['+a', '+b']);
    for (const { end, done } of all) {
      end();
      await done;
    }
    expect(log.join(' ')).to.equal('+a +b -a -b +pause -pause +c +d -c -d +save -save +run -run');
  });

  it('goes on where a turn fails', async () => {
    const { turns, take, log } = noted();
    const failing = turns.take({ name: 'pause', kind: 'pause' }, () => Promise.reject(new Error('it went wrong')));
    const next = take('next', 'change');
    next.end();
    expect(await failureOf(failing)).to.have.property('message', 'it went wrong');
    await next.done;
    expect(log).to.deep.equal(['+next', '-next']);
    expect(turns.current).to.equal(undefined);
  });

  it('does at once what may be done inside of a pause, and refuses the rest, which would wait for itself', async () => {
    const { turns } = noted();
    await turns.take({ name: 'whilePaused', kind: 'pause' }, async (isInside) => {
      expect(isInside).to.equal(false);
      await nextTurn();
      for (const kind of ['look', 'pause', 'save'] as const) {
        expect(await turns.take({ name: kind, kind }, async (inside) => inside)).to.equal(true);
      }
      for (const kind of ['run', 'change'] as const) {
        const message = await refusalOf(turns.take({ name: 'other', kind }, async () => {}));
        expect(message).to.match(/^other\(\) is not for the inside of whilePaused\(\)/);
      }
    });
    await turns.take({ name: 'runUntil', kind: 'run' }, async () => {
      expect(turns.isInsideRun).to.equal(true);
      const message = await refusalOf(turns.take({ name: 'translate', kind: 'look' }, async () => {}));
      expect(message).to.equal(
        'translate() is not for the inside of runUntil(): call it before, or when that has ended',
      );
    });
  });

  it('takes what outlives its turn for what it is: outside of it', async () => {
    const { turns } = noted();
    let later: Promise<boolean> | undefined;
    await turns.take({ name: 'whilePaused', kind: 'pause' }, async () => {
      later = nextTurn().then(() => turns.take({ name: 'resume', kind: 'change' }, async (isInside) => isInside));
    });
    expect(await later).to.equal(false);
  });

  it('refuses at once what would wait for a guest that runs to an address', async () => {
    const { turns, take, log } = noted();
    const run = take('runUntil', 'run');
    await nextTurn();
    for (const kind of ['look', 'pause', 'save', 'run', 'change'] as const) {
      const message = await refusalOf(take('other', kind).done);
      expect(message).to.contain('await runUntil(), or end it by its signal');
    }
    run.end();
    await run.done;
    expect(log).to.deep.equal(['+runUntil', '-runUntil']);
    expect(turns.isInsideRun).to.equal(false);
  });

  it('waits no longer than it should: neither for ever, nor when a signal has fired', async () => {
    const { turns, take, log } = noted(new GuestTurns(30));
    const holder = take('whilePaused', 'pause');
    const stop = new AbortController();
    const waiting = take('restore', 'change', stop.signal);
    const late = take('checkpoint', 'save');
    stop.abort(new Error('enough'));
    expect(await failureOf(waiting.done)).to.equal(stop.signal.reason);
    expect(await refusalOf(late.done)).to.match(/^checkpoint\(\) has waited 30 ms for whilePaused\(\), which does not/);
    expect(await failureOf(take('never', 'look', stop.signal).done)).to.equal(stop.signal.reason);
    expect(await turns.becomesIdle(1)).to.equal(false);
    const idle = turns.becomesIdle(60_000);
    holder.end();
    expect(await idle).to.equal(true);
    expect(await turns.becomesIdle(1)).to.equal(true);
    expect(log).to.deep.equal(['+whilePaused', '-whilePaused']);
  });

  it('lets looks begin that were behind a turn whose signal has fired', async () => {
    const { take, log } = noted();
    const first = take('first', 'look');
    const stop = new AbortController();
    const pause = take('pause', 'pause', stop.signal);
    const second = take('second', 'look');
    stop.abort(new Error('enough'));
    expect(await failureOf(pause.done)).to.equal(stop.signal.reason);
    await nextTurn();
    expect(log).to.deep.equal(['+first', '+second']);
    for (const { end, done } of [first, second]) {
      end();
      await done;
    }
  });
});
