import { expect, use } from 'chai';
import { launchGuest, sharedGuest } from 'pagewalk/testing';
import pagewalkChai from 'pagewalk/testing/chai';

use(pagewalkChai);

// Where things lie: the kernel's source says it.
const TEXT = 0x100000n;
const DATA = 0x102000n;
const GUARD = 0x103000n;
const STACK = 0x104000n;
const USERS = 0x105000n;

describe('the toy kernel', () => {
  const shared = sharedGuest(
    (signal) =>
      launchGuest({
        kernel: 'kernel.bin',
        // `TOY=+wx npm test` breaks it, to see what a failure looks like.
        append: process.env.TOY,
        memory: '64M',
        ready: /ready/,
        artifacts: 'out',
        signal,
      }),
    { restore: 'each' },
  );

  it('has nothing that is writable and executable', async () => {
    expect(await shared.guest.map()).to.have.no.writableExecutable();
  });

  it('has code that is not written, and data that is not executed', async () => {
    await expect(shared.guest)
      .to.map(TEXT, { access: { exec: true } })
      .as('r-x-');
    expect(await shared.guest.translate(TEXT, { write: true }))
      .to.fault('PRIVILEGE_VIOLATION')
      .at('PTE')
      .with.errorCode(3);
    expect(await shared.guest.translate(DATA, { exec: true }))
      .to.fault('PRIVILEGE_VIOLATION')
      .at('PTE')
      .with.errorCode(0x11);
  });

  it('has a guard page below its stack', async () => {
    await expect(shared.guest).to.map(STACK).as('rw--');
    expect(await shared.guest.translate(GUARD, { write: true }))
      .to.fault('NOT_PRESENT')
      .at('PTE');
  });

  it('lets users see their page, and nothing else', async () => {
    await expect(shared.guest)
      .to.map(USERS, { access: { user: true } })
      .as('rw-u');
    expect(await shared.guest.map({ first: TEXT, last: STACK + 0xfffn })).to.have.no.userAccessible();
  });

  it('sets A and D by a store, and A alone by a load', async () => {
    expect(await shared.guest.translate(DATA)).to.be.accessed.and.dirty;
    expect(await shared.guest.translate(USERS)).to.be.accessed;
    expect(await shared.guest.translate(USERS)).not.to.be.dirty;
  });

  it('counts in its data page', async () => {
    const count = () =>
      shared.guest.whilePaused(async (paused) =>
        new DataView((await paused.readVirtual(DATA + 8n, 8)).buffer).getBigUint64(0, true),
      );
    const before = await count();
    await shared.guest.console.expect(/tick/, { fromNow: true });
    expect((await count()) > before).to.equal(true);
  });
});
