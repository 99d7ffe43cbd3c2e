import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { healAfterBoth } from '../kills/heal-after-both.ts';
import { examine } from '../rig/aftermath.ts';
import { type CommandEnd, CommandRun, judgeCommand, undisturbed } from '../rig/command-run.ts';
import { Draw } from '../rig/draw.ts';
import type { GuestStanding } from '../rig/examined-guest.ts';
import type { ChangedByte } from '../rig/guest-pages.ts';
import { LibvirtGuest } from '../rig/libvirt/libvirt-guest.ts';
import { eventually, within } from '../rig/patience.ts';
import { descriptorCount } from '../rig/processes.ts';
import { type Question, questionsIn } from '../rig/questions.ts';
import { Sandbox } from '../rig/sandbox.ts';
import type { Outcome } from '../scenario.ts';
import type { LibvirtWay } from './libvirt-ways.ts';
import type { SpiedDirection } from './spied-message.ts';
import { type Spied, VirshSpy } from './virsh-spy.ts';

const RUN_LIMIT_MS = 60_000;
const CLIENT_TIMEOUT_MS = 8000;
/** "Before a message" means that the client is gone when virsh gets it: it is given so long to go. */
const GONE_MS = 40;
/** A libvirtd that was killed has to come back before a watchdog can do anything. */
const RUN_STATE_WITHIN_MS = 15_000;
const LIBVIRT_BACK_WITHIN_MS = 20_000;
const AT_A_MESSAGE_PERCENT = 75;
/** Where all is well again, QEMU has as many descriptors as before, but for one that another client may hold for a moment. */
const SPARE_DESCRIPTORS = 1;

interface Reference {
  readonly end: CommandEnd;
  readonly counts: Readonly<Record<SpiedDirection, number>>;
  readonly allowed: readonly ChangedByte[];
}

interface LibvirtCase {
  readonly question: Question;
  readonly way: LibvirtWay;
  readonly ran: boolean;
  readonly moment:
    | { readonly direction: 'up' | 'down'; readonly phase: 'before' | 'after'; readonly part: number }
    | { readonly part: number };
}

/** A domain of libvirt, and clients that reach it by a virsh that can be told to do something at each message. */
export class LibvirtLane implements AsyncDisposable {
  readonly #directory: string;
  readonly #guest: LibvirtGuest;
  readonly #spy: VirshSpy;
  readonly #questions: readonly Question[];
  readonly #ways: readonly LibvirtWay[];
  readonly #references = new Map<string, Reference>();

  private constructor(directory: string, guest: LibvirtGuest, spy: VirshSpy, ways: readonly LibvirtWay[]) {
    this.#directory = directory;
    this.#guest = guest;
    this.#spy = spy;
    this.#ways = ways;
    this.#questions = questionsIn(directory);
  }

  static async open(ways: readonly LibvirtWay[]): Promise<LibvirtLane> {
    const guest = await LibvirtGuest.start();
    const directory = mkdtempSync(join(tmpdir(), 'torture-lane-'));
    return new LibvirtLane(directory, guest, await VirshSpy.open(directory), ways);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spy[Symbol.asyncDispose]();
    await this.#guest[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true });
  }

  /** Draws a case, does it, and looks at what it left. */
  async run(seed: number, number: number): Promise<Outcome> {
    const start = performance.now();
    const drawn = this.#draw(new Draw(seed, number));
    const { question, way } = drawn;
    const reference = await this.#reference(question);
    await this.#prepare(drawn.ran);
    using sandbox = new Sandbox();
    const before = await this.#guest.standing();
    const descriptors = descriptorCount(this.#guest.qemuPid);
    const { end, at, hasStruck } = await this.#strikeOnce(drawn, sandbox, reference);
    const problems = [...judgeEnd(drawn, end, reference, hasStruck)];
    await this.#libvirtIsBack();
    const expected: GuestStanding = hasStruck && way.resumes === true ? { ...before, runState: 'running' } : before;
    const aftermath = {
      guest: this.#guest,
      sandbox,
      before: expected,
      allowed: question.writes ? reference.allowed : [],
      runStateWithinMs: RUN_STATE_WITHIN_MS,
    };
    let isLeftPaused = false;
    if (hasStruck && way.leavesNoProcess === true) {
      const healed = await healAfterBoth(aftermath, ['--qmp', this.#guest.endpoint], number % 2 === 0);
      problems.push(...healed.problems);
      isLeftPaused = healed.isLeftPaused;
    } else problems.push(...(await examine(aftermath)));
    problems.push(...(await this.#libvirtAgrees()), ...(await this.#lostDescriptors(drawn.ran, descriptors)));
    if (problems.length > 0) {
      sandbox.clear();
      await this.#guest.heal();
    }
    return {
      what: describe(drawn, at),
      tags: [
        `way: ${way.name}`,
        `question: ${question.name}`,
        `guest ${drawn.ran ? 'running' : 'paused'}`,
        hasStruck ? 'struck' : 'ended before it was struck',
        ...(isLeftPaused ? ['left paused, as nothing tells whose pause it is'] : []),
        'direction' in drawn.moment ? `at a message ${drawn.moment.direction}` : 'at a random moment',
      ],
      problems: [...new Set(problems)],
      again: `npm run torture -- libvirt --seed ${seed} --case ${number}`,
      tookMs: performance.now() - start,
    };
  }

  #draw(draw: Draw): LibvirtCase {
    const question = draw.pick(this.#questions);
    const way = draw.pickWeighted(this.#ways.map((each) => [each, each.weight] as const));
    const ran = question.needsRunning === true || draw.chance(65);
    const part = draw.below(1000) / 1000;
    const phase = draw.pick(['before', 'after'] as const);
    if (way.instead !== undefined) return { question, way, ran, moment: { direction: 'down', phase: 'before', part } };
    if (!draw.chance(AT_A_MESSAGE_PERCENT)) return { question, way, ran, moment: { part } };
    return { question, way, ran, moment: { direction: draw.pick(['up', 'up', 'down']), phase, part } };
  }

  async #prepare(ran: boolean): Promise<void> {
    await this.#guest.bring('running');
    await this.#guest.forgetDescriptors();
    if (!ran) await this.#guest.bring('paused');
    this.#guest.pages.putBack();
  }

  #run(words: readonly string[], sandbox: Sandbox): CommandRun {
    const environment = { PATH: [this.#spy.folder, process.env['PATH'] ?? ''].join(delimiter) };
    const all = [...words, '--qmp', this.#guest.endpoint, '--timeout', String(CLIENT_TIMEOUT_MS)];
    return new CommandRun(all, sandbox, { limitMs: RUN_LIMIT_MS, environment });
  }

  async #reference(question: Question): Promise<Reference> {
    const known = this.#references.get(question.name);
    if (known !== undefined) return known;
    const end = await undisturbed(question.name, async () => {
      await this.#prepare(true);
      using sandbox = new Sandbox();
      this.#spy.reset();
      return await this.#run([...question.words, '--max-pause', '20000'], sandbox).ended;
    });
    const reference = { end, counts: { ...this.#spy.counts }, allowed: this.#guest.pages.changes() };
    this.#references.set(question.name, reference);
    return reference;
  }

  async #strikeOnce(
    { question, way, moment }: LibvirtCase,
    sandbox: Sandbox,
    reference: Reference,
  ): Promise<{ readonly end: CommandEnd; readonly at: string; readonly hasStruck: boolean }> {
    let run: CommandRun | undefined;
    let hasStruck = false;
    const strike = async (): Promise<void> => {
      if (run === undefined || !run.isRunning) return;
      hasStruck = true;
      await way.strike?.({ run, sandbox, guest: this.#guest, spy: this.#spy });
    };
    const isIts = (message: Spied): boolean =>
      'direction' in moment && message.direction === moment.direction && message.index === index;
    let index = -1;
    let at = `${Math.round(moment.part * reference.end.tookMs)} ms`;
    if ('direction' in moment) {
      const total = reference.counts[moment.direction];
      index = Math.min(total - 1, Math.floor(moment.part * total));
      at = `${index + 1} of ${total} ${moment.direction === 'up' ? 'to' : 'from'} QEMU`;
    }
    this.#spy.reset({
      before: async (message) => {
        if (!isIts(message) || !('phase' in moment) || moment.phase !== 'before') return undefined;
        await strike();
        if (way.instead !== undefined) return way.instead(message.text);
        if (run !== undefined) await within(run.ended, GONE_MS);
        return undefined;
      },
      after: (message) => {
        if (isIts(message) && 'phase' in moment && moment.phase === 'after') void strike();
      },
    });
    // One that is held up for long has to be allowed to pause for as long.
    const patience = way.delaysMs === undefined ? [] : ['--max-pause', '20000'];
    run = this.#run([...question.words, ...patience], sandbox);
    const timer =
      'direction' in moment
        ? undefined
        : setTimeout(() => void strike(), Math.round(moment.part * reference.end.tookMs));
    const end = await run.ended;
    clearTimeout(timer);
    this.#spy.tap = {};
    return { end, at, hasStruck };
  }

  /** What comes after a case is none of its business. */
  async #libvirtIsBack(): Promise<void> {
    const { libvirt } = this.#guest;
    libvirt.signalLibvirtd('SIGCONT');
    const answers = (): Promise<boolean> =>
      libvirt.state().then(
        () => true,
        () => false,
      );
    await eventually(answers, LIBVIRT_BACK_WITHIN_MS, 100);
  }

  /** What libvirt shows a user is what QEMU does. */
  async #libvirtAgrees(): Promise<readonly string[]> {
    const { libvirt, monitor } = this.#guest;
    const shown = await libvirt.state();
    const is = await monitor.runState();
    return shown === is ? [] : [`libvirt says "${shown}" of a guest that is ${is}`];
  }

  /** While a guest is paused QEMU removes no descriptor: those of a paused guest go with the next look at one that runs. */
  async #lostDescriptors(ran: boolean, before: number): Promise<readonly string[]> {
    if (!ran) return [];
    const most = before + SPARE_DESCRIPTORS;
    const few = await eventually(() => descriptorCount(this.#guest.qemuPid) <= most, 3000, 100);
    return few === undefined ? [`QEMU had ${before} descriptors, and has ${descriptorCount(this.#guest.qemuPid)}`] : [];
  }
}

function describe({ question, way, ran, moment }: LibvirtCase, at: string): string {
  const when = 'direction' in moment ? `${moment.phase} message ${at}` : `after ${at}`;
  return `${way.name}, ${when}: ${question.name}, through libvirt, guest ${ran ? 'running' : 'paused'}`;
}

function judgeEnd(
  { way, question }: LibvirtCase,
  end: CommandEnd,
  reference: Reference,
  hasStruck: boolean,
): readonly string[] {
  const mayAssume = hasStruck && way.spoilsAnswer === true;
  const problems = judgeCommand(end, {
    reference: reference.end,
    ends: hasStruck ? way.ends : [],
    isSteady: question.isSteady && !mayAssume,
  });
  if ((end.signal ?? end.status) === 3 && !/^pagewalk: .{10,}/m.test(end.stderr))
    problems.push(`status 3, and no message: ${end.stderr}`);
  return problems;
}
