import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lifeOf } from '../../../../src/guest/peer/process-life.ts';
import { claimJournal, findLeftJournals, Journal } from '../../../../src/guest/restore/journal.ts';
import { restoreGuest } from '../../../../src/guest/restore/restore-guest.ts';

const JOURNAL_MODULE = new URL('../../../../src/guest/restore/journal.js', import.meta.url).href;
const HERE = { endpoint: 'unix:/run/vm.qmp', qemu: null };
const PLAN = { qmp: 'unix:/run/vm.qmp', resume: true };
/** A process that has been and is gone. */
const DEAD = { pid: spawnSync('true').pid, startTime: '1' };

describe('the journal of what has to be put back', function () {
  this.timeout(20_000);
  let runtime: string;
  const runtimeBefore = process.env['XDG_RUNTIME_DIR'];

  beforeEach(async () => {
    runtime = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    process.env['XDG_RUNTIME_DIR'] = runtime;
  });

  afterEach(async () => {
    if (runtimeBefore === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtimeBefore;
    await rm(runtime, { recursive: true });
  });

  /** The journal of a client that has died. */
  function left(lines: readonly unknown[], name = 'a-1-1.journal', head: Record<string, unknown> = {}): string {
    const folder = join(runtime, 'pagewalk');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const first = { version: 1, client: DEAD, since: '2026-01-01T00:00:00.000Z', ...HERE, ...head };
    const file = join(folder, name);
    writeFileSync(file, [first, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''));
    return file;
  }

  it('is of this user alone, says what was told last, and goes with its end', () => {
    const journal = Journal.begin(Journal.place(HERE.endpoint), HERE.endpoint, null);
    expect(statSync(journal.file).mode & 0o777).to.equal(0o600);
    expect(statSync(join(runtime, 'pagewalk')).mode & 0o777).to.equal(0o700);
    journal.write({ ...PLAN, journal: journal.file });
    journal.write({ qmp: PLAN.qmp });
    const lines = readFileSync(journal.file, 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).to.deep.equal({ qmp: PLAN.qmp });
    expect(findLeftJournals(HERE), 'its client lives').to.deep.equal([]);
    journal.end();
    expect(readdirSync(runtime)).to.deep.equal([]);
  });

  it('is made when the watchdog can know of it: naming it makes nothing, and what a client that was killed then left goes', async () => {
    const file = Journal.place(HERE.endpoint);
    expect(readdirSync(runtime), 'named').to.deep.equal([]);
    mkdirSync(join(runtime, 'pagewalk'), { mode: 0o700 });
    await restoreGuest({ qmp: HERE.endpoint, journal: file });
    expect(readdirSync(runtime), 'killed when the folder was there, and no file').to.deep.equal([]);
    const journal = Journal.begin(file, HERE.endpoint, null);
    writeFileSync(`${file}.new`, '');
    journal.leave();
    await restoreGuest({ qmp: HERE.endpoint, journal: file });
    expect(readdirSync(runtime), 'killed when it was begun anew').to.deep.equal([]);
  });

  it('is made beside another that ends and takes the folder with it', async () => {
    const program = `
      const { Journal } = await import(${JSON.stringify(JOURNAL_MODULE)});
      for (let times = 0; times < 200; times += 1) Journal.begin(Journal.place('unix:/run/vm.qmp'), '', null).end();`;
    const clients = [1, 2].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] }),
    );
    const ends = await Promise.all(clients.map((client) => once(client, 'exit')));
    expect(ends).to.deep.equal([
      [0, null],
      [0, null],
    ]);
  });

  it('does not grow without end', () => {
    const journal = Journal.begin(Journal.place(HERE.endpoint), HERE.endpoint, null);
    for (let pause = 0; pause < 20_000; pause += 1) journal.write({ ...PLAN, stub: `unix:/run/${pause}` });
    expect(statSync(journal.file).size).to.be.below(512 * 1024);
    expect(readFileSync(journal.file, 'utf8').trim().split('\n').at(-1)).to.contain('/run/19999');
    journal.end();
  });

  it('of a dead client is found by its endpoint, and its last whole line counts', () => {
    const file = left([{ qmp: PLAN.qmp }, PLAN]);
    appendFileSync(file, '{"qmp":"unix:/run/vm.qmp","resume":fal');
    expect(findLeftJournals(HERE).map(({ plan }) => plan)).to.deep.equal([PLAN]);
    expect(findLeftJournals({ endpoint: 'unix:/run/other.qmp', qemu: null })).to.deep.equal([]);
  });

  it('is found by its QEMU where that is proven, by whatever endpoint; and is removed when that is gone', () => {
    const qemu = lifeOf(process.pid);
    left([PLAN], 'a-1-1.journal', { qemu });
    expect(findLeftJournals({ endpoint: 'unix:/run/second.qmp', qemu })).to.have.length(1);
    expect(findLeftJournals({ ...HERE, qemu: { pid: 1, startTime: '0' } })).to.deep.equal([]);
    const gone = left([PLAN], 'b-1-1.journal', { qemu: DEAD });
    expect(findLeftJournals(HERE)).to.have.length(1);
    expect(existsSync(gone)).to.equal(false);
  });

  it('is claimed by one process only', () => {
    left([PLAN]);
    const [found] = findLeftJournals(HERE);
    const claims = [found, found].map((each) => each && claimJournal(each));
    expect(claims.map((claim) => claim !== undefined)).to.deep.equal([true, false]);
    expect(findLeftJournals(HERE), 'after its claimer’s death any client may claim it').to.have.length(1);
  });

  it('counts for nothing where another may have written it', () => {
    left([PLAN]);
    chmodSync(join(runtime, 'pagewalk'), 0o777);
    expect(findLeftJournals(HERE)).to.deep.equal([]);
    expect(() => Journal.begin(Journal.place(HERE.endpoint), HERE.endpoint, null)).to.throw(
      'is not a directory of this user alone',
    );
    chmodSync(join(runtime, 'pagewalk'), 0o700);
    left(['no plan', { directory: { path: '/', room: '../etc' } }]);
    expect(findLeftJournals(HERE)).to.deep.equal([]);
  });
});
