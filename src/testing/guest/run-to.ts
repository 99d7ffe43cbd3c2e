import { setTimeout as delay } from 'node:timers/promises';
import type { AbandonSignal } from '../../../protocols/transport/index.ts';
import type { Guest } from '../../guest/index.ts';
import { formatHex } from '../../report/index.ts';
import { GuestRunError } from '../errors.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** QEMU has stopped the guest: why is told by an event, soon. */
const END_GRACE_MS = 3000;

/** How a guest is let run to an address. @public */
export interface RunUntilOptions {
  /** Milliseconds of running; 60000 unless given. */
  readonly timeoutMs?: number;
  /** What brings the guest there: begun when it runs, and not waited for, since the guest stops in the middle of it. */
  readonly while?: () => Promise<unknown>;
  /** Ends the run with its reason. */
  readonly signal?: AbandonSignal;
}

/** A guest that has come to an address, and is stopped there. @public */
export interface GuestStop {
  /** The vCPU that came to it. */
  readonly cpu: number;
  /** Its registers, by GDB's names of them: `rip`, `rax`, `cr3`, … */
  readonly registers: Readonly<Record<string, bigint>>;
}

/**
 * Lets a guest, which is paused by us, run until a vCPU comes to one of the addresses.
 *
 * @param tail - the last lines of the console, for errors
 * @throws GuestRunError `ERR_TESTING_RUN` where none does in time; whatever `while` fails with.
 * @internal
 */
export async function runTo(
  guest: Guest,
  addresses: readonly bigint[],
  { timeoutMs = DEFAULT_TIMEOUT_MS, while: meanwhile, signal }: RunUntilOptions,
  tail: () => readonly string[],
): Promise<GuestStop> {
  const early = new AbortController();
  const interrupt = () => early.abort();
  signal?.addEventListener('abort', interrupt);
  if (signal?.aborted === true) interrupt();
  const running = guest.run({ breakpoints: addresses, timeoutMs, signal: early.signal });
  const failure = meanwhile === undefined ? undefined : failureOf(meanwhile);
  try {
    const first = failure === undefined ? await running : await Promise.race([running, failure]);
    if ('error' in first) {
      interrupt();
      await running.catch(() => {});
      throw first.error;
    }
    signal?.throwIfAborted();
    if (first.reason === 'breakpoint') return await describeStop(guest, first.cpu ?? 0);
    const pointers = await instructionPointers(guest);
    const where = addresses.map((address) => formatHex(address)).join(', ');
    const at = pointers.map((pointer) => formatHex(pointer)).join(', ');
    // Why is told better by the event of its end.
    if (first.reason === 'stopped') await delay(END_GRACE_MS);
    const what =
      first.reason === 'stopped'
        ? 'QEMU stopped the guest before it came'
        : `the guest did not come in ${timeoutMs} ms`;
    throw new GuestRunError(`${what} to ${where}; its vCPUs are at ${at}`, pointers, tail());
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/** Settles only when it fails: what ends well, or never, decides nothing. */
function failureOf(begin: () => Promise<unknown>): Promise<{ readonly error: unknown }> {
  return new Promise((resolve) => {
    Promise.resolve()
      .then(begin)
      .catch((error: unknown) => resolve({ error }));
  });
}

/** @internal */
export async function describeStop(guest: Guest, cpu: number): Promise<GuestStop> {
  return { cpu, registers: Object.fromEntries(await guest.readRegisters(cpu)) };
}

async function instructionPointers(guest: Guest): Promise<bigint[]> {
  const pointers: bigint[] = [];
  for (const cpu of guest.vcpus) {
    const registers = await guest.readRegisters(cpu);
    pointers.push(registers.get('rip') ?? registers.get('eip') ?? 0n);
  }
  return pointers;
}
