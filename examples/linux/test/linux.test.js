import assert from 'node:assert/strict';
import * as hooks from 'node:test';
import {
  expectAccessed,
  expectDirty,
  expectFault,
  expectMapped,
  expectNoWritableExecutable,
  launchGuest,
  sharedGuest,
} from 'pagewalk/testing';

const { test } = hooks;

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
    await guest.shell('/bin/busybox --install -s /bin; mkdir -p /proc; mount -t proc proc /proc');
    return guest;
  },
  { restore: 'each', hooks },
);

const KERNEL_HALF = 0xffff_8000_0000_0000n;
const asUser = { user: true };

/** Code of the kernel, the shell, and the shell's stack. */
async function lookAround(paused) {
  const linux = await paused.linux();
  const shell = await linux.process(1);
  const stack = (await linux.areas(shell)).find(({ kind }) => kind === 'stack');
  return { code: (await linux.findSymbol('do_exit')).address, shell, stack };
}

/** Stops in a system call of the shell, where A and D of the page of its buffer are clear, and the next run ends with the call. */
async function inCall(symbol, command, use) {
  await shared.guest.runUntil(symbol, { while: () => shared.guest.shell(command) });
  await shared.guest.whilePaused(async (paused) => {
    const { rdi, rsp } = await paused.registers();
    const buffer = await paused.readU64(rdi + 104n); // `si` of struct pt_regs
    await paused.clearUsage(buffer);
    paused.breakpoint(await paused.readU64(rsp));
    await use(paused, buffer);
  });
}

test('nothing in the kernel half is writable and executable', async () => {
  expectNoWritableExecutable(await shared.guest.map({ first: KERNEL_HALF, process: 1 }));
});

test('the table that users run on does not map code of the kernel', () =>
  shared.guest.whilePaused(async (paused) => {
    const { code, shell } = await lookAround(paused);
    expectMapped(await paused.translate(code, { exec: true }, { process: 1 }), { rights: 'r-x-' });
    expectFault(await paused.translate(code, { exec: true }, { cr3: shell.userCr3 }), { fault: 'NOT_PRESENT' });
  }));

test('a page is dirty after a store, and not before', () =>
  inCall('__x64_sys_read', 'read line </proc/version', async (paused, buffer) => {
    expectMapped(await paused.translate(buffer, asUser), { dirty: false });
    await paused.run();
    expectDirty(await paused.translate(buffer, asUser));
  }));

test('a page is accessed after a load, and not before', () =>
  inCall('__x64_sys_write', 'echo hello', async (paused, buffer) => {
    expectMapped(await paused.translate(buffer, asUser), { accessed: false });
    await paused.run();
    expectAccessed(await paused.translate(buffer, asUser));
  }));

test('the stack of a process is not executable', () =>
  shared.guest.whilePaused(async (paused) => {
    const { stack } = await lookAround(paused);
    const fetch = await paused.translate(stack.last, { user: true, exec: true }, { process: 1 });
    expectFault(fetch, { fault: 'PRIVILEGE_VIOLATION', at: 'PTE', errorCode: 0x15 });
  }));

test('a page that nothing maps guards the stack of the kernel', async () => {
  const { registers } = await shared.guest.runUntil('ksys_sync', { while: () => shared.guest.shell('sync') });
  const bottom = registers.rsp & ~0x3fffn; // THREAD_SIZE
  expectMapped(await shared.guest.translate(bottom, { write: true }), { rights: 'rw--' });
  const below = await shared.guest.translate(bottom - 8n, { write: true });
  expectFault(below, { fault: 'NOT_PRESENT', at: 'PTE', errorCode: 0x2 });
});

test('code of the kernel is read-only', () =>
  shared.guest.whilePaused(async (paused) => {
    const { code } = await lookAround(paused);
    const write = await paused.translate(code, { write: true }, { process: 1 });
    expectFault(write, { fault: 'PRIVILEGE_VIOLATION', errorCode: 0x3 });
  }));

test('a page lies where /proc/PID/pagemap says', async () => {
  const { stack } = await shared.guest.whilePaused((paused) => lookAround(paused));
  const entry = `dd if=/proc/1/pagemap bs=8 skip=${stack.last >> 12n} count=1`;
  const { output } = await shared.guest.shell(`${entry} 2>/errors | od -An -tx8`);
  const frame = BigInt(`0x${output.trim()}`) & ((1n << 55n) - 1n);
  const answer = await shared.guest.translate(stack.last, asUser, { process: 1 });
  expectMapped(answer, { physicalAddress: (frame << 12n) | (stack.last & 0xfffn) });
});

test('a system call stops at its function, called by its entry, for the program that makes it', async () => {
  const { registers } = await shared.guest.runUntil('ksys_sync', { while: () => shared.guest.shell('sync') });
  await shared.guest.whilePaused(async (paused) => {
    const linux = await paused.linux();
    const caller = await linux.nearest(await paused.readU64(registers.rsp));
    assert.match(caller.symbol.name, /sys_sync$/);
    const task = (await linux.tasks()).find(({ cr3 }) => cr3 === (registers.cr3 & ~0xfffn));
    assert.equal(task.comm, 'sync');
  });
});

test('a guest that is put back has nothing of what happened since', async () => {
  const before = await shared.guest.checkpoint();
  assert.equal((await shared.guest.shell('echo changed >/state; cat /state')).output, 'changed\n');
  await shared.guest.restore(before);
  assert.notEqual((await shared.guest.shell('cat /state')).status, 0);
});
