import { type GdbClient, GdbRunControl, GdbTimeoutError } from '../../../protocols/gdb/index.ts';
import type { GuestRun, RunOptions } from './link.ts';

const SIGNAL_TRAP = 5;
/** One instruction of a vCPU whose breakpoint it stands at. Milliseconds. */
const STEP_TIMEOUT_MS = 5000;

/**
 * Lets a paused guest run by its stub until a breakpoint, one instruction's end, or the end of the time. Breakpoints outlive
 * connections, so they are in QEMU only as long as the guest runs here.
 *
 * @internal
 */
export async function runOnStub(client: GdbClient, options: RunOptions): Promise<GuestRun> {
  const { breakpoints, timeoutMs, signal, step } = options;
  const control = await GdbRunControl.take(client);
  const limits = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
  try {
    if (step !== undefined) return toRun(await control.step(step, limits));
    await leaveBreakpoints(client, control, breakpoints);
    await Promise.all(breakpoints.map((address) => control.setBreakpoint(address)));
    return toRun(await control.continue(undefined, limits));
  } catch (error) {
    if (error instanceof GdbTimeoutError && client.state === 'open') return { cpu: undefined, reason: 'time-is-up' };
    throw error;
  } finally {
    if (client.state === 'open') await control.removeAllBreakpoints();
  }
}

/** A vCPU that stands at a breakpoint would stop there at once, without having run. */
async function leaveBreakpoints(
  client: GdbClient,
  control: GdbRunControl,
  breakpoints: readonly bigint[],
): Promise<void> {
  if (breakpoints.length === 0) return;
  for (const { cpuIndex } of await client.threads()) {
    const registers = await client.readRegisters(cpuIndex);
    const instruction = registers.get('rip') ?? registers.get('eip');
    if (instruction !== undefined && breakpoints.includes(instruction)) {
      await control.step(cpuIndex, { timeoutMs: STEP_TIMEOUT_MS });
    }
  }
}

function toRun(stop: Awaited<ReturnType<GdbRunControl['continue']>>): GuestRun {
  if (stop.kind === 'exited') return { cpu: undefined, reason: 'stopped' };
  return { cpu: stop.cpuIndex, reason: stop.signal === SIGNAL_TRAP ? 'breakpoint' : 'stopped' };
}
