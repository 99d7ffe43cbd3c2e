import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { identifySocket } from '../../../../protocols/transport/internal.ts';
import {
  connectStub,
  PrivateDirectory,
  planBesideSocket,
  planPrivateDirectory,
  removePrivateDirectory,
  whereIs,
} from '../../../../src/guest/restore/private-directory.ts';
import { openBelow } from '../../../support/host/open-below.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';

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
    expect(openBelow(directory.plan.path, elsewhere), 'what is held is let go').to.deep.equal([]);
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

  it('is named as QEMU names it where that has another root', () => {
    const plan = { path: '/proc/7/root/tmp/pagewalk-x', room: 'room', inQemu: '/tmp/pagewalk-x' };
    expect(whereIs(plan)).to.equal("/tmp of QEMU's own root");
    expect(whereIs({ path: '/tmp/pagewalk-x', room: 'room' })).to.equal('/tmp');
    expect(directory.pathInQemu('gdb')).to.equal(directory.pathOf('gdb'));
    expect(directory.pathOf('gdb')).to.equal(join(directory.plan.path, directory.plan.room, 'gdb'));
    const there = { path: `${elsewhere}/tmp-x`, room: 'room', inQemu: '/tmp-x' };
    const held = PrivateDirectory.make(there, undefined);
    expect(held.pathInQemu('device-state')).to.equal('/tmp-x/room/device-state');
    expect(held.pathOf('device-state')).to.equal(`${elsewhere}/tmp-x/room/device-state`);
    held.remove();
    expect(existsSync(there.path)).to.equal(false);
  });

  it('has names that are not guessed, and is ours where the root of QEMU is not seen', () => {
    const [one, two] = [planPrivateDirectory(), planPrivateDirectory(2 ** 22 + 1)];
    for (const { path, room } of [one, two]) {
      expect(dirname(path)).to.equal(tmpdir());
      expect(basename(path)).to.match(/^pagewalk-[\w-]{8}$/);
      expect(room).to.match(/^[\w-]{8}$/);
    }
    expect(new Set([basename(one.path), one.room, basename(two.path), two.room]).size).to.equal(4);
    expect(two).to.not.have.property('inQemu');
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = join(elsewhere, 'absent');
    try {
      expect(planPrivateDirectory(process.pid).path, 'a mistake to be told').to.match(/absent\/pagewalk-/);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
  });

  it('is taken back where it cannot be made whole', () => {
    const plan = { path: join(elsewhere, 'pagewalk-x'), room: 'no/such' };
    expect(() => PrivateDirectory.make(plan, undefined)).to.throw('ENOENT');
    expect(existsSync(plan.path)).to.equal(false);
  });

  it('has an inner one of the user of QEMU, through whose outer one that may go', function () {
    const modeOf = (path: string): number => statSync(path).mode & 0o777;
    const plan = { path: join(elsewhere, 'pagewalk-x'), room: 'room' };
    const own = PrivateDirectory.make(plan, process.getuid?.());
    expect([modeOf(plan.path), modeOf(join(plan.path, 'room'))]).to.deep.equal([0o700, 0o700]);
    own.remove();
    if (process.getuid?.() !== 0) return this.skip();
    PrivateDirectory.make(plan, 65_534);
    expect([modeOf(plan.path), modeOf(join(plan.path, 'room'))]).to.deep.equal([0o711, 0o700]);
    expect(statSync(plan.path).uid).to.equal(0);
    expect(statSync(join(plan.path, 'room')).uid).to.equal(65_534);
    expect(statSync(join(plan.path, 'room')).gid, 'its group stays').to.equal(statSync(plan.path).gid);
  });

  it('says what is wrong with a file', () => {
    writeFileSync(file, '');
    truncateSync(file, 256 * 1024 * 1024 + 1);
    expect(() => directory.read('device-state')).to.throw(`${file} has 268435457 bytes, which no device state has`);
    truncateSync(file, 3);
    expect(directory.read('device-state')).to.deep.equal(Buffer.alloc(3));
    linkSync(file, join(elsewhere, 'second'));
    expect(() => directory.read('device-state')).to.throw(`${file} is not the file that QEMU was asked to write`);
    directory.unlink('device-state');
    expect(() => directory.read('device-state')).to.throw('ENOENT');
    directory.unlink('device-state');
    mkdirSync(file);
    expect(() => directory.read('device-state')).to.throw(`${file} is no regular file`);
    rmdirSync(file);
  });

  describe('beside the socket of a monitor', () => {
    const folderOf = (path: string): string | undefined => {
      const plan = planBesideSocket(path);
      if (plan !== undefined) expect(plan).to.not.have.property('inQemu');
      return plan && dirname(plan.path);
    };

    it('is where no other user can put something else in the place of that folder', () => {
      const folder = join(elsewhere, 'a', 'b');
      mkdirSync(folder, { recursive: true });
      const socket = join(folder, 'vm.qmp');
      expect(folderOf(socket)).to.equal(folder);
      expect(planBesideSocket(socket)?.path).to.match(/\/pagewalk-[\w-]{8}$/);
      expect(folderOf(relative(process.cwd(), socket))).to.equal(folder);
      symlinkSync(folder, join(elsewhere, 'link'));
      expect(folderOf(join(elsewhere, 'link', 'vm.qmp'))).to.equal(join(elsewhere, 'link'));
      for (const changed of [folder, join(elsewhere, 'a')]) {
        for (const mode of [0o777, 0o775, 0o757]) {
          chmodSync(changed, mode);
          expect(folderOf(socket), `${changed} ${mode}`).to.equal(undefined);
        }
        for (const mode of [0o1777, 0o755]) {
          chmodSync(changed, mode);
          expect(folderOf(socket), `${changed} ${mode}`).to.equal(folder);
        }
      }
      expect(folderOf(join(elsewhere, 'absent', 'vm.qmp'))).to.equal(undefined);
      if (process.getuid?.() !== 0) return;
      chownSync(join(elsewhere, 'a'), 1, 1);
      expect(folderOf(socket), "another user's").to.equal(undefined);
    });

    it('is refused where no stub can listen, with what to do', () => {
      const long = join(elsewhere, 'x'.repeat(100));
      mkdirSync(long);
      expect(() => planBesideSocket(join(long, 'vm.qmp')))
        .to.throw(
          `the folder ${long} has too long a name for a socket (${long.length + '/pagewalk-12345678/12345678/gdb'.length} bytes, 107 are possible): name the socket by a shorter one`,
        )
        .with.property('code', 'ERR_GUEST_USAGE');
      const odd = join(elsewhere, 'a\u007fb');
      mkdirSync(odd);
      expect(() => planBesideSocket(join(odd, 'vm.qmp'))).to.throw(
        'the name of the folder has control characters, which the monitor does not take: name the socket by another one',
      );
    });
  });

  describe('with the stub of a QEMU in it', () => {
    async function connectTo(endpoint: string, known: Parameters<typeof connectStub>[1]): Promise<string> {
      try {
        await (await connectStub(endpoint, known, 2000)).close();
        return 'connected';
      } catch (error) {
        return (error as Error).message;
      }
    }

    it('is connected to, and nothing else that lies there', async () => {
      await using open = new OpenSockets();
      const path = directory.pathOf('gdb');
      const { plan } = directory;
      await open.listen(path);
      expect(await connectTo(`unix:${path}`, { directory: plan })).to.equal('connected');
      expect(await connectTo(path, { directory: plan })).to.equal('connected');
      linkSync(path, join(elsewhere, 'second'));
      expect(await connectTo(`unix:${path}`, { directory: plan })).to.include(
        `${path} is not the socket that QEMU was asked to make`,
      );
      expect(await connectTo(`unix:${join(elsewhere, 'second')}`, { directory: plan }), 'no private one').to.equal(
        'connected',
      );
      unlinkSync(path);
      symlinkSync(join(elsewhere, 'second'), path);
      expect(await connectTo(`unix:${path}`, { directory: plan })).to.include('is not the socket');
      expect(await connectTo(`unix:${path}`, {}), 'of another').to.equal('connected');
      unlinkSync(path);
      writeFileSync(path, '');
      expect(await connectTo(`unix:${path}`, { directory: plan })).to.include('is not the socket');
    });

    it('is known by its file elsewhere', async () => {
      await using open = new OpenSockets();
      const path = join(elsewhere, 'gdb');
      await open.listen(path);
      const stubFile = identifySocket(path).identity;
      expect(await connectTo(`unix:${path}`, { stubFile })).to.equal('connected');
      expect(await connectTo(`unix:${path}`, { stubFile, directory: directory.plan })).to.equal('connected');
      expect(await connectTo(`unix:${path}`, { stubFile: '0:0' })).to.include('is another socket than before');
    });
  });
});
