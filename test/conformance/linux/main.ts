import type { LinuxKind } from '../../../scripts/guests/linux-images.ts';
import { attach, type GuestView } from '../../../src/guest/index.ts';
import type { Linux } from '../../../src/linux/index.ts';
import { formatSymbol } from '../../../src/report/index.ts';
import { bootLinux, hashLines, type LinuxGuest } from '../../support/live/linux/linux-guest.ts';

/*
 * `npm run test:linux`: whether names that are found in guest memory are those of the guest itself, on every kernel that can be had
 * of Debian 12, with KASLR, page-table isolation and 5-level paging on and off. PAGEWALK_QEMU chooses the QEMU. Takes some
 * minutes, and fetches the kernels the first time; a word chooses the kernels whose kind it is in: `npm run test:linux -- 686`.
 */

interface Trial {
  readonly kind: LinuxKind;
  readonly cpu: string;
  readonly append: string;
}

/** 6.12 has cmpxchg16b in a place where TCG of QEMU 7.2 raises #UD: it does without. */
const TRIALS: readonly Trial[] = [
  { kind: '6.1-cloud', cpu: 'max,la57=off', append: 'pti=on' },
  { kind: '6.1-cloud', cpu: 'max', append: 'pti=off nokaslr' },
  { kind: '6.12-cloud', cpu: 'max,la57=off,cx16=off', append: 'pti=off' },
  { kind: '6.12-cloud', cpu: 'max,cx16=off', append: 'pti=on nokaslr' },
  { kind: '6.1-686-pae', cpu: 'max', append: '' },
  { kind: '6.1-686', cpu: 'max', append: 'nokaslr' },
];

const READ = { write: false, user: true, exec: false };

interface Outcome {
  readonly symbols: string;
  readonly modules: string;
  readonly pages: string;
  readonly isRight: boolean;
}

async function compare(told: LinuxGuest): Promise<Outcome> {
  const guest = await attach({ qmp: told.guest.qmpEndpoint, maxPauseMs: 120_000 });
  try {
    return await guest.whilePaused(async (paused) => {
      const linux = await paused.linux();
      const modules = await compareModules(linux, told);
      const own = [...linux.symbols].map((symbol) => formatSymbol(symbol, 2 * linux.names.wordBytes));
      const isSame = hashLines(own) === told.kallsyms;
      const pages = await comparePages(paused, linux, told);
      return {
        symbols: `${own.length} ${isSame ? 'equal' : `DIFFER from ${told.kallsyms}`}`,
        modules: modules.text,
        pages: pages.text,
        isRight: isSame && modules.isRight && pages.isRight,
      };
    });
  } finally {
    await guest.detach();
  }
}

interface Part {
  readonly text: string;
  readonly isRight: boolean;
}

/** Types of modules are told in lower case, and without white space. */
async function compareModules(linux: Linux, told: LinuxGuest): Promise<Part> {
  await linux.loadModules();
  const packed = linux
    .tables()
    .filter(({ module }) => module !== null)
    .flatMap((table) => [...table])
    .map((symbol) => formatSymbol(symbol, 2 * linux.names.wordBytes))
    .map((line) => line.replace(/^(\S+) (\S) (\S+)\s+/, (_, at, type, name) => `${at}${type.toLowerCase()}${name}`));
  if (linux.names.btf === null) return { text: 'none: no BTF', isRight: packed.length === 0 };
  const isRight = hashLines(packed) === told.modules;
  return { text: `${packed.length} ${isRight ? 'equal' : `DIFFER from ${told.modules}`}`, isRight };
}

async function comparePages(paused: GuestView, linux: Linux, told: LinuxGuest): Promise<Part> {
  if (linux.names.btf === null) return { text: 'none: no BTF', isRight: linux.missing.length > 0 };
  let wrong = 0;
  for (const { pid } of told.processes) {
    const pages = told.pages.filter((page) => page.pid === pid);
    const requests = pages.map(({ address }) => ({ linearAddress: address, access: READ }));
    const answers = await paused.translate(requests, { process: pid });
    wrong += answers.filter(
      ({ translation }, at) => translation.kind !== 'mapped' || translation.physicalAddress >> 12n !== pages[at]?.frame,
    ).length;
  }
  return { text: `${told.pages.length} ${wrong === 0 ? 'equal' : `${wrong} DIFFER`}`, isRight: wrong === 0 };
}

async function main(word = ''): Promise<void> {
  let isRight = true;
  const line = (...cells: readonly string[]): void => {
    const widths = [12, 22, 16, 22, 22];
    process.stdout.write(
      `${cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join(' ')
        .trimEnd()}\n`,
    );
  };
  line('kernel', 'processor', 'command line', 'symbols', 'of modules', 'pages');
  for (const { kind, cpu, append } of TRIALS.filter((trial) => trial.kind.includes(word))) {
    const told = await bootLinux(kind, append, { cpu });
    try {
      const outcome = await compare(told);
      line(kind, cpu, append, outcome.symbols, outcome.modules, outcome.pages);
      isRight &&= outcome.isRight;
    } finally {
      await told.guest.stop();
    }
  }
  process.exitCode = isRight ? 0 : 1;
}

await main(process.argv[2]);
