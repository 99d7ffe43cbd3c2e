import { GdbArgumentError } from '../errors.ts';
import { formatHex } from '../hex.ts';

/** More vCPUs than any QEMU machine has. @internal */
export const MAX_THREADS = 8192;

/** A thread of the protocol: in QEMU, a vCPU. @public */
export interface GdbThread {
  /** QMP's `cpu-index`. The stub numbers threads from 1: thread id = cpu-index + 1. */
  readonly cpuIndex: number;
  /** The id as the stub wrote it, `01` or `p01.01`. */
  readonly id: string;
}

/**
 * Reads a thread id in either syntax. Which one the stub uses is decided for the life of the QEMU process by the first
 * debugger that ever said `multiprocess+`, so both must be understood always.
 *
 * @internal
 */
export function parseThreadId(text: string): GdbThread | undefined {
  const match = /^(?:p[0-9a-f]{1,8}\.)?([0-9a-f]{1,8})$/i.exec(text);
  if (match === null) return undefined;
  const thread = Number.parseInt(match[1] as string, 16);
  return thread < 1 ? undefined : { cpuIndex: thread - 1, id: text };
}

/** Writes the id of a vCPU in the short syntax, which the stub takes in both modes. @internal */
export function formatThreadId(cpuIndex: number): string {
  return formatHex(cpuIndex + 1);
}

/** @throws {@link GdbArgumentError} (`ERR_GDB_ARGUMENT`). @internal */
export function requireCpuIndex(cpuIndex: number): void {
  if (!(Number.isInteger(cpuIndex) && cpuIndex >= 0 && cpuIndex < MAX_THREADS)) {
    throw new GdbArgumentError(`not the index of a vCPU: ${cpuIndex}`);
  }
}
