import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lifeOf } from '../../../../src/guest/peer/process-life.ts';

import { Safekeeping, type SafekeepingOptions } from '../../../../src/guest/restore/safekeeping.ts';
import { decodeMessage, type WatchdogMessage } from '../../../../src/guest/restore/watchdog-message.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeQemu } from '../../../support/fakes/machine/fake-qemu.ts';

const ENDPOINT = 'unix:/run/vm.qmp';

describe('what is kept to be put back', () => {
  let runtime: string;
  const runtimeBefore = process.env['XDG_RUNTIME_DIR'];

  beforeEach(() => {
    runtime = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    process.env['XDG_RUNTIME_DIR'] = runtime;
  });

  afterEach(() => {
    if (runtimeBefore === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtimeBefore;
    rmSync(runtime, { recursive: true });
  });

  const folder = (): string => join(runtime, 'pagewalk');
  const journals = (): string[] => (existsSync(folder()) ? readdirSync(folder()) : []);

  /** The lines of the only journal that there is. */
  function lines(): Record<string, unknown>[] {
    const [name = '', ...others] = journals();
    expect(others).to.deep.equal([]);
    return readFileSync(join(folder(), name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** The plan that counts. */
  const kept = (): unknown => lines().at(-1);

  async function keep(
    options: Partial<SafekeepingOptions>,
    use: (keeping: Safekeeping) => Promise<void>,
  ): Promise<void> {
    const keeping = new Safekeeping({ endpoint: ENDPOINT, enabled: true, ...options });
    try {
      expect(await keeping.problem()).to.equal('');
      await use(keeping);
    } finally {
      await keeping.disarm();
    }
  }

  it('is in a journal from the first thing on, each thing as it is added, until all is back in its place', async () => {
    const qemu = lifeOf(process.pid);
    await keep({ qmp: 'unix:/run/vm.qmp', qmpFile: '1:2', qemu }, async (keeping) => {
      expect(journals(), 'nothing is kept beforehand').to.deep.equal([]);
      keeping.forgetRegisters();
      keeping.relax();
      expect(journals()).to.deep.equal([]);
      await keeping.arm({ resume: true });
      const [head, first] = lines();
      expect(head).to.deep.include({ version: 1, client: lifeOf(process.pid), endpoint: ENDPOINT, qemu });
      expect(first).to.deep.equal({ qmp: 'unix:/run/vm.qmp', qmpFile: '1:2', resume: true });
      await keeping.arm({ stub: 'unix:/run/vm.gdb' });
      keeping.note({ ownStub: true });
      const monitor = { qmp: 'unix:/run/vm.qmp', qmpFile: '1:2' };
      const plan = { ...monitor, resume: true, stub: 'unix:/run/vm.gdb', ownStub: true };
      expect(kept()).to.deep.equal(plan);
      keeping.noteRegisters({ 0: 'a' });
      keeping.noteRegisters({ 1: 'b' });
      expect(kept()).to.deep.equal({ ...plan, registers: { 0: 'a', 1: 'b' } });
      const count = lines().length;
      keeping.noteRegisters({ 1: 'b' });
      expect(lines().length, 'it is known').to.equal(count);
      keeping.noteRegisters({ 1: 'c' });
      expect(kept()).to.deep.equal({ ...plan, registers: { 0: 'a', 1: 'c' } });
      keeping.forgetRegisters();
      expect(kept()).to.deep.equal(plan);
      keeping.relax();
      expect(kept()).to.deep.equal({ ...monitor, ownStub: true });
    });
    expect(existsSync(folder())).to.equal(false);
  });

  describe('as the watchdog is told', () => {
    const { execPath } = process;
    const pathBefore = process.env['PATH'];

    /** A watchdog that writes down what it is told: where no shell can wait, the program of Node is started. */
    beforeEach(() => {
      const script = `#!/bin/sh\necho ready\nwhile IFS= read -r line; do echo "$line" >>'${runtime}/told'; done\necho end >>'${runtime}/told'\n`;
      writeFileSync(join(runtime, 'node'), script, { mode: 0o700 });
      process.execPath = join(runtime, 'node');
      process.env['PATH'] = '/nowhere';
    });

    afterEach(() => {
      process.execPath = execPath;
      process.env['PATH'] = pathBefore;
    });

    /** All that it was told, once it has come to its end. */
    async function told(): Promise<WatchdogMessage[]> {
      const file = join(runtime, 'told');
      await eventually('it has heard all', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('end\n'));
      return readFileSync(file, 'utf8').split('\n').slice(0, -2).map(decodeMessage);
    }

    const reach = { qmp: 'unix:/run/vm.qmp' };

    it('is each thing, before it is done, and the end of it', async () => {
      let journal = '';
      await keep({ ...reach, endsStuckClient: true }, async (keeping) => {
        keeping.expectResume(1);
        await keeping.arm({ resume: true });
        journal = join(folder(), journals()[0] ?? '');
        keeping.expectResume(100.2);
        keeping.expectResume(null);
        keeping.noteRegisters({ 0: 'a' });
        keeping.relax();
      });
      const plan = { ...reach, journal };
      expect(await told()).to.deep.equal([
        { plan },
        { plan: { ...plan, resume: true } },
        { deadline: 3101 },
        { deadline: null },
        { plan: { ...plan, resume: true, registers: { 0: 'a' } } },
        { plan },
        { disarm: true },
      ]);
    });

    it('is no deadline where its client is not to be ended', async () => {
      let journal = '';
      await keep({ endsStuckClient: false }, async (keeping) => {
        await keeping.arm({});
        journal = join(folder(), journals()[0] ?? '');
        keeping.expectResume(100);
      });
      expect(await told()).to.deep.equal([{ plan: { journal } }, { plan: { journal } }, { disarm: true }]);
    });

    it('is at the end what may come late, and nothing else', async () => {
      const late = { stub: 'unix:/run/vm.gdb', count: 1, wasServed: false };
      await keep({ ...reach, qmpFile: '1:2' }, async (keeping) => {
        await keeping.arm({ resume: true, ownStub: true });
        await keeping.leaveLate(late);
      });
      expect((await told()).slice(2)).to.deep.equal([{ plan: { ...reach, qmpFile: '1:2', late } }]);
    });

    it('is no more once it has to act', async () => {
      await keep(reach, async (keeping) => {
        await keeping.arm({ resume: true });
        expect(await keeping.trigger()).to.equal(true);
        keeping.expectResume(1);
        expect(journals(), 'the journal stays').to.have.lengthOf(1);
      });
      expect(await told()).to.have.lengthOf(2);
    });
  });

  it('is nowhere where the caller wants none', async () => {
    await keep({ enabled: false }, async (keeping) => {
      await keeping.arm({ resume: true });
      expect(existsSync(folder())).to.equal(false);
      expect(await keeping.trigger()).to.equal(false);
      await keeping.arm({ resume: true });
      expect(existsSync(folder())).to.equal(false);
    });
  });

  it('is with the watchdog alone where there is no folder for a journal', async () => {
    mkdirSync(folder());
    chmodSync(folder(), 0o777);
    await keep({}, async (keeping) => {
      await keeping.arm({ resume: true });
      keeping.note({ ownStub: true });
      expect(journals()).to.deep.equal([]);
    });
  });

  it('does not name a QEMU that is not proven', async () => {
    await keep({}, async (keeping) => {
      await keeping.arm({});
      expect(lines()).to.have.lengthOf(2);
      expect(lines()[0]).to.have.property('qemu', null);
      expect(lines()[1]).to.deep.equal({});
    });
  });

  describe('when the watchdog has to act', () => {
    let qemu: FakeQemu;

    beforeEach(async () => {
      qemu = await FakeQemu.start({ path: join(runtime, 'vm'), status: 'paused' });
    });

    afterEach(() => qemu.close());

    it('is left to it, with the journal, and what comes then begins anew', async () => {
      await keep({ qmp: qemu.qmpEndpoint }, async (keeping) => {
        await keeping.arm({ resume: true, ownStub: true });
        expect(await keeping.trigger()).to.equal(true);
        expect(await keeping.trigger(), 'one has it in hand already').to.equal(true);
        await eventually('the guest runs', () => qemu.status === 'running');
        await eventually('the journal is gone', () => journals().length === 0);
        await keeping.arm({ resume: true });
        expect(kept(), 'nothing of the pause is left').to.deep.equal({
          qmp: qemu.qmpEndpoint,
          ownStub: true,
          resume: true,
        });
      });
      expect(journals()).to.deep.equal([]);
    }).timeout(20_000);

    it('is not done once all is back in its place', async () => {
      await keep({ qmp: qemu.qmpEndpoint }, async (keeping) => keeping.arm({ resume: true }));
      const late = { stub: qemu.gdbEndpoint, count: 1, wasServed: true };
      const keeping = new Safekeeping({ endpoint: ENDPOINT, enabled: true, qmp: qemu.qmpEndpoint });
      await keeping.arm({ resume: true, ownStub: true });
      qemu.status = 'running';
      await keeping.leaveLate(late);
      expect(journals(), 'the next client has nothing to put back').to.deep.equal([]);
      await eventually('it looks for what comes late', () => qemu.asked.length === 2);
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev']);
      expect(qemu.connections.monitor).to.equal(1);
    }).timeout(20_000);
  });
});
