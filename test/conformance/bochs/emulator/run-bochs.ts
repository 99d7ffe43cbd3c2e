import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MEMORY_MIB, RESULTS_BYTES } from '../layout.ts';
import type { BochsProgram } from './bochs-program.ts';
import { type CaseWriter, ResultReader } from './wire.ts';

/** Seen from dist/test/conformance/bochs/emulator, where this file runs. */
const ROM = fileURLToPath(new URL('../../../../kernels/bochs.bin', import.meta.url));
/** Of cases and of bytes for each: what the ROM can have written at the most. */
const RESULT_BYTES = 1024;
const TIMEOUT_MS = 600_000;

/**
 * Has Bochs run cases, in a directory of its own that is gone afterwards.
 *
 * @throws Error with the end of what Bochs said, if it came to no end: a triple fault in the ROM is one way
 */
export async function runBochs(
  { path, version }: BochsProgram,
  model: string,
  cases: CaseWriter,
  count: number,
): Promise<ResultReader> {
  const directory = mkdtempSync(join(tmpdir(), 'pagewalk-bochs-'));
  try {
    const inside = (name: string) => join(directory, name);
    writeFileSync(inside('disk'), cases.disk(Math.min(RESULTS_BYTES, count * RESULT_BYTES + 0x1000)));
    writeFileSync(inside('vga'), Buffer.alloc(512));
    writeFileSync(inside('commands'), 'c\nquit\n');
    writeFileSync(inside('rc'), configuration(inside, model));
    // The debugger of 2.7 waits for a command first.
    const commands = version.startsWith('2.') ? ['-rc', inside('commands')] : [];
    const said = await run(path, ['-q', '-f', inside('rc'), ...commands], directory);
    try {
      return new ResultReader(readFileSync(inside('disk')).subarray(cases.resultsOffset));
    } catch (cause) {
      throw new Error(`Bochs ${version}: ${endOf(said, inside('log'))}`, { cause });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function configuration(inside: (name: string) => string, model: string): string {
  return [
    `megs: ${MEMORY_MIB}`,
    `romimage: file=${ROM}, address=0xffff0000`,
    `vgaromimage: file=${inside('vga')}`,
    'ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14',
    `ata0-master: type=disk, path=${inside('disk')}, mode=flat`,
    'boot: disk',
    `cpu: model=${model}, count=1, ips=2000000, reset_on_triple_fault=0, ignore_bad_msrs=1`,
    'clock: sync=none, time0=local',
    'display_library: term',
    `log: ${inside('log')}`,
    'panic: action=fatal',
    'error: action=ignore',
    'info: action=ignore',
    'debug: action=ignore',
    'com1: enabled=0',
    'speaker: enabled=0',
    '',
  ].join('\n');
}

/** The status says nothing: it is 1 also after a shutdown by the guest. */
async function run(path: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(path, args, { cwd, env: { ...process.env, TERM: 'xterm' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('latin1')).slice(-4096);
    });
  }
  try {
    await once(child, 'close');
    return said;
  } finally {
    clearTimeout(timer);
  }
}

function endOf(said: string, log: string): string {
  let logged = '';
  try {
    logged = readFileSync(log, 'latin1').slice(-2048);
  } catch {
    // It did not come as far as to open it.
  }
  return `${said}\n${logged}`;
}
