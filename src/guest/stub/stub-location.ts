import type { ChardevInfo } from '../../../protocols/qmp/index.ts';
import {
  type Endpoint,
  formatEndpoint,
  libvirtUriOf,
  onItsHost,
  parseEndpoint,
} from '../../../protocols/transport/internal.ts';
import { GuestStubError } from '../errors.ts';
import { LIBVIRT_MONITOR, STUB_LABEL } from '../found/chardev-labels.ts';

/** Where the stub is: one that is free, or none yet. @internal */
export type StubLocation = { readonly kind: 'listening'; readonly endpoint: string } | { readonly kind: 'absent' };

/** What QEMU uses its character devices for, where that can be known. @internal */
export interface ChardevUse {
  /** Labels of those that a stub is on: `-gdb chardev:ID`. */
  readonly stubs: ReadonlySet<string>;
  /** Labels of those that devices and monitors are on. */
  readonly others: ReadonlySet<string>;
}

/** Labels that QEMU gives by itself to what `-serial`, `-parallel` and their like name without an id. */
const PORT_LABEL = /^(?:serial|parallel|virtcon)[0-9]{1,3}$/;
/** What QEMU calls the stub's own monitor device: it exists once a stub was made, and outlives it. */
const STUB_MONITOR_FILENAME = 'gdb';

function isStubMonitor({ filename }: ChardevInfo): boolean {
  return filename === STUB_MONITOR_FILENAME;
}

/**
 * Finds the stub without touching it: a connection that has to wait its turn would pause the guest whenever that comes.
 *
 * @param qmp - the monitor's endpoint: a stub on another host is reached where that host is
 * @param findUse - asked only if there may be a stub under another label
 * @throws {@link GuestStubError} `ERR_GUEST_STUB_BUSY` when another debugger holds it, `ERR_GUEST_STUB_UNREACHABLE` when it
 * listens where only QEMU's host can connect, or may sit on a character device that cannot be told from others.
 * @internal
 */
export async function locateStub(
  chardevs: readonly ChardevInfo[],
  qmp: Endpoint,
  findUse: () => Promise<ChardevUse>,
): Promise<StubLocation> {
  const stub = chardevs.find(({ label }) => label === STUB_LABEL) ?? (await findHiddenStub(chardevs, qmp, findUse));
  return stub === undefined ? { kind: 'absent' } : { kind: 'listening', endpoint: reachable(stub, qmp) };
}

/**
 * Checks a stub that the caller named, as far as the monitor knows it.
 *
 * @param qmp - the monitor's endpoint, for the message
 * @throws {@link GuestStubError} `ERR_GUEST_STUB_BUSY`; `ERR_GUEST_STUB_UNREACHABLE` where QEMU has none.
 * @internal
 */
export function checkNamedStub(chardevs: readonly ChardevInfo[], endpoint: string, qmp: string): void {
  if (!chardevs.some(isStubMonitor)) {
    throw foreignStub(endpoint, `QEMU behind ${qmp} has no GDB stub. Nothing was touched`);
  }
  const own = formatEndpoint(onItsHost(parseEndpoint(endpoint)));
  const stub = chardevs.find((chardev) => chardev.endpoint === own);
  if (stub?.state === 'busy') throw busy(stub.filename);
}

/**
 * Of a stub that the caller named, and that is another guest's.
 *
 * @param how - how that is known, and what became of that guest, as sentences without the last full stop
 * @internal
 */
export function foreignStub(endpoint: string, how: string): GuestStubError {
  return new GuestStubError(
    'ERR_GUEST_STUB_UNREACHABLE',
    endpoint,
    `the GDB stub at ${endpoint} is not that of the guest that was named: ${how}. Name that guest's own stub, or leave --gdb out: then it is found, or one is started`,
  );
}

/** @internal */
export function busy(stub: string): GuestStubError {
  return new GuestStubError(
    'ERR_GUEST_STUB_BUSY',
    stub,
    `another debugger holds the GDB stub (${stub}); it takes one client at a time. Nothing was touched: detach the other debugger and try again. A proxy that holds the stub all the time is such a debugger, too: have it connect only while it has a client itself`,
  );
}

function reachable(stub: ChardevInfo, qmp: Endpoint): string {
  if (stub.state === 'busy') throw busy(stub.filename);
  const { endpoint } = stub;
  if (endpoint === undefined || qmp.kind === 'exec') throw unreachable(stub.filename);
  if (isLocal(qmp)) return endpoint;
  if (qmp.kind === 'host') {
    const target = parseEndpoint(endpoint);
    if (target.kind !== 'unix' && target.kind !== 'tcp') throw unreachable(stub.filename);
    return formatEndpoint({ kind: 'host', command: qmp.command, target });
  }
  if (!endpoint.startsWith('tcp:') || !stub.isWildcard || (qmp.kind !== 'tcp' && qmp.kind !== 'tls')) {
    throw unreachable(stub.filename);
  }
  const port = Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
  return formatEndpoint({ kind: 'tcp', host: qmp.host, port });
}

function unreachable(stub: string): GuestStubError {
  return new GuestStubError(
    'ERR_GUEST_STUB_UNREACHABLE',
    stub,
    `QEMU's GDB stub (${stub}) listens on QEMU's host; say how to reach it from here with --gdb (exec:ssh …, for example), or name that host with --host`,
  );
}

/** Whether the monitor's endpoint means that QEMU runs on this host. @internal */
export function isLocal(qmp: Endpoint): boolean {
  if (qmp.kind === 'unix') return true;
  // A URI with no host in it.
  if (qmp.kind === 'libvirt') return /^[\w+]+:\/\/\//.test(libvirtUriOf(qmp));
  return (qmp.kind === 'tcp' || qmp.kind === 'tls') && /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(qmp.host);
}

/**
 * A stub made with `-gdb chardev:ID` carries the user's label, and starting a second one would cut it off and delete its
 * socket. The device of a stub's own monitor shows only that there has been a stub at some time, perhaps one of ours: it stays
 * when the stub goes. A stub that goes takes its character device along, so what is used by nothing else may be a stub.
 * (`compat_monitor` is QEMU's label for `-qmp` and `-monitor`.)
 */
async function findHiddenStub(
  chardevs: readonly ChardevInfo[],
  qmp: Endpoint,
  findUse: () => Promise<ChardevUse>,
): Promise<ChardevInfo | undefined> {
  if (!chardevs.some(isStubMonitor)) return undefined;
  const own = formatEndpoint(onItsHost(qmp));
  const candidates = chardevs.filter(
    ({ label, endpoint, filename, isOpen }) =>
      isOpen && endpoint !== own && !label.startsWith('compat_monitor') && /,server/.test(filename),
  );
  if (candidates.length === 0) return undefined;
  const { stubs, others } = await findUse();
  const known = candidates.find(({ label }) => stubs.has(label));
  if (known !== undefined) return known;
  // libvirt's own monitor is what answers: where QEMU's process cannot be seen nothing else tells what it is for.
  const unknown = candidates.filter(
    ({ label }) =>
      !others.has(label) && !PORT_LABEL.test(label) && !(qmp.kind === 'libvirt' && label === LIBVIRT_MONITOR),
  );
  if (unknown.length === 0) return undefined;
  const list = unknown.map(({ label, filename }) => `${label} (${filename})`).join(', ');
  throw new GuestStubError(
    'ERR_GUEST_STUB_UNREACHABLE',
    list,
    `QEMU has or had a GDB stub on a character device of its own, and it may be: ${list}. If one of them is the stub, name it with --gdb; if none is, start one with the monitor command "gdbserver" and name that`,
  );
}
