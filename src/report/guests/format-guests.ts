import type { Style } from '../style.ts';
import type { ReportedChannel, ReportedGuest } from './reported-guest.ts';

const PURPOSES = { qmp: 'qmp', hmp: 'hmp', gdb: 'gdb', unknown: '?' } as const;

/**
 * The QEMUs of a host: for each a line, its sockets, and what reaches it.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatGuests(guests: readonly ReportedGuest[], style: Style): string {
  return guests.map((guest) => formatGuest(guest, style)).join('');
}

function formatGuest(guest: ReportedGuest, style: Style): string {
  const { channels, reach } = guest;
  const width = Math.max(0, ...channels.map((channel) => placeOf(channel).length));
  const rows = channels.map(
    (channel) =>
      `    ${PURPOSES[channel.purpose].padEnd(3)}  ${placeOf(channel).padEnd(width)}  ${standingOf(channel)}`,
  );
  const last = reach === null ? style.bad('no way to it from here') : style.good(wordsOf(reach));
  return [headOf(guest, style), ...rows, `    → ${last}`].map((line) => `${line}\n`).join('');
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

function placeOf({ endpoint, address }: ReportedChannel): string {
  return oneLine(endpoint ?? address);
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
function wordsOf(reach: NonNullable<ReportedGuest['reach']>): string {
  const [option, endpoint] = 'qmp' in reach ? ['--qmp', reach.qmp] : ['--gdb', reach.gdb];
  return `${option} ${quoted(endpoint)}`;
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
