import { GdbBusyError, GdbClient, GdbError } from '../../../protocols/gdb/index.ts';
import { QmpCommandError, QmpError } from '../../../protocols/qmp/index.ts';
import {
  findThread,
  handStream,
  type QmpClient,
  queryChardev,
  queryStatus,
  removeHandedFiles,
  removeHandedStream,
  stop,
} from '../../../protocols/qmp/internal.ts';
import { ConnectError, parseEndpoint } from '../../../protocols/transport/internal.ts';
import { STUB_LABEL } from '../found/chardev-labels.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { resumeByQmp } from '../resume/resume-by-qmp.ts';
import type { LateConnections } from './late-connection.ts';
import { connectStub, removePrivateDirectory } from './private-directory.ts';
import { isSamePrint, printRegisters } from './register-prints.ts';
import type { RestorePlan } from './restore-plan.ts';
import { isStubOn, stubBecomesFree, watchServing } from './stub-turn.ts';

/**
 * What became of a guest that ran when its client paused it.
 *
 * - `not-asked`: it was not paused, or had been paused before
 * - `resumed`
 * - `runs`: it ran already
 * - `paused-since`: it has run since, and another client has paused it: it stays so
 * - `unknown`: nothing shows whether it has run since, so it stays paused
 * - `other-state`: it is in a run state from which it must not be resumed
 * - `failed`
 *
 * @public
 */
export type Resumption = 'not-asked' | 'resumed' | 'runs' | 'paused-since' | 'unknown' | 'other-state' | 'failed';

/** What was put back. @internal */
export interface PutBack {
  readonly resumption: Resumption;
  /** QEMU's word for the run state that was found. */
  readonly foundState: string;
  /** Null where no stub's mode had to be put back. */
  readonly physicalModeOff: boolean | null;
  /** Null where the client had started no stub. */
  readonly stubRemoved: boolean | null;
  /** The stub served another client, and was left alone. */
  readonly isStubBusy: boolean;
  /** The connection that was made to the stub here, and got no answer. */
  readonly late: LateConnections | undefined;
  /** What to try again: QEMU may not have heard of it. Empty where nothing is left to try. */
  readonly left: RestorePlan;
}

/**
 * What became of a step; `lost`: QEMU, or its stub, gave no answer to it, and may not have heard of it; `busy`: the stub served another
 * client, and was left alone.
 */
type StepOutcome = 'done' | 'failed' | 'lost' | 'busy';

/** A connection to the stub got no answer. */
class SilentStubError extends Error {
  readonly late: LateConnections;

  constructor(late: LateConnections, cause: GdbBusyError) {
    super(cause.message, { cause });
    this.late = late;
  }
}

const STUB_TIMEOUT_MS = 5000;
/** A paused guest waits no longer for its stub to be free. */
const STUB_TURN_MS = 1000;

class StubBusyError extends Error {}

/**
 * Puts a guest back from nothing but the plan, each step whatever became of the one before.
 *
 * @param resumeUnrecorded - resume a paused guest also where the plan has no registers to compare: right only for one who
 * has been there ever since
 * @internal
 */
export async function putBack(
  qmp: QmpClient,
  plan: RestorePlan,
  { resumeUnrecorded }: { readonly resumeUnrecorded: boolean },
): Promise<PutBack> {
  const { status, running } = await queryStatus(qmp);
  const verdict = plan.resume === true ? await judgePause(qmp, plan, status, running, resumeUnrecorded) : 'not-asked';
  const { stub, handed, handedStub } = plan;
  const usedStub = stub !== undefined || handedStub === true;
  let late: LateConnections | undefined;
  const leaveMode = (): Promise<void> =>
    stub === undefined ? leaveHandedStub(qmp, handed ?? '') : leavePhysicalMode(qmp, stub, plan);
  const modeStep = usedStub
    ? await outcomeOf(leaveMode, (error) => {
        if (error instanceof SilentStubError) ({ late } = error);
      })
    : null;
  // Touching the stub has paused a guest that runs.
  const mustRun = running || verdict === 'resumed';
  let strayedFrom: string | undefined;
  const resume = async (): Promise<void> => {
    strayedFrom = await resumeByQmp(qmp);
  };
  const runStep = !mustRun || (running && !usedStub) ? 'done' : await outcomeOf(resume);
  // Whom the stub serves now keeps it.
  const stubSteps = [
    ...(plan.ownStub !== true ? [] : [modeStep === 'busy' ? modeStep : await outcomeOf(() => removeStub(qmp, plan))]),
    ...(handed === undefined ? [] : [await outcomeOf(() => removeHanded(qmp, handed))]),
  ];
  const left = leftOf(plan, {
    isModeLost: modeStep === 'lost' || modeStep === 'busy',
    isRunLost: runStep === 'lost',
    isStubLost: stubSteps.includes('lost'),
    mayPauseLater: modeStep === 'lost' && mustRun,
  });
  if (plan.directory !== undefined && left.directory === undefined) removePrivateDirectory(plan.directory);
  const rest = {
    physicalModeOff: modeStep && modeStep === 'done',
    stubRemoved: stubSteps.length === 0 ? null : stubSteps.every((step) => step === 'done'),
    isStubBusy: modeStep === 'busy',
    late,
    left,
  };
  if (strayedFrom !== undefined) return { resumption: 'other-state', foundState: strayedFrom, ...rest };
  return { resumption: runStep === 'done' ? verdict : 'failed', foundState: status, ...rest };
}

/** The part of a plan that is to be tried again. */
function leftOf(
  { qmp, qmpFile, journal, stub, stubFile, handedStub, resume, registers, ownStub, handed, directory }: RestorePlan,
  lost: {
    readonly isModeLost: boolean;
    readonly isRunLost: boolean;
    readonly isStubLost: boolean;
    /** A connection to the stub that got no answer pauses the guest when QEMU takes it up: with other registers than before. */
    readonly mayPauseLater: boolean;
  },
): RestorePlan {
  const { isModeLost, isRunLost, isStubLost, mayPauseLater } = lost;
  if (!isModeLost && !isRunLost && !isStubLost) return {};
  const needsStub = isModeLost || isStubLost;
  return {
    ...(qmp === undefined ? {} : { qmp }),
    ...(qmpFile === undefined ? {} : { qmpFile }),
    ...(journal === undefined ? {} : { journal }),
    ...(isModeLost && stub !== undefined ? { stub } : {}),
    ...(isModeLost && stubFile !== undefined ? { stubFile } : {}),
    ...(isModeLost && handedStub !== undefined ? { handedStub } : {}),
    ...(mayPauseLater ? { resume: true } : isRunLost && resume !== undefined ? { resume } : {}),
    ...(isRunLost && registers !== undefined && !mayPauseLater ? { registers } : {}),
    ...(needsStub && ownStub !== undefined ? { ownStub } : {}),
    ...(needsStub && handed !== undefined ? { handed } : {}),
    ...(needsStub && directory !== undefined ? { directory } : {}),
  };
}

async function judgePause(
  qmp: QmpClient,
  plan: RestorePlan,
  status: string,
  running: boolean,
  resumeUnrecorded: boolean,
): Promise<Resumption> {
  if (running) return 'runs';
  // A machine that was reset in the pause has other registers: only one who was there knows that it was this pause.
  if (resumeUnrecorded && status !== 'paused' && isOurPause(status)) return 'resumed';
  if (status !== 'paused') return 'other-state';
  if (plan.registers === undefined) return resumeUnrecorded ? 'resumed' : 'unknown';
  const now = printRegisters(await qmp.hmp('info registers -a'));
  return isSamePrint(plan.registers, now) ? 'resumed' : 'paused-since';
}

/** The guest must be paused for that; a stub which another client has taken meanwhile is theirs. */
async function leavePhysicalMode(qmp: QmpClient, stub: string, plan: RestorePlan): Promise<void> {
  const { resume, ownStub } = plan;
  // One that the client had started, and taken away again.
  if (ownStub === true && !(await hasOwnStub(qmp, plan))) return;
  // Who comes again does so where the guest need not wait.
  if (!(await stubBecomesFree(qmp, stub, resume === true ? STUB_TURN_MS : 0))) throw new StubBusyError();
  await stop(qmp);
  const connection = await connectStub(stub, plan, STUB_TIMEOUT_MS);
  const opening = GdbClient.over(connection, { timeoutMs: STUB_TIMEOUT_MS, requestTimeoutMs: STUB_TIMEOUT_MS });
  const serving = watchServing(qmp, stub, opening);
  const gdb = await opening.catch((error: unknown) => {
    if (!(error instanceof GdbBusyError)) throw error;
    throw new SilentStubError({ stub, count: 1, wasServed: serving.isSeen }, error);
  });
  try {
    await gdb.setPhysicalMode(false);
  } finally {
    await gdb.close();
  }
}

/** Nothing leads to that stub any more: its device is handed a fresh connection. */
async function leaveHandedStub(qmp: QmpClient, id: string): Promise<void> {
  // It never came to be, or another client has put a stub in its place.
  if (!(await isStubOn(qmp, id))) return;
  await qmp.connection.prepareCarrier?.();
  const { carrier } = qmp.connection;
  if (carrier === undefined) throw new Error('there is no way to hand a connection over');
  await stop(qmp);
  await qmp.hmp('gdbserver none');
  const handed = await carrier.makeStream(() => findThread(qmp));
  const { connection } = handed;
  try {
    await handStream(qmp, id, handed);
    await qmp.hmp(`gdbserver chardev:${id}`);
    const gdb = await GdbClient.connect(connection, {
      handshakeTimeoutMs: STUB_TIMEOUT_MS,
      requestTimeoutMs: STUB_TIMEOUT_MS,
    });
    await gdb.setPhysicalMode(false);
  } finally {
    await connection.close();
    await qmp.hmp('gdbserver none');
  }
}

async function removeHanded(qmp: QmpClient, id: string): Promise<void> {
  await removeHandedStream(qmp, id);
  await removeHandedFiles(qmp, id);
}

/** Only a stub that is still the client's: by now the user may have started one. */
async function removeStub(qmp: QmpClient, plan: RestorePlan): Promise<void> {
  if (await hasOwnStub(qmp, plan)) await qmp.hmp('gdbserver none');
}

async function hasOwnStub(qmp: QmpClient, { directory }: RestorePlan): Promise<boolean> {
  const stub = (await queryChardev(qmp)).find(({ label }) => label === STUB_LABEL);
  if (stub === undefined || directory === undefined) return false;
  const where = stub.endpoint === undefined ? undefined : parseEndpoint(stub.endpoint);
  return where?.kind === 'unix' && where.path.startsWith(`${directory.inQemu ?? directory.path}/`);
}

/** Whatever it is, the step after it may still do good. */
async function outcomeOf(
  step: () => Promise<unknown>,
  onError: (error: unknown) => void = () => {},
): Promise<StepOutcome> {
  try {
    await step();
    return 'done';
  } catch (error) {
    onError(error);
    if (error instanceof StubBusyError) return 'busy';
    if (error instanceof SilentStubError) return 'lost';
    const isLost = error instanceof QmpError || error instanceof GdbError || error instanceof ConnectError;
    return isLost && !(error instanceof QmpCommandError) ? 'lost' : 'failed';
  }
}
