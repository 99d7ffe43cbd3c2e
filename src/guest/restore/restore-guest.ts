import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus, parseInfoVersion, QmpClient } from '../../../protocols/qmp/index.ts';
import { ConnectError, connectSame, nowMs, type SocketIdentity } from '../../../protocols/transport/internal.ts';
import { isSocketIdle } from '../peer/listens-at.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { resumeByStub } from '../resume/resume-by-stub.ts';
import { greetsWithStop } from './greets-with-stop.ts';
import { removeJournal } from './journal.ts';
import { addLate, type LateConnections, LateWatch } from './late-connection.ts';
import { connectStub, removePrivateDirectory } from './private-directory.ts';
import { putBack } from './put-back.ts';
import { isSamePrint, printRegisters } from './register-prints.ts';
import type { RestorePlan } from './restore-plan.ts';

/** Another client may hold the monitor for long, and the guest is paused for as long. */
const GIVE_UP_MS = 600_000;
const ATTEMPT_TIMEOUT_MS = 5000;
const FIRST_INTERVAL_MS = 50;
const LONGEST_INTERVAL_MS = 5000;
/** What a socket says whose QEMU has ended; an unplugged network says something else. */
const NOT_LISTENING = new Set(['ERR_TRANSPORT_REFUSED', 'ERR_TRANSPORT_NOT_FOUND']);
/** So long nothing listens, and QEMU counts as gone. */
const GONE_MS = 2000;
/** So often a stub is tried that does not answer: each time the guest is paused for it. */
const MOST_STUB_TRIES = 3;
/** So long a stub may serve another client: a debugger that came next keeps it, and a connection that lingers is gone by then. */
const STUB_TURN_MS = 3000;
/** From then on the monitor counts as another client's, and the stub is tried for what it can do. */
const MONITOR_PATIENCE_MS = 1000;
const BETWEEN_LOOKS_MS = 1000;
const BEFORE_SECOND_LOOK_MS = 250;

/**
 * Puts a guest back from nothing but the plan: what the watchdog does when its client was killed. There is no one to report an
 * error to, so it goes on until everything is in its place, or ten minutes have passed.
 *
 * @internal
 */
export async function restoreGuest(plan: RestorePlan): Promise<void> {
  const begun = nowMs();
  let left = plan;
  let { late } = plan;
  let goneSince: number | undefined;
  let stubTries = 0;
  for (let interval = FIRST_INTERVAL_MS; !isDone(left); interval = Math.min(interval * 2, LONGEST_INTERVAL_MS)) {
    const now = nowMs();
    if (now - begun > GIVE_UP_MS) return;
    const attempted = await attempt(left, () => nowMs() - begun);
    const hasTriedStub = attempted.left !== left && attempted.left.qmp !== undefined && hasStub(attempted.left);
    left = attempted.left;
    if (hasTriedStub && !attempted.isBusy) stubTries += 1;
    if (attempted.late !== undefined) late = addLate(late, attempted.late);
    const isBusyForLong = attempted.isBusy && nowMs() - begun > STUB_TURN_MS;
    if (stubTries === MOST_STUB_TRIES || isBusyForLong) left = withoutMode(left);
    goneSince = attempted.isGone ? (goneSince ?? now) : undefined;
    if (goneSince !== undefined && now - goneSince > GONE_MS) left = withoutDirectory(onlyDirectory(left));
    if (!isDone(left)) await delay(goneSince === undefined ? interval : FIRST_INTERVAL_MS);
  }
  if (plan.journal !== undefined) removeJournal(plan.journal);
  if (plan.qmp !== undefined && late !== undefined && goneSince === undefined)
    await awaitLate({ qmp: plan.qmp, file: plan.qmpFile }, late);
}

/** Looks in from time to time: the monitor serves one client at a time, and others want to be served, too. */
async function awaitLate(monitor: KnownMonitor, late: LateConnections): Promise<void> {
  const watch = new LateWatch(late);
  let goneSince: number | undefined;
  while (!watch.isOver) {
    try {
      await withMonitor(monitor, MONITOR_PATIENCE_MS, (qmp) => watch.look(qmp));
      goneSince = undefined;
    } catch (error) {
      // Another client is served.
      goneSince = isGoneError(error) ? (goneSince ?? nowMs()) : undefined;
      if (goneSince !== undefined && nowMs() - goneSince > GONE_MS) return;
    }
    if (!watch.isOver) await delay(watch.isSuspicious ? BEFORE_SECOND_LOOK_MS : BETWEEN_LOOKS_MS);
  }
}

function isGoneError(error: unknown): boolean {
  return error instanceof ConnectError && NOT_LISTENING.has(error.code);
}

/** A monitor by its endpoint, and by the file that its socket is. */
interface KnownMonitor {
  readonly qmp: string;
  readonly file: SocketIdentity | undefined;
}

async function withMonitor<T>(
  { qmp: endpoint, file }: KnownMonitor,
  timeoutMs: number,
  use: (qmp: QmpClient) => Promise<T>,
): Promise<T> {
  const connection = await connectSame(endpoint, file, timeoutMs);
  const qmp = await QmpClient.connect(connection, { timeoutMs, requestTimeoutMs: ATTEMPT_TIMEOUT_MS });
  try {
    return await use(qmp);
  } finally {
    await qmp.close();
  }
}

/** Nothing to put back, or another client has done it: who does takes the journal with it. */
function isDone({ qmp, stub, resume, ownStub, handed, directory, journal }: RestorePlan): boolean {
  if (journal !== undefined && !existsSync(journal)) return true;
  if (qmp === undefined && stub === undefined) return directory === undefined;
  const isPutBack = stub === undefined && resume !== true && ownStub !== true && handed === undefined;
  return isPutBack && directory === undefined;
}

interface Attempted {
  /** What is still to be put back. */
  readonly left: RestorePlan;
  /** Nothing listens there: QEMU is gone, or is only about to be heard of again. */
  readonly isGone: boolean;
  /** The stub serves another client, and was left alone. */
  readonly isBusy: boolean;
  /** The connection that was made to it, and got no answer. */
  readonly late?: LateConnections | undefined;
}

async function attempt(plan: RestorePlan, elapsed: () => number): Promise<Attempted> {
  const { qmp, stub } = plan;
  const done = (left: RestorePlan): Attempted => ({ left, isGone: false, isBusy: false });
  if (qmp === undefined && stub === undefined) return done(withoutDirectory(plan));
  let isGone = false;
  try {
    if (qmp === undefined) return done(await throughStub(stub ?? '', plan, elapsed));
    return { isGone: false, ...(await throughQmp(qmp, plan, elapsed)) };
  } catch (error) {
    isGone = isGoneError(error);
  }
  const stays = { left: plan, isGone, isBusy: false };
  if (isGone || qmp === undefined || stub === undefined || plan.resume !== true) return stays;
  if (elapsed() < MONITOR_PATIENCE_MS) return stays;
  // A stub whose turn would come later pauses the guest then: only one that has no client is touched.
  if (isSocketIdle(stub) !== true) return stays;
  return throughStub(stub, plan, elapsed).then(done, () => stays);
}

async function throughQmp(
  endpoint: string,
  plan: RestorePlan,
  elapsed: () => number,
): Promise<Omit<Attempted, 'isGone'>> {
  // A monitor that serves another client says nothing: the guest waits for the first attempt.
  const timeoutMs = elapsed() < MONITOR_PATIENCE_MS ? MONITOR_PATIENCE_MS : ATTEMPT_TIMEOUT_MS;
  return withMonitor({ qmp: endpoint, file: plan.qmpFile }, timeoutMs, async (qmp) => {
    if (plan.journal !== undefined && !existsSync(plan.journal)) return { left: {}, isBusy: false };
    // It has been here since the client died.
    const { left, late, isStubBusy } = await putBack(qmp, plan, { resumeUnrecorded: true });
    return { left, late, isBusy: isStubBusy };
  });
}

async function throughStub(endpoint: string, plan: RestorePlan, elapsed: () => number): Promise<RestorePlan> {
  // QEMU up to 8.0 greets so when it was this connection that paused the guest.
  let pausedHere = false;
  let hasStrayed = false;
  const gdb = await openStub(endpoint, plan, () => {
    pausedHere = true;
  });
  try {
    await gdb.setPhysicalMode(false);
    if (pausedHere || (plan.resume === true && (await isToResume(gdb, plan, elapsed))))
      hasStrayed = (await resumeByStub(gdb)).kind === 'strayed';
  } finally {
    await gdb.close();
  }
  // A fresh connection stops it.
  if (hasStrayed) await (await openStub(endpoint, plan)).close();
  const { stub, stubFile, resume, ...left } = plan;
  return plan.qmp === undefined ? withoutDirectory(left) : left;
}

async function openStub(endpoint: string, plan: RestorePlan, onStop = () => {}): Promise<GdbClient> {
  const times = { timeoutMs: ATTEMPT_TIMEOUT_MS, requestTimeoutMs: ATTEMPT_TIMEOUT_MS };
  return GdbClient.over(await connectStub(endpoint, plan, ATTEMPT_TIMEOUT_MS), { ...times, onStop });
}

async function isToResume(gdb: GdbClient, plan: RestorePlan, elapsed: () => number): Promise<boolean> {
  const { qmp, registers, ungreeted } = plan;
  const { status } = parseInfoStatus(await gdb.monitor('info status'));
  // By the stub alone it may be unknown yet whether the guest was ever started.
  if (status !== 'paused') return qmp !== undefined && isOurPause(status);
  const greets = greetsWithStop(parseInfoVersion(await gdb.monitor('info version')));
  if (ungreeted === true && greets) return false;
  // At once there was no time for others.
  if (registers === undefined || elapsed() < MONITOR_PATIENCE_MS) return true;
  if (isSamePrint(registers, printRegisters(await gdb.monitor('info registers -a')))) return true;
  // It has run since, and this connection may be what paused it, of which a later QEMU does not tell: as for a client that attaches.
  return qmp === undefined && !greets;
}

function hasStub({ stub, handedStub }: RestorePlan): boolean {
  return stub !== undefined || handedStub === true;
}

/** The stub's mode is left as it may be. */
function withoutMode({ stub, stubFile, handedStub, ...left }: RestorePlan): RestorePlan {
  return left;
}

function onlyDirectory({ directory }: RestorePlan): RestorePlan {
  return directory === undefined ? {} : { directory };
}

function withoutDirectory({ directory, ...left }: RestorePlan): RestorePlan {
  if (directory !== undefined) removePrivateDirectory(directory);
  return left;
}
