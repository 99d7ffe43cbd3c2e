import type { QemuProcess } from '../../../../src/testing/index.ts';
import { compareWithTlb, type MappedPage, type TlbComparison } from '../guest/tlb-disagreements.ts';
import { Witness } from '../guest/witness.ts';
import { runPagewalk } from '../run-pagewalk.ts';

/** A guest that others wrote. */
export interface RealGuest {
  readonly name: string;
  /** As `map` names it, once the guest has turned paging on; `off` for one that never does. */
  readonly mode: '4-level' | '5-level' | 'pae' | '32-bit' | 'off';
  readonly launch: () => Promise<QemuProcess>;
  /** At least so many pages are mapped in the end. */
  readonly pages: number;
}

/** Emulated, beside other tests. */
const PAGING_TIMEOUT_MS = 150_000;
const MOST_LINES = '100000000';

/** Waits until the first vCPU pages in the mode that is expected. */
export async function untilPaging(witness: Witness, mode: RealGuest['mode']): Promise<void> {
  const deadline = performance.now() + PAGING_TIMEOUT_MS;
  let seen = '';
  while (performance.now() < deadline) {
    seen = modeOf(await witness.hmp('info registers'));
    if (seen === mode) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the guest did not come to ${mode} paging: it is in ${seen}`);
}

/** By the registers as the monitor shows them. */
function modeOf(registers: string): RealGuest['mode'] {
  const register = (name: string) =>
    BigInt(`0x${new RegExp(`\\b${name}=([0-9a-f]+)`, 'i').exec(registers)?.[1] ?? '0'}`);
  const [cr0, cr4, efer] = [register('CR0'), register('CR4'), register('EFER')];
  if (!(cr0 & (1n << 31n))) return 'off';
  if (!(cr4 & (1n << 5n))) return '32-bit';
  if (!(efer & (1n << 10n))) return 'pae';
  return cr4 & (1n << 12n) ? '5-level' : '4-level';
}

/** Everything that is mapped, against every line of `info tlb`, in one pause that is over afterwards. */
export async function compareInOnePause(
  guest: QemuProcess,
  witness: Witness,
): Promise<TlbComparison & { mode: string }> {
  await witness.execute('stop');
  try {
    const words = ['map', '--leaves', '--json', '--limit', MOST_LINES, '--qmp', guest.qmpEndpoint];
    const { status, stdout, stderr } = await runPagewalk(words);
    if (status !== 0) throw new Error(`map ended with ${status}: ${stderr}`);
    const lines = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    const pages = lines.filter(({ kind }) => kind === 'page') as readonly (MappedPage & { kind: 'page' })[];
    const { mode } = lines[0] as { mode: string };
    return { ...compareWithTlb(pages, await witness.hmp('info tlb'), mode === '32-bit'), mode };
  } finally {
    await witness.execute('cont');
  }
}

/** @returns what the comparison found, with the guest's name */
export async function lookAt(real: RealGuest): Promise<TlbComparison & { mode: string; pagesWanted: number }> {
  const guest = await real.launch();
  try {
    const witness = await Witness.of(guest);
    try {
      await untilPaging(witness, real.mode);
      return { ...(await compareInOnePause(guest, witness)), pagesWanted: real.pages };
    } finally {
      await witness[Symbol.asyncDispose]();
    }
  } finally {
    await guest.stop();
  }
}
