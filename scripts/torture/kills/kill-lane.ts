import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AftermathOptions, examine } from '../rig/aftermath.ts';
import { type Approach, guestOptionsOf } from '../rig/approach.ts';
import { type CommandEnd, CommandRun, judgeCommand, runCommand, undisturbed } from '../rig/command-run.ts';
import { Draw } from '../rig/draw.ts';
import type { GuestStanding } from '../rig/examined-guest.ts';
import type { ChangedByte } from '../rig/guest-pages.ts';
import { type Direction, MessageProxy, type Passing, type Protocol } from '../rig/message-proxy.ts';
import { eventually, within } from '../rig/patience.ts';
import type { ProxyPlace } from '../rig/proxy-place.ts';
import { type Question, questionsIn } from '../rig/questions.ts';
import { Sandbox } from '../rig/sandbox.ts';
import { stubOf, TortureGuest } from '../rig/torture-guest.ts';
import type { Outcome } from '../scenario.ts';
import { healAfterBoth } from './heal-after-both.ts';
import { describeCase, drawCase, type KillCase, REACHES, type Reach } from './kill-case.ts';
import { KILL_WAYS, type KillWay } from './kill-ways.ts';

const RUN_LIMIT_MS = 60_000;
/** "Before a message" means that the client is gone when QEMU gets it: it is given so long to go. */
const GONE_MS = 40;

/** What a question does when nothing disturbs it. */
interface Reference {
  readonly end: CommandEnd;
  readonly counts: Record<Protocol, Record<Direction, number>>;
  readonly allowed: readonly ChangedByte[];
}

interface Strike {
  readonly protocol: Protocol;
  readonly direction: Direction;
  readonly phase: 'before' | 'after';
  readonly index: number;
  act(): void;
}

/** One guest with a stub and one without, both with proxies before them, and clients that come to harm. */
export class KillLane implements AsyncDisposable {
  readonly #directory: string;
  readonly #withStub: TortureGuest;
  readonly #withoutStub: TortureGuest;
  readonly #proxies: readonly MessageProxy[];
  readonly #questions: readonly Question[];
  readonly #greetsWithStop: boolean;
  readonly #ways: readonly KillWay[];
  readonly #approach: Approach | undefined;
  /** By which monitors are reached with nothing between. */
  readonly #direct: ReadonlyMap<TortureGuest, string>;
  readonly #references = new Map<string, Reference>();
  /** What the proxies had counted when the session began. */
  readonly #startCounts: Record<Protocol, Record<Direction, number>> = {
    qmp: { up: 0, down: 0 },
    gdb: { up: 0, down: 0 },
  };
  #strike: Strike | undefined;
  #victim: CommandRun | undefined;

  private constructor(parts: {
    readonly directory: string;
    readonly withStub: TortureGuest;
    readonly withoutStub: TortureGuest;
    readonly greetsWithStop: boolean;
    readonly ways: readonly KillWay[];
    readonly proxies: readonly MessageProxy[];
    readonly approach: Approach | undefined;
    readonly direct: ReadonlyMap<TortureGuest, string>;
  }) {
    this.#directory = parts.directory;
    this.#withStub = parts.withStub;
    this.#withoutStub = parts.withoutStub;
    this.#greetsWithStop = parts.greetsWithStop;
    this.#ways = parts.ways;
    this.#proxies = parts.proxies;
    this.#approach = parts.approach;
    this.#direct = parts.direct;
    this.#questions = questionsIn(parts.directory);
  }

  static async open(ways: readonly KillWay[] = KILL_WAYS, approach?: Approach): Promise<KillLane> {
    const directory = mkdtempSync(join(tmpdir(), 'torture-lane-'));
    const options = guestOptionsOf(approach);
    const [withStub, withoutStub] = await Promise.all([
      TortureGuest.start(options),
      TortureGuest.start({ ...options, gdb: false }),
    ]);
    const taps: { lane: KillLane | undefined } = { lane: undefined };
    const proxy = (name: string, protocol: Protocol, target: string, place?: ProxyPlace): Promise<MessageProxy> =>
      MessageProxy.listen({
        protocol,
        path: join(directory, name),
        target,
        ...(place === undefined ? {} : { place }),
        before: async (message) => {
          await taps.lane?.onMessage(message, 'before');
          return undefined;
        },
        after: (message) => void taps.lane?.onMessage(message, 'after'),
      });
    const proxies = await Promise.all([
      proxy('qmp', 'qmp', withStub.qmpPath, await approach?.placeBefore(withStub)),
      proxy('gdb', 'gdb', stubOf(withStub)),
      proxy('bare', 'qmp', withoutStub.qmpPath, await approach?.placeBefore(withoutStub)),
    ]);
    const version = (await withStub.monitor.execute('query-version')) as { qemu: { major: number } };
    await Promise.all([withStub.bring('paused'), withoutStub.bring('paused')]);
    const lane = new KillLane({
      directory,
      withStub,
      withoutStub,
      proxies,
      greetsWithStop: version.qemu.major < 8,
      ways,
      approach,
      direct: new Map([
        [withStub, (await approach?.endpointOf(withStub)) ?? withStub.endpoint],
        [withoutStub, (await approach?.endpointOf(withoutStub)) ?? withoutStub.endpoint],
      ]),
    });
    taps.lane = lane;
    return lane;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
    await this.#withStub[Symbol.asyncDispose]();
    await this.#withoutStub[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true });
  }

  /** Draws a case, does it, and looks at what it left. */
  async run(seed: number, number: number): Promise<Outcome> {
    const start = performance.now();
    const drawn = this.#draw(new Draw(seed, number));
    const guest = drawn.reach === 'QMP, and a stub of its own' ? this.#withoutStub : this.#withStub;
    const reference = await this.#reference(drawn, guest);
    await this.#prepare(guest, drawn.ran);
    using sandbox = new Sandbox();
    const before = await guest.standing();
    const { end, at, hasStruck } = await this.#strikeOnce(drawn, guest, sandbox, reference);
    const problems = [...judgeEnd(drawn, end, reference, hasStruck)];
    const aftermath: AftermathOptions = {
      guest,
      sandbox,
      before,
      allowed: drawn.question.writes ? reference.allowed : [],
    };
    const endpoints = this.#endpoints(drawn.reach, guest, 'protocol' in drawn.moment);
    let isLeftPaused = false;
    if (hasStruck && drawn.way.leavesNoProcess === true) {
      const healed = await healAfterBoth(aftermath, endpoints, number % 2 === 0);
      problems.push(...healed.problems);
      isLeftPaused = healed.isLeftPaused;
      if (isLeftPaused && !isBeforeRegisters(drawn)) problems.push('the guest stays paused, in spite of its registers');
    } else if (!(hasStruck && isBeforeGreeting(drawn))) problems.push(...(await examine(aftermath)));
    else problems.push(...(await examine({ ...aftermath, before: await runningOrAs(guest, before) })));
    if (problems.length > 0) {
      sandbox.clear();
      await guest.heal();
    }
    // It would take time from the other guest.
    await guest.bring('paused');
    return {
      what: describeCase(drawn, at),
      tags: [
        `way: ${drawn.way.name}`,
        `question: ${drawn.question.name}`,
        `reach: ${drawn.reach}`,
        `guest ${drawn.ran ? 'running' : 'paused'}`,
        hasStruck ? 'struck' : 'ended before it was struck',
        ...(isLeftPaused ? ['left paused, as nothing tells whose pause it is'] : []),
        'protocol' in drawn.moment ? `at a ${drawn.moment.protocol} message` : 'at a random moment',
      ],
      problems,
      again: `npm run torture -- ${this.#approach?.suite ?? 'kills'} --seed ${seed} --case ${number}`,
      tookMs: performance.now() - start,
    };
  }

  #draw(draw: Draw): KillCase {
    if (this.#approach === undefined) return drawCase(draw, this.#questions, this.#ways, REACHES, this.#greetsWithStop);
    const reaches = REACHES.filter(([reach]) => reach !== 'the stub alone');
    const drawn = drawCase(draw, this.#questions, this.#ways, reaches, this.#greetsWithStop);
    return this.#mayHaveProxy(drawn.reach) ? drawn : { ...drawn, moment: { part: drawn.moment.part } };
  }

  /** Behind a proxy that is no unix socket nothing shows whose a stub is that was not named, so that none is taken or started. */
  #mayHaveProxy(reach: Reach): boolean {
    return this.#approach === undefined || reach === 'QMP and the stub';
  }

  async onMessage(message: Passing, phase: 'before' | 'after'): Promise<void> {
    const strike = this.#strike;
    if (strike === undefined || strike.phase !== phase || strike.index !== message.index - this.#offset(message))
      return;
    if (strike.protocol !== message.protocol || strike.direction !== message.direction) return;
    this.#strike = undefined;
    strike.act();
    if (phase === 'before' && this.#victim !== undefined) await within(this.#victim.ended, GONE_MS);
  }

  #offset({ protocol, direction }: Passing): number {
    return this.#startCounts[protocol][direction];
  }

  #proxiesOf(guest: TortureGuest): Readonly<Record<Protocol, MessageProxy | undefined>> {
    const [qmp, gdb, bare] = this.#proxies;
    return guest === this.#withStub ? { qmp, gdb } : { qmp: bare, gdb: undefined };
  }

  #endpoints(reach: Reach, guest: TortureGuest, isProxied: boolean): readonly string[] {
    const proxies = this.#proxiesOf(guest);
    const qmp = isProxied ? (proxies.qmp?.endpoint ?? '') : (this.#direct.get(guest) ?? '');
    if (reach === 'QMP alone' || reach === 'QMP, and a stub of its own') return ['--qmp', qmp];
    const gdb = isProxied ? (proxies.gdb?.endpoint ?? '') : guest.qemu.gdbEndpoint;
    return reach === 'the stub alone' ? ['--gdb', gdb] : ['--qmp', qmp, '--gdb', gdb];
  }

  async #prepare(guest: TortureGuest, ran: boolean): Promise<void> {
    await guest.bring(ran ? 'running' : 'paused');
    guest.pages?.putBack();
  }

  async #reference(drawn: KillCase, guest: TortureGuest): Promise<Reference> {
    const key = [drawn.question.name, drawn.reach].join();
    const known = this.#references.get(key);
    if (known !== undefined) return known;
    const end = await undisturbed(key, async () => {
      await this.#prepare(guest, true);
      using sandbox = new Sandbox();
      this.#markCounts(guest);
      return await runCommand(
        [...drawn.question.words, ...this.#endpoints(drawn.reach, guest, this.#mayHaveProxy(drawn.reach))],
        sandbox,
      );
    });
    const proxies = this.#proxiesOf(guest);
    const count = (protocol: Protocol): Record<Direction, number> => ({
      up: (proxies[protocol]?.counts.up ?? 0) - this.#startCounts[protocol].up,
      down: (proxies[protocol]?.counts.down ?? 0) - this.#startCounts[protocol].down,
    });
    const reference = { end, counts: { qmp: count('qmp'), gdb: count('gdb') }, allowed: guest.pages?.changes() ?? [] };
    this.#references.set(key, reference);
    return reference;
  }

  #markCounts(guest: TortureGuest): void {
    const proxies = this.#proxiesOf(guest);
    for (const protocol of ['qmp', 'gdb'] as const) {
      this.#startCounts[protocol] = {
        up: proxies[protocol]?.counts.up ?? 0,
        down: proxies[protocol]?.counts.down ?? 0,
      };
    }
  }

  async #strikeOnce(
    { question, reach, way, moment }: KillCase,
    guest: TortureGuest,
    sandbox: Sandbox,
    reference: Reference,
  ): Promise<{ readonly end: CommandEnd; readonly at: string; readonly hasStruck: boolean }> {
    const isProxied = 'protocol' in moment;
    let hasStruck = false;
    const act = (): void => {
      const run = this.#victim;
      if (run === undefined || !run.isRunning) return;
      hasStruck = true;
      way.strike(run, sandbox);
    };
    this.#markCounts(guest);
    let at: string;
    let timer: NodeJS.Timeout | undefined;
    if (isProxied) {
      const total = reference.counts[moment.protocol][moment.direction];
      const index = Math.min(total - 1, Math.floor(moment.part * total));
      at = `${index + 1} of ${total} ${moment.direction === 'up' ? 'to' : 'from'} QEMU`;
      this.#strike = { ...moment, index, act };
    } else {
      const ms = Math.round(moment.part * reference.end.tookMs);
      at = `${ms} ms`;
      timer = setTimeout(act, ms);
    }
    // One that is suspended for long has to be allowed to pause for as long.
    const patience = way.delaysMs === undefined ? [] : ['--max-pause', '20000'];
    const words = [...question.words, ...this.#endpoints(reach, guest, isProxied), ...patience];
    this.#victim = new CommandRun(words, sandbox, { limitMs: RUN_LIMIT_MS });
    const end = await this.#victim.ended;
    clearTimeout(timer);
    this.#strike = undefined;
    this.#victim = undefined;
    return { end, at, hasStruck };
  }
}

/** The parts of a session before the registers of a pause have come: they are asked for with the pause itself. */
const REGISTERS_BY = { qmp: 1, gdb: 0.3 } as const;

/** Both may have died before the registers had come by which the next run knows their pause. */
function isBeforeRegisters({ moment, question }: KillCase): boolean {
  // It pauses twice.
  if (question.needsRunning === true) return true;
  return !('protocol' in moment) || moment.part <= REGISTERS_BY[moment.protocol];
}

/** The handshake: until its first reply a client does not know whether a greeting would have come. */
const HANDSHAKE_PART = 0.12;

/** The stub alone does not tell at once that a guest had been paused: until it has, the guest is taken to have run. */
function isBeforeGreeting({ reach, ran, moment }: KillCase): boolean {
  if (ran || reach !== 'the stub alone') return false;
  return !('protocol' in moment) || moment.part <= HANDSHAKE_PART;
}

/** The standing that is to be found when both run states are right. */
async function runningOrAs(guest: TortureGuest, before: GuestStanding): Promise<GuestStanding> {
  const gone = await eventually(async () => (await guest.monitor.runState()) === 'running', GONE_MS * 50);
  return gone === undefined ? before : { ...before, runState: 'running' };
}

function judgeEnd(
  { way, question }: KillCase,
  end: CommandEnd,
  reference: Reference,
  hasStruck: boolean,
): readonly string[] {
  return judgeCommand(end, {
    reference: reference.end,
    ends: hasStruck ? way.ends : [],
    isSteady: question.isSteady,
  });
}
