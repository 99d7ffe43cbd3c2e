import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { recover } from '../../../../src/guest/link/recover.ts';
import { printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import { type FakeQemu, type FakeQemuOptions, Refusal } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';

/** A process that has been and is gone. */
const DEAD = { pid: spawnSync('true').pid, startTime: '1' };
const SINCE = '2026-01-01T00:00:00.000Z';

describe('what a client that was killed has left in a guest', () => {
  const machines = useFakeQemus();
  let machine: FakeQemu;
  let qmp: QmpClient;

  afterEach(() => qmp.close());

  /** A machine of which such a client had planned this. */
  async function start(plan: (of: FakeQemu) => object, how: Omit<FakeQemuOptions, 'path'> = {}): Promise<void> {
    machine = await machines.start({ status: 'paused', ...how });
    qmp = await QmpClient.connect(machine.qmpEndpoint);
    mkdirSync(machines.journals, { recursive: true, mode: 0o700 });
    const head = { version: 1, client: DEAD, since: SINCE, endpoint: machine.qmpEndpoint, qemu: null };
    const lines = [head, { qmp: machine.qmpEndpoint, ...plan(machine) }].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(join(machines.journals, 'a-1-1.journal'), lines.join(''));
  }

  const recoverIt = () => recover(qmp, { endpoint: machine.qmpEndpoint, qemu: null });

  /** The last plan of the one journal that is left; undefined where there is none. */
  function leftPlan(): unknown {
    const [name] = existsSync(machines.journals) ? readdirSync(machines.journals) : [];
    if (name === undefined) return undefined;
    expect(name, 'claimed by this process').to.equal(`a-1-1.journal.${process.pid}`);
    return JSON.parse(readFileSync(join(machines.journals, name), 'utf8').trimEnd().split('\n').at(-1) ?? '');
  }

  const told = (what: object) => [
    { client: DEAD.pid, since: SINCE, foundState: 'paused', physicalModeOff: null, stubRemoved: null, ...what },
  ];

  it('is put back: the guest runs, and nothing is left', async () => {
    await start((of) => ({ resume: true, registers: printRegisters(of.registers), stub: of.gdbEndpoint }));
    machine.isPhysical = true;
    expect(await recoverIt()).to.deep.equal(told({ resumption: 'resumed', physicalModeOff: true }));
    expect([machine.status, machine.isPhysical, leftPlan()]).to.deep.equal(['running', false, undefined]);
  });

  it('stays as it is where nothing shows whether it has run since, and is told of again', async () => {
    await start(() => ({ resume: true }));
    expect(await recoverIt()).to.deep.equal(told({ resumption: 'unknown' }));
    expect(machine.status).to.equal('paused');
    expect(leftPlan()).to.deep.equal({ qmp: machine.qmpEndpoint, resume: true });
    expect(await recoverIt()).to.deep.equal(told({ resumption: 'unknown' }));
  });

  it('is tried again where QEMU refuses', async () => {
    const registers = (of: FakeQemu) => printRegisters(of.registers);
    await start((of) => ({ resume: true, registers: registers(of) }), {
      monitor: (command) => (command === 'cont' ? new Refusal('locked') : undefined),
    });
    expect(await recoverIt()).to.deep.equal(told({ resumption: 'failed' }));
    expect(leftPlan()).to.deep.equal({ qmp: machine.qmpEndpoint, resume: true, registers: registers(machine) });
  });

  it('is another client’s business where the guest has run since', async () => {
    await start(() => ({ resume: true, registers: { 0: 'others' } }));
    expect(await recoverIt()).to.deep.equal(told({ resumption: 'paused-since' }));
    expect([machine.status, leftPlan()]).to.deep.equal(['paused', undefined]);
  });

  it('is nothing to be told of where it had done nothing', async () => {
    await start(() => ({}));
    expect(await recoverIt()).to.deep.equal([]);
    expect(leftPlan()).to.equal(undefined);
    expect(await recoverIt()).to.deep.equal([]);
  });

  for (const [what, plan, done] of [
    ['used its stub', (of: FakeQemu) => ({ stub: of.gdbEndpoint }), { physicalModeOff: true }],
    ['started a stub, which is gone', () => ({ ownStub: true }), { stubRemoved: true }],
  ] as const) {
    it(`is told of where it had only ${what}`, async () => {
      await start(plan);
      expect(await recoverIt()).to.deep.equal(told({ resumption: 'not-asked', ...done }));
      expect(machine.status).to.equal('paused');
    });
  }

  it('of another guest is left for who comes there', async () => {
    await start(() => ({ resume: true }));
    expect(await recover(qmp, { endpoint: 'unix:/another', qemu: null })).to.deep.equal([]);
    expect(readdirSync(machines.journals)).to.deep.equal(['a-1-1.journal']);
  });
});
