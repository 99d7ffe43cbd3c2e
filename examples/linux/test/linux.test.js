import assert from 'node:assert/strict';
import * as hooks from 'node:test';
import {
  expectDirty,
  expectFault,
  expectMapped,
  expectNoWritableExecutable,
  launchGuest,
  sharedGuest,
} from 'pagewalk/testing';

// KERNEL is any x86_64 Linux; INITRD an initramfs with busybox at /bin/busybox. `scripts/linux-guest.sh DIR` of pagewalk makes both of
// Debian's packages.
const { KERNEL = 'vmlinuz', INITRD = 'initramfs' } = process.env;

const shared = sharedGuest(
  async (signal) => {
    const guest = await launchGuest({
      kernel: KERNEL,
      initrd: INITRD,
      append: 'console=ttyS0 quiet panic=-1 pti=on rdinit=/bin/busybox -- sh',
      cpu: 'max,la57=off',
      memory: '512M',
      serial: true,
      ready: /[#$] $/,
      failOn: /Kernel panic/,
      readyTimeoutMs: 240_000,
      signal,
    });
    await guest.shell('/bin/busybox mkdir -p /proc; /bin/busybox mount -t proc proc /proc');
    return guest;
  },
  { restore: 'each', hooks },
);

hooks.test('the shell answers', async () => {
  const { output, status } = await shared.guest.shell('/bin/busybox cat /proc/cmdline');
  assert.equal(status, 0);
  assert.match(output, /pti=on/);
});

hooks.test('nothing in the kernel half is writable and executable after boot', async () => {
  expectNoWritableExecutable(await shared.guest.map({ first: 0xffff_8000_0000_0000n }));
});

hooks.test('code of the kernel is not in the table that users run on', async () => {
  await shared.guest.whilePaused(async (paused) => {
    const linux = await paused.linux();
    const [code] = linux.symbols.find('do_exit');
    const shell = await linux.process(1);
    assert.ok(code);
    assert.ok(shell.userCr3, 'page-table isolation is on');
    expectMapped(await paused.translate(code.address, { exec: true }), { rights: 'r-x-' });
    expectFault(await paused.translate(code.address, { exec: true }, { cr3: shell.userCr3 }), { fault: 'NOT_PRESENT' });
  });
});

hooks.test('a system call stops at the function that makes it', async () => {
  const address = await shared.guest.whilePaused(async (paused) => {
    const [found] = (await paused.linux()).symbols.find('__x64_sys_sync', 'ksys_sync');
    return found.address;
  });
  const stop = await shared.guest.runUntil(address, { while: () => shared.guest.shell('/bin/busybox sync') });
  assert.equal(stop.registers.rip, address);
  await shared.guest.resume();
});

hooks.test('a page that the shell has written is dirty', async () => {
  await shared.guest.whilePaused(async (paused) => {
    const shell = await (await paused.linux()).process(1);
    const map = await paused.map({ cr3: shell.cr3, last: 0x7fff_ffff_ffffn });
    const written = map.ranges.find(
      ({ rights, dirty, leafCount }) => rights.write && rights.user && dirty === leafCount,
    );
    assert.ok(written);
    expectDirty(await paused.translate(written.first, { user: true, write: true }, { cr3: shell.cr3 }));
  });
});
