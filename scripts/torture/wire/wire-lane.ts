import { examine } from '../rig/aftermath.ts';
import type { Approach } from '../rig/approach.ts';
import { type CommandEnd, runCommand, undisturbed, unseemly } from '../rig/command-run.ts';
import { Draw } from '../rig/draw.ts';
import type { ChangedByte } from '../rig/guest-pages.ts';
import type { Direction, Passing, Protocol, Tap } from '../rig/message-proxy.ts';
import { eventually } from '../rig/patience.ts';
import { type Disturbance, ProxiedGuest } from '../rig/proxied-guest.ts';
import { type Question, questionsIn } from '../rig/questions.ts';
import { Sandbox } from '../rig/sandbox.ts';
import type { Outcome } from '../scenario.ts';
import { TortureError } from '../torture-error.ts';
import { judgeAssumed } from './assumptions.ts';
import { CLIENT_TIMEOUT_MS, type FaultKind, type OneWay, type Traffic, type WireFault } from './wire-fault.ts';

/** What a run may take beyond its undisturbed time: some requests that each wait out their time, and the guest's restoration. */
const USUAL_LIMIT_MS = 25_000;
/** A client whose connections break needs its own time-outs before the guest is as it was. */
const RUN_STATE_WITHIN_MS = 4000;
/** How long a watchdog may take. */
const GONE_WITHIN_MS = 10_000;
/** An ack and a reply to each of the two requests that a client begins with. */
const HANDSHAKE_MESSAGES = 4;

/** Which connections a client has. */
export type WireReach = 'QMP and the stub' | 'the stub alone';

/** A case: a question, how it reaches the guest, and what goes wrong. */
export interface WireCase {
  readonly question: Question;
  readonly reach: WireReach;
  readonly ran: boolean;
  readonly kind: string;
  readonly fault: WireFault;
  /** Leaves out the fresh run and the plain debugger. */
  readonly briefly?: boolean;
}

interface Reference {
  readonly end: CommandEnd;
  readonly traffic: Traffic;
  readonly allowed: readonly ChangedByte[];
}

/** A guest with proxies before it, and sessions that go wrong on the way. */
export class WireLane implements AsyncDisposable {
  readonly #proxied: ProxiedGuest;
  readonly #questions: readonly Question[];
  readonly #greetsWithStop: boolean;
  readonly #approach: Approach | undefined;
  readonly #references = new Map<string, Reference>();

  private constructor(proxied: ProxiedGuest, greetsWithStop: boolean, approach: Approach | undefined) {
    this.#proxied = proxied;
    this.#approach = approach;
    this.#greetsWithStop = greetsWithStop;
    this.#questions = questionsIn(proxied.directory);
  }

  static async open(approach?: Approach): Promise<WireLane> {
    const proxied = await ProxiedGuest.start({}, approach);
    const version = (await proxied.guest.monitor.execute('query-version')) as { qemu: { major: number } };
    return new WireLane(proxied, version.qemu.major < 8, approach);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxied[Symbol.asyncDispose]();
  }

  /** Draws a case among kinds of faults, and does it. */
  async run(seed: number, number: number, kinds: readonly FaultKind[]): Promise<Outcome> {
    const draw = new Draw(seed, number);
    const kind = draw.pickWeighted(kinds.map((each) => [each, each.weight] as const));
    const needsQmp = kind.needsQmp === true || this.#approach !== undefined;
    const reach = needsQmp || draw.chance(70) ? 'QMP and the stub' : 'the stub alone';
    const usable = this.#questions.filter(({ needsRunning }) => needsRunning !== true || reach === 'QMP and the stub');
    const question = draw.pick(usable);
    const mayBePaused = question.needsRunning !== true && (reach !== 'the stub alone' || this.#greetsWithStop);
    const ran = !mayBePaused || draw.chance(65);
    const { traffic } = await this.#reference(question, reach, ran);
    const protocols: readonly Protocol[] =
      this.#approach !== undefined ? ['qmp'] : reach === 'the stub alone' ? ['gdb'] : ['qmp', 'gdb'];
    const fault = kind.draw(draw, traffic, protocols);
    const again = `${this.#approach?.suite ?? 'wire'} --seed ${seed} --case ${number}`;
    return await this.do({ question, reach, ran, kind: kind.name, fault }, again);
  }

  /** The question of a name. */
  question(name: string): Question {
    const found = this.#questions.find((question) => question.name === name);
    if (found === undefined) throw new TortureError(`there is no question "${name}"`);
    return found;
  }

  async traffic(question: Question, reach: WireReach, ran: boolean): Promise<Traffic> {
    return (await this.#reference(question, reach, ran)).traffic;
  }

  /** Does a case, and looks at what it left. */
  async do({ question, reach, ran, kind, fault, briefly }: WireCase, again: string): Promise<Outcome> {
    const start = performance.now();
    const reference = await this.#reference(question, reach, ran);
    const { guest } = this.#proxied;
    await this.#prepare(ran);
    using sandbox = new Sandbox();
    const before = await guest.standing();
    const heard = countingHeard(fault.disturbance);
    this.#proxied.disturb(heard.disturbance);
    const limitMs = reference.end.tookMs + (fault.limitMs ?? USUAL_LIMIT_MS);
    // What must be answered is answered by a busy machine too.
    const patience = fault.mustAnswer ? ['--max-pause', '20000'] : [];
    const end = await runCommand([...question.words, ...this.#endpoints(reach), ...patience], sandbox, { limitMs });
    const problems = [...judgeAnswer(question, fault, end, reference.end)];
    // Whether it was this connection that paused the guest is told by the stub's first words alone: it is taken to have run.
    const isTakenToRun =
      reach === 'the stub alone' &&
      !ran &&
      heard.messages() < HANDSHAKE_MESSAGES &&
      (await this.#runsInTheEnd(sandbox));
    if (isTakenToRun) await guest.bring('paused');
    const allowed = question.writes ? reference.allowed : [];
    problems.push(
      ...(await examine({
        guest,
        sandbox,
        before,
        allowed,
        runStateWithinMs: RUN_STATE_WITHIN_MS,
        briefly: briefly === true,
      })),
    );
    this.#proxied.disturb();
    if (problems.length > 0) {
      sandbox.clear();
      await guest.heal();
    }
    return {
      what: `${fault.what}: ${question.name}, by ${reach}, guest ${ran ? 'running' : 'paused'}`,
      tags: [
        `fault: ${kind}`,
        `question: ${question.name}`,
        `guest ${ran ? 'running' : 'paused'}`,
        end.status === reference.end.status ? 'answered' : 'refused with an error',
        ...(isTakenToRun ? ['resumed, as nothing had told that it was paused'] : []),
      ],
      problems,
      again: `npm run torture -- ${again}`,
      tookMs: performance.now() - start,
    };
  }

  #endpoints(reach: WireReach): readonly string[] {
    const timeout = ['--timeout', String(CLIENT_TIMEOUT_MS)];
    const gdb = ['--gdb', this.#proxied.gdb.endpoint];
    return reach === 'the stub alone'
      ? [...gdb, ...timeout]
      : ['--qmp', this.#proxied.qmp.endpoint, ...gdb, ...timeout];
  }

  /** Once all have left that may still resume it. */
  async #runsInTheEnd(sandbox: Sandbox): Promise<boolean> {
    await eventually(() => sandbox.processes().length === 0, GONE_WITHIN_MS);
    return (await this.#proxied.guest.monitor.runState()) === 'running';
  }

  async #prepare(ran: boolean): Promise<void> {
    const { guest } = this.#proxied;
    await guest.bring(ran ? 'running' : 'paused');
    guest.pages?.putBack();
  }

  async #reference(question: Question, reach: WireReach, ran: boolean): Promise<Reference> {
    const key = [question.name, reach, ran].join();
    const known = this.#references.get(key);
    if (known !== undefined) return known;
    const end = await undisturbed(key, async () => {
      await this.#prepare(ran);
      using sandbox = new Sandbox();
      this.#proxied.disturb();
      return await runCommand([...question.words, ...this.#endpoints(reach)], sandbox);
    });
    const traffic = { qmp: this.#count('qmp'), gdb: this.#count('gdb') };
    const reference = { end, traffic, allowed: this.#proxied.guest.pages?.changes() ?? [] };
    this.#references.set(key, reference);
    return reference;
  }

  #count(protocol: Protocol): Traffic[Protocol] {
    const of = (direction: Direction): OneWay => {
      const lengths = this.#proxied[protocol].lengths[direction];
      return { messages: lengths.length, bytes: lengths.reduce((sum, length) => sum + length, 0), lengths };
    };
    return { up: of('up'), down: of('down') };
  }
}

/** Counts what the first connection to the stub heard of it, as it was sent. */
function countingHeard(disturbance: Disturbance): {
  readonly disturbance: Disturbance;
  readonly messages: () => number;
} {
  let count = 0;
  const note = ({ protocol, direction, connection }: Passing): undefined => {
    if (protocol === 'gdb' && direction === 'down' && connection === 0) count += 1;
  };
  const before: Tap = (message, ends) => {
    const instead = disturbance.before?.(message, ends);
    if (instead === undefined) return note(message);
    if (!(instead instanceof Promise)) return instead;
    return instead.then((bytes) => bytes ?? note(message));
  };
  return { disturbance: { ...disturbance, before }, messages: () => count };
}

/** A right answer, or an error that a person can read. */
function judgeAnswer(
  question: Question,
  fault: WireFault,
  end: CommandEnd,
  undisturbed: CommandEnd,
): readonly string[] {
  const problems = [...unseemly(end)];
  if (end.isOverdue) return problems;
  if (end.status === undisturbed.status) {
    if (question.isSteady) problems.push(...judgeAssumed(end, undisturbed, fault.mustAnswer ? [] : fault.harmed));
    return problems;
  }
  if (fault.mustAnswer) problems.push(`no answer, but status ${end.status}: ${end.stderr.trim().slice(0, 300)}`);
  if (end.status === 0 || end.status === 1) problems.push(`status ${end.status} instead of ${undisturbed.status}`);
  else if (!/^pagewalk: .{10,}/.test(end.stderr))
    problems.push(`status ${end.status ?? end.signal}, and no message: ${end.stderr}`);
  return problems;
}
