import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  PrivateDirectory,
  planPrivateDirectory,
  removePrivateDirectory,
} from '../../../../src/guest/restore/private-directory.ts';

describe('the directory that QEMU and the client share', () => {
  let directory: PrivateDirectory;
  let elsewhere: string;
  let file: string;

  beforeEach(async () => {
    directory = PrivateDirectory.make(planPrivateDirectory(), undefined);
    elsewhere = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    file = directory.pathOf('device-state');
  });

  afterEach(async () => {
    directory.remove();
    await rm(elsewhere, { recursive: true });
    await rm(directory.plan.path, { recursive: true, force: true });
  });

  it('is two deep, and of this user alone', () => {
    for (const path of [directory.plan.path, dirname(file)]) expect(statSync(path).mode & 0o777).to.equal(0o700);
    expect(dirname(dirname(file))).to.equal(directory.plan.path);
  });

  it('is in our temporary folder for a QEMU that sees it there', () => {
    expect(planPrivateDirectory(process.pid)).to.not.have.property('inQemu');
  });

  it('is refused, with what to do, where no stub can listen in the temporary folder', () => {
    const { TMPDIR } = process.env;
    try {
      process.env['TMPDIR'] = `/tmp/${'x'.repeat(90)}`;
      expect(() => planPrivateDirectory()).to.throw(
        /^the temporary folder \/tmp\/x+ has too long a name for a socket \(\d+ bytes, 107 are possible\): set TMPDIR to a shorter one$/,
      );
      const socketIn = (folder: string): number => {
        process.env['TMPDIR'] = folder;
        const { path, room } = planPrivateDirectory();
        return join(path, room, 'gdb').length;
      };
      const rest = socketIn('/tmp') - '/tmp'.length;
      expect(socketIn(`/${'x'.repeat(106 - rest)}`)).to.equal(107);
      expect(() => socketIn(`/${'x'.repeat(107 - rest)}`)).to.throw('(108 bytes, 107 are possible)');
      process.env['TMPDIR'] = '/tmp/two\nlines';
      expect(() => planPrivateDirectory()).to.throw(
        'has control characters, which the monitor does not take: set TMPDIR',
      );
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
  });

  it('gives a regular file', () => {
    writeFileSync(file, 'state');
    expect(directory.read('device-state').toString()).to.equal('state');
  });

  it('follows no link, waits for no pipe, and takes no file that has another name too', () => {
    const secret = join(elsewhere, 'secret');
    writeFileSync(secret, 'secret');
    symlinkSync(secret, file);
    expect(() => directory.read('device-state'), 'a link').to.throw(/ELOOP/);
    directory.unlink('device-state');
    expect(existsSync(secret)).to.equal(true);
    linkSync(secret, file);
    expect(() => directory.read('device-state'), 'a second name').to.throw('is not the file');
    directory.unlink('device-state');
    execFileSync('mkfifo', [file]);
    expect(() => directory.read('device-state'), 'a pipe').to.throw('no regular file');
  });

  it('takes no file that is larger than any device state', () => {
    writeFileSync(file, '');
    truncateSync(file, 1024 ** 4);
    expect(() => directory.read('device-state')).to.throw('which no device state has');
  });

  it('goes with what it is for, and what its other owner has put there stays, wherever it leads', async () => {
    writeFileSync(join(elsewhere, 'precious'), '');
    const room = dirname(file);
    symlinkSync(elsewhere, join(room, 'link'));
    mkdirSync(join(room, 'gdb'));
    directory.remove();
    expect(await readdir(elsewhere)).to.deep.equal(['precious']);
    expect(await readdir(room)).to.have.members(['gdb', 'link']);
  });

  it('is gone after its removal, which may be repeated', () => {
    writeFileSync(file, '');
    writeFileSync(directory.pathOf('gdb'), '');
    directory.remove();
    expect(existsSync(directory.plan.path)).to.equal(false);
    removePrivateDirectory(directory.plan);
  });

  for (const swapped of ['tmp', 'tmp/pagewalk-x', 'tmp/pagewalk-x/room']) {
    it(`in a root that is not ours leads nowhere else, whatever its owner puts in the place of ${swapped}`, async () => {
      const root = await mkdtemp(join(elsewhere, 'root-'));
      mkdirSync(join(root, 'tmp'));
      const plan = { path: `${root}/tmp/pagewalk-x`, room: 'room', inQemu: '/tmp/pagewalk-x' };
      const held = PrivateDirectory.make(plan, undefined);
      writeFileSync(held.pathOf('device-state'), 'state');
      expect(held.read('device-state').toString()).to.equal('state');
      // All that is looked for, in a place that is not QEMU's.
      const precious = join(elsewhere, 'tmp', 'pagewalk-x', 'room');
      mkdirSync(precious, { recursive: true });
      for (const name of ['device-state', 'gdb']) writeFileSync(join(precious, name), 'secret');
      renameSync(join(root, swapped), join(root, 'away'));
      symlinkSync(join(elsewhere, swapped), join(root, swapped));
      expect(() => held.read('device-state')).to.throw(/ELOOP|ENOTDIR/);
      held.remove();
      expect(await readdir(precious)).to.have.members(['device-state', 'gdb']);
      expect(() => PrivateDirectory.make({ ...plan, room: 'more' }, undefined)).to.throw();
      expect(existsSync(join(elsewhere, 'tmp', 'pagewalk-x', 'more'))).to.equal(false);
    });
  }

  it('is not made over one that is there already', () => {
    expect(() => PrivateDirectory.make(directory.plan, undefined)).to.throw(/EEXIST/);
    expect(existsSync(dirname(file)), 'nor is that removed').to.equal(true);
  });
});
