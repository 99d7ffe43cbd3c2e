import type { Style } from '../style.ts';
import type { ReportedChannel, ReportedGuest } from './reported-guest.ts';

const PURPOSES = { qmp: 'qmp', hmp: 'hmp', gdb: 'gdb', unknown: '?' } as const;

/**
 * The QEMUs of a host: for each a line, its sockets, and what reaches it.
 *
 * @param host - what starts a helper on theirs, where that is another one
 * @returns lines, each with its line end
 * @public
 */
export function formatGuests(guests: readonly ReportedGuest[], style: Style, host?: string): string {
  return guests.map((guest) => formatGuest(guest, style, host)).join('');
}

function formatGuest(guest: ReportedGuest, style: Style, host: string | undefined): string {
  const { channels, reach } = guest;
  const width = Math.max(0, ...channels.map((channel) => placeOf(channel, host).length));
  const rows = channels.map(
    (channel) =>
      `    ${PURPOSES[channel.purpose].padEnd(3)}  ${placeOf(channel, host).padEnd(width)}  ${standingOf(channel)}`,
  );
  const last = reach === null ? style.bad(withoutReach(guest)) : style.good(wordsOf(reach, host));
  return [headOf(guest, style), ...rows, `    → ${last}`].map((line) => `${line}\n`).join('');
}

function withoutReach({ libvirt }: ReportedGuest): string {
  if (libvirt === null) return 'no way to it from here';
  const uri = libvirt.uri.replace(':///', '+ssh://HOST/');
  return `through its libvirt, with that host's name: ${wordsOf({ qmp: `libvirt:${uri}/${libvirt.domain}` })}`;
}

function headOf(guest: ReportedGuest, style: Style): string {
  const { pid, name, uid, user, accelerator, machine, program, libvirt, container, otherNamespaces, innerPid } = guest;
  const managed =
    libvirt === null ? [] : [`libvirt ${oneLine(libvirt.uri)}${libvirt.isProven ? '' : ' (by its own word)'}`];
  const inside = innerPid === null ? [] : [`process ${innerPid} there`];
  const elsewhere = otherNamespaces.length === 0 ? [] : [`other namespaces: ${otherNamespaces.join(', ')}`];
  return [
    String(pid),
    style.strong(name === null ? '(no name)' : oneLine(name)),
    `user ${user ?? uid}`,
    accelerator ?? 'accelerator unknown',
    machine === null ? 'default machine' : oneLine(machine),
    oneLine(program),
    ...managed,
    ...(container === null ? [] : [`container ${container}`]),
    ...elsewhere,
    ...inside,
  ].join('  ');
}

function placeOf({ endpoint, address }: ReportedChannel, host: string | undefined): string {
  return oneLine(endpoint === null ? address : onItsHost(endpoint, host));
}

/** An endpoint as its host names it, to go with `--host`. */
function onItsHost(endpoint: string, host: string | undefined): string {
  const start = `host:[${host}]`;
  return host !== undefined && endpoint.startsWith(start) ? endpoint.slice(start.length) : endpoint;
}

function standingOf({ state, holder, endpoint, purpose }: ReportedChannel): string {
  const far = endpoint === null ? ', not reached from here' : '';
  const what = purpose === 'unknown' ? ', purpose unknown' : '';
  if (state === 'absent') return 'not there';
  if (state === 'unknown') return `unknown${far}`;
  if (state === 'free') return `free${far}${what}`;
  if (holder === null) return `held by a client${what}`;
  return `held by ${oneLine(holder.program ?? 'process')} (${holder.pid})${what}`;
}

/** As words of a command line: `--qmp unix:/run/vm.qmp`. */
function wordsOf(reach: NonNullable<ReportedGuest['reach']>, host?: string): string {
  const [option, endpoint] = 'qmp' in reach ? ['--qmp', reach.qmp] : ['--gdb', reach.gdb];
  const there = onItsHost(endpoint, host);
  const helper = there === endpoint || host === undefined ? '' : `--host ${quoted(host)} `;
  return `${helper}${option} ${quoted(there)}`;
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${oneLine(text).replaceAll("'", "'\\''")}'`;
}

/** A process may name itself, and its sockets, as it likes: also with line ends. */
function oneLine(text: string): string {
  return text.replaceAll('\n', '\\n');
}

/** A QEMU as a JSON object. @public */
export function encodeGuest(guest: ReportedGuest): string {
  const { channels, libvirt, reach, ...facts } = guest;
  return JSON.stringify({
    ...facts,
    libvirt: libvirt === null ? null : { uri: libvirt.uri, domain: libvirt.domain, isProven: libvirt.isProven },
    channels: channels.map(({ purpose, endpoint, address, state, holder }) => ({
      purpose,
      endpoint,
      address,
      state,
      holder,
    })),
    qmp: reach !== null && 'qmp' in reach ? reach.qmp : null,
    gdb: reach !== null && 'gdb' in reach ? reach.gdb : null,
  });
}
