import { findDomain } from './find-domain.ts';
import type { FoundChannel, FoundDomain, FoundGuest } from './found-guest.ts';
import { FoundSockets } from './found-sockets.ts';
import type { HostLook } from './host-look.ts';
import { containerOf, innerPidOf, isSystemEmulator, programOf } from './process-facts.ts';
import { parseQemuCommandLine, type QemuCommandLine } from './qemu-command-line.ts';
import { lookAtThisHost } from './this-host.ts';

const NAMESPACES = ['mnt', 'net', 'pid', 'user'];

/** @internal */
export interface FoundGuests {
  readonly guests: readonly FoundGuest[];
  /** There was no time to look at everything. */
  readonly isIncomplete: boolean;
}

/**
 * Finds the QEMUs of a host, by the kernel's tables and their command lines. Nothing is connected and no guest notices.
 *
 * @param host - this one unless given
 * @internal
 */
export function findGuests(host?: HostLook): FoundGuests {
  if (host === undefined && process.platform !== 'linux') return { guests: [], isIncomplete: true };
  const look = host ?? lookAtThisHost();
  const sockets = new FoundSockets(look);
  const guests: FoundGuest[] = [];
  for (const pid of [...look.processes()].sort((one, other) => one - other)) {
    const words = look.words(pid);
    const program = programOf(look.executable(pid), words);
    if (words === undefined || !isSystemEmulator(program)) continue;
    const guest = describe(pid, program, words, look, sockets);
    if (guest !== undefined) guests.push(guest);
  }
  return { guests, isIncomplete: look.isIncomplete };
}

function describe(
  pid: number,
  program: string,
  words: readonly string[],
  look: HostLook,
  sockets: FoundSockets,
): FoundGuest | undefined {
  const uid = look.user(pid);
  if (uid === undefined) return undefined;
  const line = readCommandLine(pid, uid, words, look);
  const libvirt = findDomain(pid, uid, line, look);
  const channels = channelsOf(pid, line, look, sockets);
  return {
    pid,
    name: line.name,
    uid,
    user: look.userName(uid),
    program,
    accelerator: acceleratorOf(look.usesKvm(pid), line.accelerator),
    machine: line.machine,
    libvirt,
    container: containerOf(look.text(pid, 'cgroup')),
    otherNamespaces: NAMESPACES.filter((kind) => isElsewhere(pid, kind, look)),
    innerPid: innerPidOf(look.text(pid, 'status')),
    channels,
    reach: reachOf(channels, libvirt, look),
  };
}

function readCommandLine(pid: number, uid: number, words: readonly string[], look: HostLook): QemuCommandLine {
  const line = parseQemuCommandLine(words);
  if (line.configurationFiles.length === 0) return line;
  const texts = line.configurationFiles.flatMap((file) => look.configuration(pid, uid, file) ?? []);
  return parseQemuCommandLine(words, texts);
}

/** The kernel's word first; without one, the command line decides only where it leaves no choice. */
function acceleratorOf(isKvm: boolean | undefined, asked: string | null): string | null {
  if (isKvm === true) return 'kvm';
  const choices = asked?.split(':') ?? ['tcg'];
  const left = isKvm === false ? choices.filter((each) => each !== 'kvm') : choices;
  const [only, another] = left;
  return only !== undefined && another === undefined ? only : null;
}

function isElsewhere(pid: number, kind: string, look: HostLook): boolean {
  const theirs = look.namespace(pid, kind);
  return theirs !== '' && theirs !== look.namespace('self', kind);
}

function channelsOf(
  pid: number,
  line: QemuCommandLine,
  look: HostLook,
  sockets: FoundSockets,
): readonly FoundChannel[] {
  // Of another user's process the namespace is hidden, but not its tables.
  const network = look.namespace(pid, 'net') || `of ${pid}`;
  const said = line.channels
    .filter(({ address }) => address.kind !== 'other')
    .map(({ purpose, address }) => ({ purpose, ...sockets.look(pid, network, address) }));
  const known = new Set(said.map(({ address }) => address));
  const unsaid = sockets
    .listening(pid, network)
    .filter((path) => !known.has(path))
    .map((path) => ({ purpose: 'unknown' as const, ...sockets.look(pid, network, { kind: 'unix', path }) }));
  return [...said, ...unsaid];
}

/** A monitor of its own before libvirt's, as it is quicker; a stub alone pauses the guest for as long as it is connected. @internal */
export function reachOf(
  channels: readonly FoundChannel[],
  libvirt: FoundDomain | null,
  look: Pick<HostLook, 'domainEndpoint'>,
): FoundGuest['reach'] {
  const free = (purpose: string): string | undefined =>
    channels.find(
      (each) => each.purpose === purpose && each.state !== 'held' && each.state !== 'absent' && each.endpoint !== null,
    )?.endpoint ?? undefined;
  const qmp = free('qmp');
  if (qmp !== undefined) return { qmp };
  const domain = libvirt === null ? null : look.domainEndpoint(libvirt.uri, libvirt.domain);
  if (domain !== null) return { qmp: domain };
  const gdb = free('gdb');
  return gdb === undefined ? null : { gdb };
}
