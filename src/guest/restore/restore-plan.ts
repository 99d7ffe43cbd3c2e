import type { SocketIdentity } from '../../../protocols/transport/internal.ts';
import type { LateConnections } from './late-connection.ts';
import type { DirectoryPlan } from './private-directory.ts';
import type { RegisterPrints } from './register-prints.ts';

/** What has to be put back in a guest, should its client not live to do it. Plain data: it travels to the watchdog and the journal. @internal */
export interface RestorePlan {
  readonly qmp?: string;
  /** Which file its socket is, where that is QEMU's own: what its user may put there later is not connected to. */
  readonly qmpFile?: SocketIdentity;
  /** The stub whose physical mode may be on. */
  readonly stub?: string;
  /** Which file its socket is, where that is QEMU's own and stays the same: nothing else that lies there is connected to. */
  readonly stubFile?: SocketIdentity;
  /** The guest ran, and must run again. */
  readonly resume?: boolean;
  /** The stub has answered without a greeting: of a QEMU that greets when connecting pauses the guest, it had been paused before. */
  readonly ungreeted?: boolean;
  /** The registers at the pause: a guest that shows others has run since, and another client has paused it. */
  readonly registers?: RegisterPrints;
  /** What may pause the guest when all else is back in its place. It is the watchdog's business alone, and in no journal. */
  readonly late?: LateConnections | undefined;
  /** The client had started a stub of its own. */
  readonly ownStub?: boolean;
  /** What was handed over (a stub's character device, a file) bears this name. */
  readonly handed?: string;
  /** The device that was handed over is the stub, and its physical mode may be on. */
  readonly handedStub?: boolean;
  /** Where QEMU and the client share files. */
  readonly directory?: DirectoryPlan;
  /** The journal that says the same. Once it is gone, another client has put everything back. */
  readonly journal?: string;
}

/** What a resumed guest leaves of a plan: nothing of the pause. @internal */
export function afterResume({
  resume,
  ungreeted,
  registers,
  stub,
  stubFile,
  handedStub,
  ...standing
}: RestorePlan): RestorePlan {
  return standing;
}
