import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { defaultQemuBinary } from '../../src/testing/index.ts';

/** Where and when the figures were measured. */
export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly qemu: string;
  readonly kernel: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  /** Over the last minute, before the first benchmark: with more than a little, others had their share of the machine. */
  readonly loadAverage: number;
}

function qemuVersion(): string {
  try {
    const text = execFileSync(defaultQemuBinary(), ['--version'], { encoding: 'utf8' });
    return text.split('\n')[0] ?? '';
  } catch {
    return 'none';
  }
}

/** What this machine is, and how busy. */
export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    qemu: qemuVersion(),
    kernel: release(),
    processor: processors[0]?.model ?? 'unknown',
    processors: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}
