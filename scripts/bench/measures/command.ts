import { QmpClient } from '../../../protocols/qmp/index.ts';
import { attach, type GuestView, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { PauseClock } from '../../demo/pause-clock.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { pickWritableAddresses } from '../guests/mapped-addresses.ts';
import { RawMonitor } from '../guests/raw-monitor.ts';
import { type Comparison, compare, timeMs } from '../statistics.ts';
import { runCommand, runNode } from './run-command.ts';

const PAUSES = 15;
const STARTS = 25;

const ACCESS = { write: true, user: false, exec: false };
const FLAGS = { setAccessed: true, setDirty: true, forceSetAccessed: true };
const OPTIONS = ['--write', '--set-accessed', '--set-dirty', '--force-set-accessed'];

/** What the command asks, and a program that has asked it before. */
interface Question {
  readonly name: string;
  readonly limit: number;
  readonly words: readonly string[];
  readonly ask: (paused: GuestView) => Promise<unknown>;
}

function translation(page: string, linearAddress: bigint): Question {
  return {
    name: `pagewalk translate with three flags, ${page}`,
    limit: 2,
    words: ['translate', `0x${linearAddress.toString(16)}`, ...OPTIONS],
    ask: (paused) => paused.translate([{ linearAddress, access: ACCESS, flags: FLAGS }]),
  };
}

async function questionsOf(guest: QemuProcess): Promise<readonly Question[]> {
  await using monitor = await RawMonitor.open(guest.witnessEndpoint);
  const { kernel, user } = pickWritableAddresses(await monitor.hmp('info tlb'));
  return [
    translation('a page of the kernel', kernel),
    translation('a page of a process, with PKRU in force', user),
    {
      name: 'pagewalk state',
      limit: 3,
      words: ['state'],
      ask: async (paused) => {
        await paused.vcpuState();
        await paused.memoryMap();
        await paused.memoryReport();
      },
    },
    { name: 'pagewalk map', limit: 3, words: ['map'], ask: (paused) => paused.snapshot() },
  ];
}

/** The pause that each makes from attaching to detaching, by QEMU's clock. */
function comparePauses(guest: QemuProcess, clock: PauseClock, { words, ask }: Question): Promise<Comparison> {
  const pauseMs = async (run: () => Promise<unknown>): Promise<number> => (await clock.measure(run)).pauseMs;
  return compare(
    PAUSES,
    () => pauseMs(() => runCommand([...words, '--qmp', guest.qmpEndpoint])),
    () => pauseMs(() => withPausedGuest({ qmp: guest.qmpEndpoint }, ask)),
  );
}

async function* measurePauses(guest: QemuProcess): AsyncGenerator<Figure> {
  // Before the clock takes the witness monitor, which answers one client at a time.
  const questions = await questionsOf(guest);
  const qmp = await QmpClient.connect(guest.witnessEndpoint);
  try {
    const clock = new PauseClock(qmp);
    for (const question of questions) {
      const { ratio, measured, baseline } = await comparePauses(guest, clock, question);
      const { name, limit } = question;
      yield {
        name: `pause of a cold ${name}, against the warm library's`,
        value: ratio,
        unit: 'x',
        bar: atMost(limit),
        details: { commandMs: measured, libraryMs: baseline },
      };
    }
  } finally {
    await qmp.close();
  }
}

async function compareStarts(name: string, limit: number, words: readonly string[]): Promise<Figure> {
  const { ratio, measured, baseline } = await compare(
    STARTS,
    () => timeMs(() => runCommand(words)),
    () => timeMs(() => runNode(['-e', '0'])),
  );
  return {
    name: `wall time of ${name}, against node -e 0`,
    value: ratio,
    unit: 'x',
    bar: atMost(limit),
    details: { commandMs: measured, nodeMs: baseline },
  };
}

/** Protection keys take one more question, which goes through QEMU's device state. */
async function compareKeys(guest: QemuProcess): Promise<Figure> {
  const [kernel, user] = await questionsOf(guest);
  const qmp = await QmpClient.connect(guest.witnessEndpoint);
  const attached = await attach({ qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint });
  try {
    const clock = new PauseClock(qmp);
    const pauseMs = async (question: Question | undefined): Promise<number> =>
      (await clock.measure(() => attached.whilePaused(async (paused) => question?.ask(paused)))).pauseMs;
    const { ratio, measured, baseline } = await compare(
      STARTS,
      () => pauseMs(user),
      () => pauseMs(kernel),
    );
    return {
      name: 'pause of the warm library, attached before: a page of a process with PKRU in force, against a page of the kernel',
      value: ratio,
      unit: 'x',
      bar: atMost(2),
      details: { processMs: measured, kernelMs: baseline },
    };
  } finally {
    await attached.detach();
    await qmp.close();
  }
}

async function* run({ linux }: Setting): AsyncGenerator<Figure> {
  const guest = await linux.running('4-level');
  const [kernel] = await questionsOf(guest);
  yield* measurePauses(guest);
  yield await compareStarts('a cold pagewalk translate', 2.2, [...(kernel?.words ?? []), '--qmp', guest.qmpEndpoint]);
  yield await compareStarts('pagewalk --version', 1.3, ['--version']);
  yield await compareKeys(guest);
}

/** What a user of the command sees: a program that has just started, each time. */
export const command: Benchmark = { name: 'command', run };
