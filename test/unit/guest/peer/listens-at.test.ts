import { linkSync, symlinkSync, unlinkSync } from 'node:fs';
import { expect } from 'chai';
import { identifySocket, parseEndpoint } from '../../../../protocols/transport/internal.ts';
import {
  findListener,
  findListenerOf,
  findOtherListener,
  isSocketIdle,
  listensAt,
} from '../../../../src/guest/peer/listens-at.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';
import { OpenSockets, portOf } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const OWN = process.getuid?.() ?? 0;
/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;
const unix = (path: string) => parseEndpoint(`unix:${path}`);
const tcp = (port: number) => parseEndpoint(`tcp:127.0.0.1:${port}`);

describe('who listens at an endpoint of this host', () => {
  const scratch = useScratchDirectory();

  it('is the process that has its socket open, with which file that is', async () => {
    const path = scratch('stub');
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const port = portOf(await open.listen({ host: '127.0.0.1', port: 0 }));
    await using other = await QemuLookAlike.start(scratch('my-qemu'));
    const file = identifySocket(path).identity;
    expect(findListener(process.pid, unix(path))).to.deep.equal({ file });
    expect(findListener(process.pid, tcp(port))).to.deep.equal({});
    for (const pid of [other.pid, NO_PID]) {
      expect(findListener(pid, unix(path))).to.equal(undefined);
      expect(findListener(pid, tcp(port))).to.equal(undefined);
    }
    expect([listensAt(process.pid, unix(path)), listensAt(other.pid, unix(path))]).to.deep.equal([true, false]);
    expect(findListener(process.pid, tcp(1))).to.equal(undefined);
    expect(findListener(process.pid, unix(scratch('nothing')))).to.equal(undefined);
    expect(findListener(process.pid, parseEndpoint('exec:true'))).to.equal(undefined);
    {
      await using sharing = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server] });
      expect(findListener(sharing.pid, unix(path))).to.deep.equal({ file });
      expect(findOtherListener(process.pid, unix(path))).to.equal(sharing.pid);
      expect(findOtherListener(sharing.pid, unix(path))).to.equal(undefined);
    }
    expect(findOtherListener(process.pid, unix(path))).to.equal(undefined);
    using clock = new FakeClock();
    clock.stepMs = 1001;
    expect(findListener(process.pid, unix(path)), 'not in time').to.equal(undefined);
  });

  it('is none whose connection alone bears the name', async () => {
    const path = scratch('accepted');
    await using open = new OpenSockets();
    const { accepted } = await open.connect(await open.listen(path));
    await using other = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [accepted] });
    expect(findListener(other.pid, unix(path))).to.equal(undefined);
  });

  it('is none where another socket has the name, too, or something else lies there', async () => {
    const path = scratch('replaced');
    await using open = new OpenSockets();
    const first = await open.listen(path);
    await using other = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [first] });
    expect(listensAt(other.pid, unix(path))).to.equal(true);
    unlinkSync(path);
    expect(findListener(other.pid, unix(path)), 'no file').to.equal(undefined);
    await open.listen(path);
    expect(findListener(other.pid, unix(path)), 'two sockets').to.equal(undefined);
    const elsewhere = scratch('elsewhere');
    await open.listen(elsewhere);
    linkSync(elsewhere, scratch('second-name'));
    expect(findListener(process.pid, unix(elsewhere)), 'a second name').to.equal(undefined);
  });

  it('is by port every socket of that port', async () => {
    await using open = new OpenSockets();
    const first = await open.listen({ host: '127.0.0.1', port: 0 });
    const port = portOf(first);
    await open.listen({ host: '127.0.0.2', port });
    await using other = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [first] });
    expect(findListener(other.pid, tcp(port))).to.equal(undefined);
    expect(findListener(process.pid, tcp(port))).to.deep.equal({});
  });

  it('belongs to a user, where that is all that can be known', async () => {
    const path = scratch('of-user');
    await using open = new OpenSockets();
    await open.listen(path);
    const port = portOf(await open.listen({ host: '127.0.0.1', port: 0 }));
    symlinkSync(path, scratch('link'));
    const file = identifySocket(path).identity;
    expect(findListenerOf(OWN, unix(path))).to.deep.equal({ file });
    expect(findListenerOf(OWN, unix(scratch('link')))).to.deep.equal({ file });
    expect(findListenerOf(OWN, tcp(port))).to.deep.equal({});
    expect(findListenerOf(OWN + 1, unix(path))).to.equal(undefined);
    expect(findListenerOf(OWN + 1, tcp(port))).to.equal(undefined);
    expect(findListenerOf(OWN, unix(scratch('nothing')))).to.equal(undefined);
    expect(findListenerOf(OWN, tcp(1))).to.equal(undefined);
    expect(findListenerOf(OWN, parseEndpoint('exec:true'))).to.equal(undefined);
  });
});

describe('whether a socket of this host is idle', () => {
  const scratch = useScratchDirectory();

  it('is told by whom it serves', async () => {
    const path = scratch('idle');
    await using open = new OpenSockets();
    const server = await open.listen(path);
    expect(isSocketIdle(`unix:${path}`)).to.equal(true);
    expect(isSocketIdle(`unix:${scratch('nothing')}`)).to.equal(false);
    expect(isSocketIdle(`tcp:127.0.0.1:${portOf(await open.listen({ host: '127.0.0.1', port: 0 }))}`)).to.equal(
      undefined,
    );
    await open.connect(server);
    expect(isSocketIdle(`unix:${path}`)).to.equal(false);
  });
});
