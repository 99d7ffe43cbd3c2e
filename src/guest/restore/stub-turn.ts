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

/**
 * Whether QEMU serves a connection that was just answered, as its devices show.
 *
 * @param before - its devices before that was made
 * @returns undefined where they do not show it
 * @internal
 */
export function seesConnection(
  before: readonly ChardevInfo[],
  now: readonly ChardevInfo[],
  endpoint: string,
): boolean | undefined {
  const device = deviceOf(now, endpoint);
  if (device !== undefined) return device.state === 'busy';
  const free = new Set(before.filter(({ state }) => state === 'free').map(({ label }) => label));
  return now.some(({ state, label }) => state === 'busy' && free.has(label)) ? true : undefined;
}

/** QEMU has one stub: what leads to it by another way than its own leads to that one. Only a socket shows whom it serves. */
function deviceOf(chardevs: readonly ChardevInfo[], endpoint: string): ChardevInfo | undefined {
  const own = formatEndpoint(onItsHost(parseEndpoint(endpoint)));
  const sockets = chardevs.filter((device) => device.endpoint !== undefined);
  return sockets.find((device) => device.endpoint === own) ?? sockets.find(({ label }) => label === STUB_LABEL);
}

/**
 * Whether the stub that QEMU has may be the one on this device: there is one at a time, and one that another client has started since
 * has taken the device's place, or is on a device of its own.
 *
 * @internal
 */
export async function isStubOn(qmp: QmpClient, id: string): Promise<boolean> {
  const labels = (await queryChardev(qmp)).map(({ label }) => label);
  return labels.includes(id) && !labels.includes(STUB_LABEL);
}

/**
 * Looks whether the stub serves a client while a connection to it is waited for. One that is answered soon is not looked at.
 *
 * @returns what was seen so far
 * @internal
 */
export function watchServing(
  qmp: QmpClient,
  endpoint: string,
  attempt: Promise<unknown>,
): { readonly isSeen: boolean } {
  const serving = { isSeen: false };
  let isOver = false;
  let waiting: NodeJS.Timeout | undefined;
  const end = (): void => {
    isOver = true;
    // It would keep a process that has nothing else to do, such as the command.
    clearTimeout(waiting);
  };
  const look = async (): Promise<void> => {
    serving.isSeen = isStubBusy(await queryChardev(qmp), endpoint);
    if (!serving.isSeen && !isOver) lookLater();
  };
  // Who waits for the connection hears of it.
  const lookLater = (): void => {
    waiting = setTimeout(() => void look().catch(() => {}), BETWEEN_LOOKS_MS);
  };
  lookLater();
  attempt.then(end, end);
  return serving;
}
