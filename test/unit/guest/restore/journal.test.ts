import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { lifeOf } from '../../../../src/guest/peer/process-life.ts';
import {
  claimJournal,
  findLeftJournals,
  Journal,
  noteLeft,
  removeJournal,
} from '../../../../src/guest/restore/journal.ts';
import { printOf } from '../../../../src/guest/restore/register-prints.ts';
import { restoreGuest } from '../../../../src/guest/restore/restore-guest.ts';
import type { RestorePlan } from '../../../../src/guest/restore/restore-plan.ts';
import { openBelow } from '../../../support/host/open-below.ts';

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
    expect(openBelow(runtime), 'what was opened is closed').to.deep.equal([]);
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

  const folder = (): string => join(runtime, 'pagewalk');

  it('has all that a plan says, and nothing else', () => {
    const plan: RestorePlan = {
      qmp: 'unix:/run/vm.qmp',
      qmpFile: '1:2',
      stub: 'unix:/run/vm.gdb',
      stubFile: '1:3',
      resume: false,
      registers: { 0: 'a', 1: 'b' },
      ungreeted: true,
      ownStub: true,
      handed: 'pagewalk-0123abcd',
      handedStub: true,
      directory: { path: '/tmp/pagewalk-x', room: 'a_b-c', inQemu: '/tmp/x' },
    };
    const file = left([{ ...plan, late: 1, other: 2 }]);
    expect(findLeftJournals(HERE)).to.deep.equal([
      {
        file,
        head: { version: 1, client: DEAD, since: '2026-01-01T00:00:00.000Z', ...HERE },
        plan,
      },
    ]);
    left([]);
    expect(
      findLeftJournals(HERE).map((each) => each.plan),
      'begun, and no more',
    ).to.deep.equal([{}]);
  });

  it('is none where anything in it is not as it should be', () => {
    const client = { ...DEAD, startTime: null };
    for (const head of [
      { version: 2 },
      { client: { ...DEAD, pid: 0 } },
      { client: { ...DEAD, pid: 1.5 } },
      { since: 1 },
      { endpoint: null },
      { qemu: { pid: 1 } },
    ]) {
      left([PLAN], 'a-1-1.journal', head);
      expect(findLeftJournals(HERE), JSON.stringify(head)).to.deep.equal([]);
    }
    left([PLAN], 'a-1-1.journal', { client });
    expect(findLeftJournals(HERE), 'a process that has no start').to.have.lengthOf(1);
    for (const plan of [
      { handed: 'pagewalk-0123abcd0' },
      { handed: 'other-0123abcd' },
      { resume: 1 },
      { registers: { 0: 1 } },
      { directory: { path: '/tmp/x' } },
      { directory: { path: '/tmp/x', room: '..' } },
      { directory: { path: '/tmp/x', room: '' } },
    ]) {
      left([plan]);
      expect(findLeftJournals(HERE), JSON.stringify(plan)).to.deep.equal([]);
    }
  });

  it('is read to four megabytes, and no further', () => {
    const most = 4 * 1024 * 1024;
    const file = left([PLAN]);
    const rest = most - statSync(file).size;
    const filler = (bytes: number): string => `${JSON.stringify({ qmp: 'x'.repeat(bytes - '{"qmp":""}\n'.length) })}\n`;
    appendFileSync(file, filler(rest));
    expect(statSync(file).size).to.equal(most);
    expect(findLeftJournals(HERE)).to.have.lengthOf(1);
    writeFileSync(file, '');
    left([PLAN]);
    appendFileSync(file, filler(rest + 1));
    expect(findLeftJournals(HERE)).to.deep.equal([]);
  });

  it('is a file of its own, and of this user', () => {
    const file = left([PLAN]);
    const away = join(runtime, 'away');
    renameSync(file, away);
    symlinkSync(away, file);
    expect(findLeftJournals(HERE), 'a link').to.deep.equal([]);
    unlinkSync(file);
    mkdirSync(file);
    expect(findLeftJournals(HERE), 'a folder').to.deep.equal([]);
    rmdirSync(file);
    spawnSync('mkfifo', [file]);
    expect(findLeftJournals(HERE), 'a pipe').to.deep.equal([]);
    unlinkSync(file);
    renameSync(away, file);
    expect(findLeftJournals(HERE)).to.have.lengthOf(1);
    if (process.getuid?.() !== 0) return;
    lchownSync(file, 1, -1);
    expect(findLeftJournals(HERE), "another user's").to.deep.equal([]);
    lchownSync(folder(), 1, -1);
    expect(findLeftJournals(HERE), "in another user's folder").to.deep.equal([]);
  });

  it('is looked for among those that have its name', () => {
    left([PLAN], 'other');
    expect(findLeftJournals(HERE)).to.deep.equal([]);
    left([PLAN], 'a-1-1.journal');
    left([PLAN], 'b-1-1.journal');
    expect(findLeftJournals(HERE)).to.have.lengthOf(2);
    rmSync(folder(), { recursive: true });
    expect(findLeftJournals(HERE)).to.deep.equal([]);
  });

  it('of a client that lives is not found, nor one that a process has claimed that lives', () => {
    left([PLAN], 'a-1-1.journal', { client: lifeOf(process.ppid) });
    expect(findLeftJournals(HERE)).to.deep.equal([]);
    rmSync(folder(), { recursive: true });
    const claimed = left([PLAN], `a-1-1.journal.${process.ppid}`);
    expect(findLeftJournals(HERE)).to.deep.equal([]);
    unlinkSync(claimed);
    for (const pid of [process.pid, DEAD.pid, 0, 'x']) left([PLAN], `a-1-${pid}.journal.${pid}`);
    expect(findLeftJournals(HERE), 'claimed by us, by one that is dead, or by none').to.have.lengthOf(4);
  });

  it('that was not whole yet counts for nothing, and goes', () => {
    const whole = left([PLAN]);
    const unfinished = left([PLAN], 'a-1-1.journal.new');
    expect(findLeftJournals(HERE).map(({ file }) => file)).to.deep.equal([whole]);
    expect(readdirSync(folder())).to.deep.equal(['a-1-1.journal']);
    expect(existsSync(unfinished)).to.equal(false);
  });

  it('of a QEMU that is gone goes with the directory that they shared', () => {
    const directory = { path: join(runtime, 'pagewalk-x'), room: 'room' };
    mkdirSync(join(directory.path, 'room'), { recursive: true });
    left([{ ...PLAN, directory }], 'a-1-1.journal', { qemu: lifeOf(process.pid) });
    left([{ ...PLAN, directory }], 'a-1-2.journal.new');
    expect(findLeftJournals({ ...HERE, qemu: { pid: 1, startTime: '0' } })).to.deep.equal([]);
    expect(existsSync(directory.path), 'that of another guest, which runs').to.equal(true);
    left([{ ...PLAN, directory }], 'b-1-1.journal', { qemu: DEAD });
    findLeftJournals(HERE);
    expect(existsSync(directory.path)).to.equal(false);
    expect(readdirSync(folder())).to.deep.equal(['a-1-1.journal']);
  });

  it('is of the QEMU whose number and start it has, and of the endpoint where one of both is not known', () => {
    const qemu = lifeOf(process.pid);
    left([PLAN], 'a-1-1.journal', { qemu });
    const other = 'unix:/run/other.qmp';
    const found = (endpoint: string, of: typeof qemu | null) => findLeftJournals({ endpoint, qemu: of }).length;
    expect(found(other, qemu)).to.equal(1);
    expect(found(HERE.endpoint, { ...qemu, pid: 1 })).to.equal(0);
    expect(found(HERE.endpoint, { ...qemu, startTime: '0' })).to.equal(0);
    expect(found(HERE.endpoint, null)).to.equal(1);
    expect(found(other, null)).to.equal(0);
    left([PLAN], 'a-1-1.journal');
    expect(found(HERE.endpoint, qemu)).to.equal(1);
    expect(found(other, qemu)).to.equal(0);
  });

  it('is claimed under the name of who claims it, and goes on there', () => {
    left([PLAN]);
    const [found] = findLeftJournals(HERE);
    const claimed = found && claimJournal(found);
    const file = join(folder(), `a-1-1.journal.${process.pid}`);
    expect(claimed).to.deep.equal({ ...found, file });
    noteLeft(file, { ...PLAN, ownStub: true, journal: file });
    const [again] = findLeftJournals(HERE);
    expect(again).to.deep.equal({ ...found, file, plan: { ...PLAN, ownStub: true } });
    expect(again && claimJournal(again), 'by the same').to.deep.equal(again);
    expect(() => noteLeft(join(folder(), 'none'), PLAN)).to.throw('ENOENT');
    expect(existsSync(join(folder(), 'none'))).to.equal(false);
    symlinkSync(file, join(folder(), 'link'));
    expect(() => noteLeft(join(folder(), 'link'), PLAN)).to.throw('ELOOP');
    removeJournal(join(folder(), 'link'));
    removeJournal(file);
    expect(readdirSync(runtime)).to.deep.equal([]);
  });

  it('has a place by its endpoint, its client and their number', () => {
    const first = Journal.place(HERE.endpoint);
    const [, number = ''] = /-(\d+)\.journal$/.exec(first) ?? [];
    expect(first).to.equal(join(folder(), `${printOf(HERE.endpoint)}-${process.pid}-${number}.journal`));
    expect(Journal.place('unix:/run/other')).to.equal(
      join(folder(), `${printOf('unix:/run/other')}-${process.pid}-${Number(number) + 1}.journal`),
    );
    process.env['XDG_RUNTIME_DIR'] = join(runtime, 'absent');
    const elsewhere = dirname(Journal.place(HERE.endpoint));
    const uid = process.getuid?.();
    expect(elsewhere).to.equal(uid === 0 ? '/run/pagewalk' : join(tmpdir(), `pagewalk-${uid}`));
    process.env['XDG_RUNTIME_DIR'] = 'relative';
    expect(dirname(Journal.place(HERE.endpoint))).to.equal(elsewhere);
    delete process.env['XDG_RUNTIME_DIR'];
    expect(dirname(Journal.place(HERE.endpoint))).to.equal(elsewhere);
  });

  it('has no place in a folder that is not of this user alone', () => {
    mkdirSync(folder(), { mode: 0o700 });
    for (const mode of [0o701, 0o710]) {
      chmodSync(folder(), mode);
      expect(() => Journal.place(HERE.endpoint)).to.throw(`${folder()} is not a directory of this user alone`);
    }
    rmdirSync(folder());
    writeFileSync(folder(), '', { mode: 0o600 });
    expect(() => Journal.place(HERE.endpoint)).to.throw('is not a directory of this user alone');
    expect(() => Journal.begin(join(folder(), 'a.journal'), HERE.endpoint, null)).to.throw(
      'is not a directory of this user alone',
    );
    unlinkSync(folder());
    expect(() => Journal.begin(join(runtime, 'no', 'such', 'folder'), HERE.endpoint, null)).to.throw('ENOENT');
  });

  it('is begun once, and says by whom', () => {
    const file = Journal.place(HERE.endpoint);
    const qemu = { pid: 7, startTime: '8' };
    const journal = Journal.begin(file, HERE.endpoint, qemu);
    const { since, ...head } = JSON.parse(readFileSync(file, 'utf8'));
    expect(head).to.deep.equal({ version: 1, client: lifeOf(process.pid), endpoint: HERE.endpoint, qemu });
    expect(since).to.equal(new Date(since).toISOString());
    expect(() => Journal.begin(file, HERE.endpoint, qemu)).to.throw('EEXIST');
    journal.leave();
    expect(existsSync(file), 'it stays').to.equal(true);
    expect(() => journal.write(PLAN), 'and is written no more').to.throw('EBADF');
  });

  it('is begun anew once it is longer than a quarter of a megabyte, with the same head', () => {
    const bound = 256 * 1024;
    const journal = Journal.begin(Journal.place(HERE.endpoint), HERE.endpoint, null);
    const head = readFileSync(journal.file, 'utf8');
    const filler = { qmp: 'x'.repeat(bound - head.length - '{"qmp":""}\n'.length) };
    journal.write(filler);
    expect(statSync(journal.file).size).to.equal(bound);
    journal.write(PLAN);
    expect(readFileSync(journal.file, 'utf8')).to.equal(`${head}${JSON.stringify(filler)}\n${JSON.stringify(PLAN)}\n`);
    journal.write({ ...PLAN, journal: journal.file, resume: false });
    const anew = `${head}${JSON.stringify({ ...PLAN, resume: false })}\n`;
    expect(readFileSync(journal.file, 'utf8')).to.equal(anew);
    expect(statSync(journal.file).mode & 0o777).to.equal(0o600);
    expect(readdirSync(folder())).to.have.lengthOf(1);
    journal.write(PLAN);
    expect(readFileSync(journal.file, 'utf8')).to.equal(`${anew}${JSON.stringify(PLAN)}\n`);
    journal.end();
  });
});
