import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as chai from 'chai';
import { type AbandonSignal, GuestAccessError } from '../../../src/index.ts';
import pagewalkChai from '../../../src/testing/chai/index.ts';
import {
  CheckpointError,
  GuestConsoleError,
  GuestDiedError,
  type GuestOptions,
  GuestRunError,
  type LaunchedGuest,
  launchGuest,
  type PausedGuest,
  QemuLaunchError,
  QemuOptionError,
  sharedGuest,
} from '../../../src/testing/index.ts';
import matchers from '../../../src/testing/matchers/index.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';
import { TOY, useToyKernel } from '../../support/live/guest/toy-kernel.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

chai.use(pagewalkChai);
const { expect } = chai;

/** The toy kernel's first instruction: behind its multiboot header. */
const ENTRY = TOY.text + 32n;

async function failureOf<T extends Error>(work: Promise<unknown>, type: new (...args: never[]) => T): Promise<T> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(type);
  return error as T;
}

describe('a guest that a test has launched', function () {
  this.timeout(120_000);

  const kernel = useToyKernel();
  const scratch = useScratchDirectory();

  function boot(append = '', signal?: AbandonSignal): Promise<LaunchedGuest> {
    return launchGuest({ kernel: kernel(), append, memory: '64M', ready: /ready/, ...(signal ? { signal } : {}) });
  }

  describe('shared by tests, each of which finds it as it was', () => {
    const shared = sharedGuest((signal) => boot('', signal), { restore: 'each' });
    const marked: bigint[] = [];

    it('answers addresses and maps, by chai and by matchers', async () => {
      const { guest } = shared;
      await expect(guest)
        .to.map(TOY.text, { access: { exec: true } })
        .as('r-x-');
      await expect(guest).not.to.map(TOY.guard);
      await expect(guest).to.map(TOY.data).and.accessed.and.dirty;
      expect(await guest.translate(TOY.text, { write: true }))
        .to.fault('PRIVILEGE_VIOLATION')
        .at('PTE');
      expect(await guest.map()).to.have.no.writableExecutable();
      expect((await matchers.toMap(guest, TOY.users, { rights: 'rw-u' })).pass).to.equal(true);
      const failed = await failureOf(Promise.resolve(expect(guest).to.map(TOY.guard)), Error);
      expect(failed.message).to.match(/to be mapped,\nbut it faults: NOT_PRESENT at the PTE[\s\S]*PT\[259\][\s\S]*◄/);
    });

    it('is read and written while it is paused: all of it, or nothing', async () => {
      const { guest } = shared;
      await guest.whilePaused(async (paused) => {
        await paused.writeVirtual(TOY.users + 0xff0n, Uint8Array.of(1, 2, 3, 4));
        expect([...(await paused.readPhysical(TOY.users + 0xff0n, 4))]).to.deep.equal([1, 2, 3, 4]);
        // From a page that is mapped into one that is not.
        const before = await paused.readVirtual(TOY.data + 0xff8n, 8);
        const across = paused.writeVirtual(TOY.data + 0xff8n, new Uint8Array(16).fill(9));
        await failureOf(across, GuestAccessError);
        expect(await paused.readVirtual(TOY.data + 0xff8n, 8)).to.deep.equal(before);
        await failureOf(paused.writePhysical(0xfee0_0000n, new Uint8Array(4)), GuestAccessError);
        await failureOf(paused.readVirtual((1n << 47n) - 4n, 8), GuestAccessError);
        const view = await paused.view.vcpuState();
        expect(view.cr3.value).to.equal(TOY.tables);
      });
      marked.push(TOY.users + 0xff0n);
    });

    it('has nothing of what the test before wrote', async () => {
      for (const address of marked) {
        expect([...(await shared.guest.whilePaused((paused) => paused.readVirtual(address, 4)))]).to.deep.equal([
          0, 0, 0, 0,
        ]);
      }
      expect(shared.times.restoreMs).to.be.greaterThan(0);
    });

    it('runs, steps and stops in any order, by one connection', async () => {
      const { guest } = shared;
      const { rip } = await guest.whilePaused((paused) => paused.registers());
      if (rip === undefined) throw new Error('no RIP');
      const loop = await guest.whilePaused(async (paused) => {
        const { registers } = await paused.step();
        paused.breakpoint(rip);
        const stop = await paused.run();
        expect(stop.registers['rip']).to.equal(rip);
        return registers['rip'];
      });
      expect(loop).not.to.equal(undefined);
      for (let round = 0; round < 3; round += 1) {
        const stop = await guest.runUntil(rip);
        expect(stop.registers['rip']).to.equal(rip);
        expect(await guest.translate(stop.registers['rsp'] ?? 0n)).to.be.mapped;
        expect((await guest.whilePaused((paused) => paused.registers()))['rip']).to.equal(rip);
      }
      await guest.resume();
      await guest.console.expect(/tick/, { fromNow: true });
    });

    it('has the bits of a page cleared, and sets them where it uses that page', async () => {
      const { guest } = shared;
      await guest.whilePaused(async (paused) => {
        for (const page of [TOY.data, TOY.users]) {
          expect(await paused.clearUsage(page), 'TLBs were flushed').to.equal(true);
          expect(await paused.translate(page)).not.to.be.accessed;
          expect(await paused.translate(page)).not.to.be.dirty;
        }
        await paused.writeVirtual(TOY.users + 0xfd1n, Uint8Array.of(1, 2));
        expect(await paused.readU64(TOY.users + 0xfd0n)).to.equal(0x02_0100n);
        await failureOf(paused.clearUsage(TOY.guard), QemuOptionError);
      });
      for (let tick = 0; tick < 2; tick += 1) await guest.console.expect(/tick/, { fromNow: true });
      expect(await guest.translate(TOY.data)).to.be.accessed.and.dirty;
      expect(await guest.translate(TOY.users)).to.be.accessed;
      expect(await guest.translate(TOY.users)).not.to.be.dirty;
    });

    it('runs on where it has no symbol to run to', async () => {
      const { guest } = shared;
      expect(await failureOf(guest.runUntil('ksys_sync'), Error)).to.have.property('code', 'ERR_LINUX_DATA');
      await guest.console.expect(/tick/, { fromNow: true });
    });

    it('does what is asked of it at the same time one after the other, and leaves nothing paused', async () => {
      const { guest } = shared;
      const word = (paused: PausedGuest) => paused.readVirtual(TOY.users + 0xfe0n, 1).then(([byte]) => byte);
      const one = await guest.checkpoint();
      const [first, two] = await Promise.all([
        guest.whilePaused(word),
        guest.checkpoint(),
        guest.whilePaused((paused) => paused.writeVirtual(TOY.users + 0xfe0n, Uint8Array.of(7))),
        guest.translate(TOY.text),
        guest.map({ first: TOY.text, last: TOY.users }),
      ]);
      const { last, three } = await guest.whilePaused(async (paused) => ({
        last: await word(paused),
        three: await guest.checkpoint(),
      }));
      expect([first, last]).to.deep.equal([0, 7]);
      const seen = await Promise.all(
        [two, three, one].flatMap((each) => [guest.restore(each), guest.whilePaused(word)]),
      );
      expect(seen.filter((each) => each !== undefined)).to.deep.equal([0, 7, 0]);
      await guest.console.expect(/tick/, { fromNow: true });
    });

    it('leaves a pause whose test does not end, and what was let run in it', async () => {
      const { guest } = shared;
      const enough = new AbortController();
      let kept: PausedGuest | undefined;
      const hanging = guest.whilePaused(
        (paused) => {
          kept = paused;
          paused.breakpoint(TOY.guard);
          const running = failureOf(paused.run(), Error);
          const meanwhile = failureOf(paused.translate(TOY.text), QemuOptionError);
          setTimeout(() => enough.abort(new Error('enough')), 20);
          return Promise.all([running, meanwhile]).then(() => new Promise<never>(() => {}));
        },
        { signal: enough.signal },
      );
      expect((await failureOf(hanging, Error)).message).to.equal('enough');
      expect((await failureOf(Promise.resolve(kept?.translate(TOY.text)), QemuOptionError)).message).to.contain(
        'is over',
      );
      await guest.console.expect(/tick/, { fromNow: true });
      expect(await guest.translate(TOY.text)).to.be.mapped;
    });

    it('says why it is silent, where a test has stopped it', async () => {
      const { guest } = shared;
      const { rip = 0n } = await guest.whilePaused((paused) => paused.registers());
      await guest.runUntil(rip);
      const silent = await failureOf(guest.console.expect(/tick/, { fromNow: true, timeoutMs: 50 }), GuestConsoleError);
      expect(silent.message).to.match(/in 50 ms \(the guest is stopped at 0x1\w+ since runUntil\(\): resume\(\)/);
      await guest.resume();
      await guest.console.expect(/tick/, { fromNow: true });
    });

    it('says where it was when it does not come to an address, and runs on', async () => {
      const { guest } = shared;
      const error = await failureOf(guest.runUntil(TOY.guard, { timeoutMs: 100 }), GuestRunError);
      expect(error.message).to.contain('did not come in 100 ms to 0x103000');
      expect(error.instructionPointers).to.have.length(1);
      await guest.console.expect(/tick/, { fromNow: true });
      const end = new AbortController();
      const left = failureOf(guest.runUntil(TOY.guard, { signal: end.signal }), Error);
      await guest.console.expect(/tick/, { fromNow: true });
      const asked = [
        guest.restore({ tag: 'not reached' }),
        guest.translate(TOY.text),
        guest.whilePaused(() => {}),
        guest.checkpoint(),
        guest.resume(),
      ];
      for (const each of asked) {
        expect((await failureOf(each, QemuOptionError)).message).to.contain('for a guest that runs to an address');
      }
      end.abort(new Error('enough'));
      expect((await left).message).to.equal('enough');
      const meanwhile = guest.runUntil(TOY.guard, { while: () => Promise.reject(new Error('it went wrong')) });
      expect((await failureOf(meanwhile, Error)).message).to.equal('it went wrong');
      const looking = guest.runUntil(TOY.guard, { while: () => guest.translate(TOY.text) });
      expect((await failureOf(looking, QemuOptionError)).message).to.contain('not for the inside of runUntil()');
      await guest.console.expect(/tick/, { fromNow: true });
    });

    it('refuses what would wait for itself, and a checkpoint of another guest', async () => {
      const { guest } = shared;
      await failureOf(
        guest.whilePaused(() => guest.runUntil(0n)),
        QemuOptionError,
      );
      await failureOf(guest.shell('true'), QemuOptionError);
      await failureOf(guest.restore({ tag: 'another' }), CheckpointError);
      const both = await guest.whilePaused(async () => [
        await guest.translate(TOY.text),
        await guest.translate(TOY.data),
      ]);
      expect(both).to.have.length(2);
      await guest.letGo();
      expect(await guest.translate(TOY.text)).to.be.mapped;
    });
  });

  it('runs when its stub is let go, also one that was started paused and stands at an address', async () => {
    await using guest = await launchGuest({ kernel: kernel(), memory: '64M', paused: true });
    const silent = await failureOf(guest.console.expect(/ready/, { timeoutMs: 1 }), GuestConsoleError);
    expect(silent.message).to.contain('was started with paused: true: resume() lets it run');
    await guest.runUntil(ENTRY);
    await using witness = await Witness.of(guest.qemu);
    expect(await witness.runState()).not.to.equal('running');
    await guest.letGo();
    expect(await witness.runState()).to.equal('running');
    await guest.console.expect(/ready/);
  });

  it('is told at once when it dies: with the walk of the fault, its registers and its last lines', async () => {
    await using guest = await launchGuest({ kernel: kernel(), append: '+fault', memory: '64M' });
    const error = await failureOf(guest.console.expect(/never/), GuestDiedError);
    const { how, cr2, cr3, rip, lastLines } = error.end;
    expect({ how, cr2, cr3, lastLines }).to.deep.equal({
      ...{ how: 'triple-fault', cr2: 0xdead000n, cr3: TOY.tables },
      lastLines: ['ready'],
    });
    expect(Number(rip)).to.be.within(Number(TOY.text), Number(TOY.data));
    expect(error.message).to.match(/triple fault\nvCPU 0: RIP 0x100\w+, CR2 0xdead000[\s\S]*◄ responsible[\s\S]*ready/);
    expect(await failureOf(guest.translate(0n), GuestDiedError)).to.equal(error);
  });

  for (const [word, how] of [
    ['+reset', 'reset'],
    ['+off', 'shutdown'],
  ] as const) {
    it(`is told how it came to its end: ${how}`, async () => {
      await using guest = await launchGuest({ kernel: kernel(), append: word, memory: '64M' });
      const end = await guest.waitForEnd();
      expect(end).to.deep.include({ how, exit: null, walk: null, lastLines: ['ready'] });
    });
  }

  it('is told when QEMU is killed, and puts what explains it into a folder of its own', async () => {
    const artifacts = scratch('artifacts');
    await using guest = await launchGuest({ kernel: kernel(), memory: '64M', artifacts });
    await guest.console.expect(/ready/);
    await failureOf(
      guest.whilePaused((paused) => paused.readPhysical(0xfee0_0000n, 4)),
      GuestAccessError,
    );
    const [folder = ''] = readdirSync(artifacts);
    const unsaid = await failureOf(guest.console.expect(/never/, { timeoutMs: 1 }), GuestConsoleError);
    expect(unsaid.message).to.contain('(artifacts: ');
    const late = await failureOf(guest.runUntil(TOY.guard, { signal: AbortSignal.timeout(50) }), Error);
    expect(late.name).to.equal('TimeoutError');
    expect(late.message).to.contain('(artifacts: ');
    // Who looks meanwhile has a pause of its own in it.
    let isSaving = true;
    const saving = guest.saveArtifacts('by hand').finally(() => {
      isSaving = false;
    });
    while (isSaving) await guest.whilePaused((paused) => paused.readPhysical(TOY.users, 8));
    expect(await saving).to.contain('by-hand');
    await guest.console.expect(/tick/, { fromNow: true });
    const waiting = failureOf(guest.console.expect(/never/), GuestDiedError);
    process.kill(guest.qemu.pid, 'SIGKILL');
    expect((await waiting).end).to.deep.include({ how: 'exited', exit: { status: null, signal: 'SIGKILL' } });
    await failureOf(guest.translate(0n), GuestDiedError);
    const read = (name: string) => readFileSync(join(artifacts, folder, name), 'utf8');
    expect(read('console.log')).to.match(/^ready\n/);
    expect(read('failure.txt')).to.contain('GuestAccessError').and.to.contain('-kernel');
    expect(JSON.parse(read('state.json')).mode).to.equal('4-level');
    expect(
      read('map.jsonl')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).kind)
        .at(-1),
    ).to.equal('end');
    expect(JSON.parse(read('wire.jsonl').split('\n', 1)[0] ?? '').channel).to.equal('qmp');
  });

  it('ends with a signal, and with a runner that forgets it', async () => {
    const giveUp = new AbortController();
    const guest = await boot('', giveUp.signal);
    const waiting = failureOf(guest.console.expect(/never/), Error);
    giveUp.abort(new Error('the test took too long'));
    expect((await waiting).message).to.equal('the test took too long');
    await guest.stop();
    expect(existsSync(guest.qemu.directory)).to.equal(false);
    await failureOf(launchGuest({ signal: giveUp.signal }), Error);
    const silent = launchGuest({ qemu: silentProgram(), signal: AbortSignal.timeout(50) });
    expect((await failureOf(silent, Error)).name).to.equal('TimeoutError');

    const library = new URL('../../../src/testing/index.js', import.meta.url).href;
    const program = `
      const { launchGuest } = await import(process.argv[1]);
      const guest = await launchGuest({ kernel: process.argv[2], memory: '64M', ready: /ready/ });
      await guest.translate(0x100000n);
      console.log(guest.qemu.pid);
      guest.whilePaused(async (paused) => {
        await paused.map();
        process.exitCode = 7;
        await new Promise(() => {});
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, library, kernel()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [[chunk], [status]] = await Promise.all([once(child.stdout, 'data'), once(child, 'exit')]);
    expect(status, 'it had all answers, and was not kept by what has no end').to.equal(7);
    const pid = Number(String(chunk));
    for (const deadline = Date.now() + 10_000; isRunning(pid) && Date.now() < deadline; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(isRunning(pid)).to.equal(false);
  });

  /** A program that answers nothing. */
  function silentProgram(): string {
    const path = scratch('silent');
    writeFileSync(path, '#!/bin/sh\nexec sleep 60\n', { mode: 0o700 });
    return path;
  }

  it('is ended where it does not get ready', async () => {
    const options = { kernel: kernel(), memory: '64M', artifacts: scratch('unready') };
    const failed = await failureOf(launchGuest({ ...options, ready: /never/, failOn: /ready/ }), GuestConsoleError);
    expect(failed.message).to.match(
      /said what \/ready\/ matches while \/never\/ was awaited: "ready"[\s\S]*\(artifacts: /,
    );
    const command = readFileSync(
      join(options.artifacts, readdirSync(options.artifacts)[0] ?? '', 'failure.txt'),
      'utf8',
    );
    const [, directory = ''] = /unix:(\S+)\/qmp\.sock/.exec(command) ?? [];
    expect([directory === '', existsSync(directory)]).to.deep.equal([false, false]);
  });

  it('says what is missing, and what is given wrongly', async () => {
    const missing = await failureOf(launchGuest({ kernel: scratch('no-such-kernel') }), QemuOptionError);
    expect(missing.message).to.match(/the kernel ".*no-such-kernel" cannot be read \(ENOENT\)/);
    const initrd = await failureOf(launchGuest({ kernel: kernel(), initrd: scratch('none') }), QemuOptionError);
    expect(initrd.message).to.contain('the initrd');
    const qemu = await failureOf(launchGuest({ qemu: '/nonexistent/qemu' }), QemuLaunchError);
    expect(qemu.message).to.contain('qemu-system-x86').and.not.to.contain('scripts/');
    const mistyped = launchGuest({ kernal: kernel() } as unknown as GuestOptions);
    expect((await failureOf(mistyped, QemuOptionError)).message).to.match(/no option kernal; it has accel, append, /);
    const silent = launchGuest({
      kernel: kernel(),
      append: '+never',
      memory: '64M',
      ready: /login/,
      debugcon: false,
      readyTimeoutMs: 50,
    });
    expect((await failureOf(silent, GuestConsoleError)).message).to.contain(
      "a Linux talks: serial: true, append: 'console=ttyS0')",
    );
    await using guest = await launchGuest({ kernel: kernel(), memory: '64M' });
    expect(await guest.execute('query-name')).to.deep.equal({});
    expect(await failureOf(guest.execute('no-such-command'), Error)).to.have.property('code', 'ERR_QMP_COMMAND');
    const asNumber = await failureOf(guest.translate(0x1000 as unknown as bigint), QemuOptionError);
    expect(asNumber.message).to.equal(
      'translate() takes an address as a bigint, as in 0x1000n, and was given the number 4096',
    );
  });
});
