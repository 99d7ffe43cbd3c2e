import { readFile } from 'node:fs/promises';
import type { Guest, GuestView } from '../../guest/index.ts';
import { formatHex } from '../../report/index.ts';
import { askAddress } from '../answers/guest-answer.ts';
import { showAnswer } from '../assertions/show-answer.ts';
import { foldForTerminal } from '../assertions/verdict.ts';
import type { GuestEnd, GuestEndKind } from '../errors.ts';
import type { QemuProcess } from '../qemu/qemu-process.ts';

/** What is known of an end by QEMU's process and the console, without the guest itself. @internal */
export type KnownEnd = Pick<GuestEnd, 'how' | 'exit' | 'output' | 'lastLines'>;

/** @internal */
export const UNSEEN = { cpu: null, rip: null, cr2: null, cr3: null, walk: null } as const;

/** What is seen of an end in the guest itself. @internal */
export type SeenEnd = Pick<GuestEnd, keyof typeof UNSEEN | 'mayBeTripleFault'>;

/** What QEMU has logged of resets: into a file, or where the caller wants its log, on standard error. @internal */
export async function readResets({ resetLog, output }: Pick<QemuProcess, 'resetLog' | 'output'>): Promise<string> {
  return resetLog === undefined ? output : readFile(resetLog, 'latin1').catch(() => '');
}

/**
 * Under TCG the log of resets tells a triple fault from a reset that the guest has asked for.
 *
 * @param hasPanicked - as its console says: a Linux resets itself then (`panic=-1`)
 * @internal
 */
export function kindOfReset(resets: string, hasPanicked: boolean): GuestEndKind {
  if (/^Triple fault/m.test(resets)) return 'triple-fault';
  return hasPanicked ? 'panicked' : 'reset';
}

/** KVM tells no triple fault, and TCG none where the log is not as it begins: with the first reset. @internal */
export function mayBeTripleFault(how: GuestEndKind, resets: string, accelerator: string | null): boolean {
  return how === 'reset' && (accelerator !== 'tcg' || !/^CPU Reset/m.test(resets));
}

/**
 * How a guest ends, by QEMU's word in SHUTDOWN (ShutdownCause in run-state.json).
 *
 * @returns undefined where QEMU itself ends then, which is told better by its process
 * @internal
 */
export function kindOfShutdown(reason: unknown): GuestEndKind | undefined {
  if (reason === 'host-qmp-quit' || reason === 'host-signal') return undefined;
  if (reason === 'guest-reset') return 'reset';
  if (reason === 'guest-panic') return 'panicked';
  return reason === 'guest-shutdown' ? 'shutdown' : 'stopped';
}

/**
 * Reads what the guest, which has come to its end, died of.
 *
 * @param lines - what its console said
 * @param resets - what QEMU has logged
 * @internal
 */
export async function lookAtEnd(
  guest: Guest,
  how: GuestEndKind,
  lines: readonly string[],
  resets: string,
): Promise<SeenEnd> {
  const view = await guest.pause();
  const seen = [];
  for (const cpu of guest.vcpus) {
    const registers = await guest.readRegisters(cpu);
    const [rip = null, cr2 = null, cr3 = null] = ['rip', 'cr2', 'cr3'].map((name) => registers.get(name));
    const walk = cr2 !== null && mayBeFault(how, cr2, lines) ? await walkOfFault(view, cpu, cr2, rip) : null;
    seen.push({ cpu, rip, cr2, cr3, walk });
  }
  const { accelerator } = await view.vcpuState(guest.vcpus[0] ?? 0);
  const isUnsure = mayBeTripleFault(how, resets, accelerator.value);
  return { ...(seen.find(({ walk }) => walk !== null) ?? seen[0] ?? UNSEEN), mayBeTripleFault: isUnsure };
}

/**
 * CR2 is the last page fault's, however long ago, and 0 where there was none: who ends in order may not have faulted at all, and a
 * kernel that panics for it names the address.
 *
 * @internal
 */
export function mayBeFault(how: GuestEndKind, cr2: bigint, lines: readonly string[]): boolean {
  if (how === 'panicked')
    return lines.some((line) => /address|CR2/.test(line) && line.includes(formatHex(cr2, 8).slice(2)));
  return how !== 'shutdown' && how !== 'stopped' && (how !== 'reset' || cr2 !== 0n);
}

/** QEMU does not tell which access it was: the first that faults is shown. @returns null where none does */
async function walkOfFault(view: GuestView, cpu: number, cr2: bigint, rip: bigint | null): Promise<string | null> {
  const { cpl } = await view.vcpuState(cpu);
  const user = cpl.value === 3;
  const kinds = [...(cr2 === rip ? [{ exec: true }] : []), {}, { write: true }];
  for (const kind of kinds) {
    const answer = await askAddress(view, cr2, { user, ...kind }, { cpu });
    if (answer.translation.kind === 'fault') return showAnswer(answer);
  }
  return null;
}

const WORDS: Readonly<Record<GuestEndKind, string>> = {
  exited: 'QEMU ended',
  shutdown: 'the guest shut itself down',
  reset: 'the guest reset itself',
  'triple-fault': 'the guest had a triple fault',
  panicked: 'the guest panicked, as it told by pvpanic or on its console',
  stopped: 'the guest was reset or shut down from outside, as by QMP',
};

const OR_TRIPLE_FAULT = ', or had a triple fault, which QEMU tells from a reset under TCG only';

/** An end in lines, as a test's failure shows it. @internal */
export function describeEnd(end: GuestEnd): string {
  const { how, mayBeTripleFault: isUnsure, exit, cpu, rip, cr2, cr3, walk, output, lastLines } = end;
  const byWhat = exit === null ? '' : exit.signal === null ? ` with status ${exit.status}` : ` by ${exit.signal}`;
  const registers = Object.entries({ RIP: rip, CR2: cr2, CR3: cr3 }).flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${formatHex(value)}`],
  );
  return [
    `${WORDS[how]}${isUnsure ? OR_TRIPLE_FAULT : ''}${byWhat}`,
    ...(registers.length === 0 ? [] : [`vCPU ${cpu}: ${registers.join(', ')}`]),
    ...(walk === null ? [] : ['The last page fault (CR2):', foldForTerminal(walk)]),
    ...(output === '' ? [] : ['QEMU said:', output]),
    ...(lastLines.length === 0 ? ['The guest said nothing.'] : ['The last lines of its console:', ...lastLines]),
  ].join('\n');
}
