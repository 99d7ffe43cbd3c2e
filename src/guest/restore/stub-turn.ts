import { type ChardevInfo, type QmpClient, queryChardev } from '../../../protocols/qmp/index.ts';
import { formatEndpoint, nowMs, onItsHost, parseEndpoint } from '../../../protocols/transport/internal.ts';
import { STUB_LABEL } from '../found/chardev-labels.ts';

const BETWEEN_LOOKS_MS = 50;

/**
 * Waits until the stub serves no one. QEMU notices the end of a connection in its own time, and one behind a tunnel later still. A
 * connection that had to wait its turn would pause the guest when that comes, also when its client has left by then.
 *
 * @returns false where it serves a client all the time
 * @internal
 */
export async function stubBecomesFree(qmp: QmpClient, endpoint: string, withinMs: number): Promise<boolean> {
  const deadline = nowMs() + withinMs;
  for (;;) {
    if (!isStubBusy(await queryChardev(qmp), endpoint)) return true;
    if (nowMs() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
}

/** Whether the stub that an endpoint leads to is seen to serve a client. @internal */
export function isStubBusy(chardevs: readonly ChardevInfo[], endpoint: string): boolean {
  return deviceOf(chardevs, endpoint)?.state === 'busy';
}

/** QEMU has one stub: what leads to it by another way than its own leads to that one. Only a socket shows whom it serves. */
function deviceOf(chardevs: readonly ChardevInfo[], endpoint: string): ChardevInfo | undefined {
  const own = formatEndpoint(onItsHost(parseEndpoint(endpoint)));
  const sockets = chardevs.filter((device) => device.endpoint !== undefined);
  return sockets.find((device) => device.endpoint === own) ?? sockets.find(({ label }) => label === STUB_LABEL);
}
