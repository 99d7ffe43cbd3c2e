import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { formatEndpoint, libvirtUriOf } from '../../../protocols/transport/internal.ts';
import { executableOf, ProcessScan } from '../peer/processes.ts';
import { findDomain } from './find-domain.ts';
import type { FoundChannel, FoundDomain, FoundGuest } from './found-guest.ts';
import { FoundSockets } from './found-sockets.ts';
import { commandLineOf, containerOf, namespaceOf, readNamedFile, readUsers, usesKvm } from './process-facts.ts';
import { parseQemuCommandLine, type QemuCommandLine } from './qemu-command-line.ts';

/** How long the whole look may take. */
const BUDGET_MS = 5000;
const NAMESPACES = ['mnt', 'net', 'pid', 'user'];

/** @internal */
export interface FoundGuests {
  readonly guests: readonly FoundGuest[];
  /** There was no time to look at everything. */
  readonly isIncomplete: boolean;
}

/**
 * Finds the QEMUs of this host, by the kernel's tables and their command lines. Nothing is connected and no guest notices.
 *
 * @internal
 */
export function findGuests(): FoundGuests {
  if (process.platform !== 'linux') return { guests: [], isIncomplete: true };
  const scan = new ProcessScan(BUDGET_MS);
  const sockets = new FoundSockets(scan, namespaceOf('self', 'net'));
  const users = readUsers();
  const guests: FoundGuest[] = [];
  for (const pid of [...scan.processes()].sort((one, other) => one - other)) {
    const words = commandLineOf(pid);
    const program = basename(executableOf(pid)?.replace(/ \(deleted\)$/, '') ?? words?.[0] ?? '');
    if (words === undefined || !isSystemEmulator(program)) continue;
    const guest = describe(pid, program, words, sockets, users);
    if (guest !== undefined) guests.push(guest);
  }
  return { guests, isIncomplete: scan.ranOut };
}

/** Not QEMU's tools: images, network disks, the agent in a guest. */
function isSystemEmulator(program: string): boolean {
  return program.includes('qemu-system') || program.includes('qemu-kvm') || program === 'kvm';
}

function describe(
  pid: number,
  program: string,
  words: readonly string[],
  sockets: FoundSockets,
  users: ReadonlyMap<number, string>,
): FoundGuest | undefined {
  const uid = uidOf(pid);
  if (uid === undefined) return undefined;
  const line = readCommandLine(pid, uid, words);
  const libvirt = findDomain(pid, uid, line);
  const channels = channelsOf(pid, line, sockets);
  return {
    pid,
    name: line.name,
    uid,
    user: users.get(uid) ?? null,
    program,
    accelerator: acceleratorOf(pid, line.accelerator),
    machine: line.machine,
    libvirt,
    container: containerOf(pid),
    otherNamespaces: NAMESPACES.filter((kind) => isElsewhere(pid, kind)),
    innerPid: innerPidOf(pid),
    channels,
    reach: reachOf(channels, libvirt),
  };
}

function uidOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  } catch {
    // It ends in this moment (ESRCH).
    return undefined;
  }
}

function readCommandLine(pid: number, uid: number, words: readonly string[]): QemuCommandLine {
  const line = parseQemuCommandLine(words);
  if (line.configurationFiles.length === 0) return line;
  const texts = line.configurationFiles.flatMap((file) => readNamedFile(pid, uid, file) ?? []);
  return parseQemuCommandLine(words, texts);
}

/** The kernel's word first; without one, the command line decides only where it leaves no choice. */
function acceleratorOf(pid: number, asked: string | null): string | null {
  const isKvm = usesKvm(pid);
  if (isKvm === true) return 'kvm';
  const choices = asked?.split(':') ?? ['tcg'];
  const left = isKvm === false ? choices.filter((each) => each !== 'kvm') : choices;
  const [only, another] = left;
  return only !== undefined && another === undefined ? only : null;
}

function isElsewhere(pid: number, kind: string): boolean {
  const theirs = namespaceOf(pid, kind);
  return theirs !== '' && theirs !== namespaceOf('self', kind);
}

function innerPidOf(pid: number): number | null {
  try {
    const line = readFileSync(`/proc/${pid}/status`, 'latin1')
      .split('\n')
      .find((each) => each.startsWith('NSpid:'));
    const ids = line?.slice('NSpid:'.length).trim().split('\t').map(Number) ?? [];
    return ids.length > 1 ? (ids.at(-1) ?? null) : null;
  } catch {
    return null;
  }
}

function channelsOf(pid: number, line: QemuCommandLine, sockets: FoundSockets): readonly FoundChannel[] {
  // Of another user's process the namespace is hidden, but not its tables.
  const network = namespaceOf(pid, 'net') || `of ${pid}`;
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
export function reachOf(channels: readonly FoundChannel[], libvirt: FoundDomain | null): FoundGuest['reach'] {
  const free = (purpose: string): string | undefined =>
    channels.find(
      (each) => each.purpose === purpose && each.state !== 'held' && each.state !== 'absent' && each.endpoint !== null,
    )?.endpoint ?? undefined;
  const qmp = free('qmp');
  if (qmp !== undefined) return { qmp };
  if (libvirt !== null) {
    const { uri, domain } = libvirt;
    const short = { kind: 'libvirt', domain } as const;
    // Without a URI it is the environment's, which may be another host's.
    return { qmp: formatEndpoint(libvirtUriOf(short) === uri ? short : { ...short, uri }) };
  }
  const gdb = free('gdb');
  return gdb === undefined ? null : { gdb };
}
