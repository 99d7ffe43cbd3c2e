import type { RawMonitor } from './raw-monitor.ts';
import { RawStub } from './raw-stub.ts';

/** long4 maps nothing at this linear address; physically there is no RAM either, and QEMU reads zeros. */
const NOWHERE = '70000000';

/** A stub, or where one can be started for a look. */
export interface StubPlace {
  readonly path: string;
  /** It has been there from the start. */
  readonly isThere: boolean;
}

/**
 * What a debugger that comes now finds. It makes sure of the pause, so that looking changes nothing; the guest is left as it is.
 *
 * @returns what is wrong, or nothing
 */
export async function inspectStub(monitor: RawMonitor, { path, isThere }: StubPlace): Promise<readonly string[]> {
  const before = await monitor.runState();
  const mayPause = before === 'running';
  if (mayPause) await monitor.execute('stop');
  if (!isThere) {
    const said = await monitor.hmp(`gdbserver unix:${path},server=on,wait=off`);
    if (/could not|error|duplicate/i.test(said)) return [`a stub cannot be started: ${said.trim()}`];
  }
  try {
    await using stub = await RawStub.open(path);
    return await ask(stub);
  } catch (error) {
    return [`a plain gdb connection fails: ${String(error)}`];
  } finally {
    if (!isThere) await monitor.hmp('gdbserver none');
    if (mayPause) await monitor.execute('cont');
  }
}

/** Leaves the stub's physical mode, and no stub where there was none; the guest is paused then. */
export async function healStub(monitor: RawMonitor, { path, isThere }: StubPlace): Promise<void> {
  if (!isThere) await monitor.hmp('gdbserver none');
  await monitor.execute('stop');
  if (!isThere) await monitor.hmp(`gdbserver unix:${path},server=on,wait=off`);
  try {
    await using stub = await RawStub.open(path);
    await stub.ask('Qqemu.PhyMemMode:0');
  } finally {
    if (!isThere) await monitor.hmp('gdbserver none');
  }
}

async function ask(stub: RawStub): Promise<readonly string[]> {
  const mode = await stub.ask('qqemu.PhyMemMode', (reply) => /^[01]$/.test(reply));
  const registers = await stub.ask('g', (reply) => reply.length > 600);
  const nowhere = await stub.ask(`m${NOWHERE},8`, (reply) => /^(E..|[0-9a-f]{16})$/.test(reply));
  const problems: string[] = [];
  if (mode !== '0') problems.push('physical mode is still on');
  if (!nowhere.startsWith('E')) problems.push(`a virtual address that maps nothing reads as ${nowhere}`);
  if (registers.length < 608 * 2) problems.push(`the stub shows ${registers.length / 2} bytes of registers`);
  return problems;
}
