import {
  type ChardevInfo,
  handFile,
  type QmpClient,
  queryChardev,
  removeHandedFiles,
} from '../../../protocols/qmp/internal.ts';
import {
  type DescriptorCarrier,
  type Endpoint,
  formatEndpoint,
  formatPrintable,
  type HandedFile,
  parseEndpoint,
  type SocketIdentity,
} from '../../../protocols/transport/internal.ts';
import type { StubCause } from '../causes/peer-cause.ts';
import { GuestStubError, GuestUsageError } from '../errors.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { findHolderOf } from '../peer/find-peer.ts';
import { findListener, findListenerOf, findOtherListener, type Listener } from '../peer/listens-at.ts';
import type { Peer, PeerProcess } from '../peer/peer.ts';
import {
  connectStub,
  type DirectoryPlan,
  PrivateDirectory,
  planBesideSocket,
  planPrivateDirectory,
  whereIs,
} from '../restore/private-directory.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';
import type { Safekeeping } from '../restore/safekeeping.ts';
import { isStubBusy, seesConnection, stubBecomesFree } from '../restore/stub-turn.ts';
import { canonicalEndpoint } from './canonical-endpoint.ts';
import { readChardevUse } from './chardev-use.ts';
import { HandedStub, newHandedId } from './handed-stub.ts';
import { OwnStub } from './own-stub.ts';
import { busy, checkNamedStub, foreignStub, isLocal, locateStub } from './stub-location.ts';
import type { StubOptions } from './stub-session.ts';

interface HandedStateFile {
  /** As QEMU names it. */
  readonly path: string;
  readonly file: HandedFile;
}

/** What a stub is found or started with. @internal */
export interface StubAccessParts {
  readonly qmp: QmpClient;
  /** As the caller wrote it. */
  readonly qmpEndpoint: string;
  /** The stub that the caller named. */
  readonly named: string | undefined;
  readonly monitor: Monitor;
  readonly peer: Peer;
  readonly safekeeping: Safekeeping;
}

/** The device state of a large machine has megabytes; more than this is no device state. */
const MAX_STATE_BYTES = 256 * 1024 * 1024;
/** So long QEMU may take to hear of the end of a connection to its stub. @internal */
export const STUB_TURN_MS = 1500;

/**
 * The stub of a guest whose monitor is held: where QEMU has one or the caller says, or one that is started in the first way that works. Finding
 * and starting it disturbs no guest. It is also where QEMU can put its device state, as both take a folder or a descriptor in common.
 *
 * @internal
 */
export class StubAccess {
  /** Where nothing was known of it, who holds what was handed over. */
  peer: Peer;
  /** It is proven to be that of the monitor's own QEMU. */
  isProven = false;
  readonly #qmp: QmpClient;
  readonly #qmpEndpoint: string;
  readonly #named: string | undefined;
  readonly #monitor: Monitor;
  readonly #safekeeping: Safekeeping;
  #endpoint: string | undefined;
  /** Which file its socket is, where that was looked at: nothing that is put in its place later is connected to. */
  #file: SocketIdentity | undefined;
  /** Before a stub was connected. */
  #devices: readonly ChardevInfo[] = [];
  #ownStub: OwnStub | undefined;
  #directory: PrivateDirectory | undefined;
  /** Where one is going to be, should it be needed. */
  #planned: DirectoryPlan | undefined;
  #handedStub: HandedStub | undefined;
  #handedFile: HandedStateFile | undefined;
  /** Why nothing can be handed over, where it was tried; what may be in QEMU all the same is taken back when it is left. */
  #handingProblem = '';
  /** What was handed over becomes the stub. */
  #usesHanded = false;

  constructor({ qmp, qmpEndpoint, named, monitor, peer, safekeeping }: StubAccessParts) {
    this.#qmp = qmp;
    this.#qmpEndpoint = qmpEndpoint;
    this.#named = named;
    this.#monitor = monitor;
    this.#safekeeping = safekeeping;
    this.peer = peer;
  }

  get process(): PeerProcess | undefined {
    return this.peer.kind === 'process' ? this.peer : undefined;
  }

  /** @throws GuestUsageError before it was found */
  get endpoint(): string {
    if (this.#endpoint === undefined) throw new GuestUsageError('a link that was released cannot pause the guest');
    return this.#endpoint;
  }

  /** It goes when the guest is left, and all that waits for it. */
  get isOfOurs(): boolean {
    return this.#ownStub !== undefined || this.#usesHanded;
  }

  /** QEMU may have something that was made for it. */
  get hasMade(): boolean {
    return this.#ownStub !== undefined || this.#handedStub !== undefined;
  }

  /** The caller named it, and may have named another guest's. */
  get mayBeForeign(): boolean {
    return this.#named !== undefined && !this.isProven;
  }

  /**
   * Hands QEMU one end of a connection for a stub, and a file for its device state, where there is a way. The guest is not disturbed;
   * and who holds the end that was handed over is QEMU's process, by the kernel's word.
   */
  async handOver(): Promise<void> {
    const { carrier } = this.#qmp.connection;
    if (carrier === undefined || this.#handedStub !== undefined) return;
    const id = newHandedId();
    await this.#safekeeping.arm({ handed: id });
    const stub = new HandedStub(this.#qmp, carrier, id);
    this.#handedStub = stub;
    try {
      const handed = await stub.prepare();
      if (this.peer.kind === 'unknown') this.peer = await findHolderOf(handed);
    } catch (error) {
      if (this.#qmp.state !== 'ready') throw error;
      this.#handingProblem = error instanceof Error ? error.message : String(error);
      if (!stub.isThere) this.#handedStub = undefined;
    }
  }

  /** Settles where it is, before the guest is disturbed. @throws GuestStubError */
  async find(): Promise<void> {
    if (this.#endpoint !== undefined) return;
    const qmp = parseEndpoint(this.#qmpEndpoint);
    const chardevs = await queryChardev(this.#qmp);
    this.#devices = chardevs;
    if (this.#named !== undefined) {
      const stub = formatEndpoint(parseEndpoint(this.#named));
      this.isProven = this.#isQemus(stub);
      if (!this.isProven) this.#refuseOthers(stub);
      checkNamedStub(chardevs, stub, this.#qmp.endpoint);
      await this.#requireTurn(chardevs, stub);
      this.#endpoint = this.#named;
      return;
    }
    const location = await locateStub(chardevs, qmp, () => readChardevUse(this.#monitor, this.process?.pid));
    if (location.kind === 'listening') {
      this.isProven = this.#isQemus(location.endpoint);
      if (!this.isProven) this.#requireOwn(location.endpoint, qmp);
      this.#endpoint = location.endpoint;
      // For the device state.
      if (!this.#sharesFolders()) await this.#startHanding();
      return;
    }
    await this.#startStub(qmp);
    // QEMU was told to start it by the monitor, and only it can reach the other end.
    this.isProven = true;
  }

  /** Looks for where QEMU and this process have a folder in common, before the guest is paused: nothing is made yet. */
  planFolder(): void {
    if (this.#directory !== undefined || this.#planned !== undefined || this.#handedStub !== undefined) return;
    try {
      this.#planned = planPrivateDirectory(this.process?.pid);
    } catch {
      // Who needs one is told why there is none.
    }
  }

  /** QEMU's process is known, and listens there. */
  #isQemus(endpoint: string): boolean {
    const stub = parseEndpoint(endpoint);
    return this.process !== undefined && isLocal(stub) && this.#keep(findListener(this.process.pid, stub));
  }

  /** From now on only that socket is connected to, should another lie there later. @returns whether there is one */
  #keep(listener: Listener | undefined): boolean {
    this.#file = listener?.file;
    return listener !== undefined;
  }

  /** Connecting to it would pause that guest. @throws GuestStubError */
  #refuseOthers(stub: string): void {
    const own = this.process?.pid;
    const endpoint = parseEndpoint(stub);
    const other = own !== undefined && isLocal(endpoint) ? findOtherListener(own, endpoint) : undefined;
    if (other === undefined) return;
    const how = `QEMU ${other} listens there, and QEMU ${own} is behind ${this.#qmp.endpoint}. Nothing was touched`;
    throw foreignStub(stub, how);
  }

  /** A stub that is named by another way than its own: what came before by that way may be about to end. @throws GuestStubError */
  async #requireTurn(chardevs: readonly ChardevInfo[], stub: string): Promise<void> {
    if (isStubBusy(chardevs, stub) && !(await stubBecomesFree(this.#qmp, stub, STUB_TURN_MS))) throw busy(stub);
  }

  /** Has a stub started, in the first way that works. @throws GuestStubError that lists what was tried. */
  async #startStub(qmp: Endpoint): Promise<void> {
    const tried: string[] = [];
    const isThere = isLocal(qmp);
    // What was handed over when the link was opened is there already.
    const isHanded = this.#handedStub !== undefined && this.#handingProblem === '';
    if (!isHanded && isThere && this.#sharesFolders() && (await this.#startOwnStub(qmp, tried))) return;
    await this.#startHanding();
    if (this.#handedStub !== undefined && this.#handingProblem === '') {
      this.#usesHanded = true;
      this.#endpoint = this.#handedStub.endpoint;
      return;
    }
    if (this.#handingProblem !== '') tried.push(`${howHanded(qmp)} (${this.#handingProblem})`);
    if (isThere && !this.#sharesFolders() && (await this.#startOwnStub(qmp, tried))) return;
    throw cannotStart(this.#qmp.endpoint, qmp, tried);
  }

  /** QEMU can make files where we can: its user is ours, or we are root, and we know its root. */
  #sharesFolders(): boolean {
    const uid = process.geteuid?.();
    return this.process !== undefined && (uid === 0 || this.process.uid === uid);
  }

  async #startHanding(): Promise<void> {
    const { connection } = this.#qmp;
    if (this.#handedStub !== undefined || connection.prepareCarrier === undefined) return;
    try {
      await connection.prepareCarrier();
    } catch (error) {
      this.#handingProblem = (error as Error).message;
      return;
    }
    await this.handOver();
  }

  /** @param tried - is added to @returns whether there is one now */
  async #startOwnStub(qmp: Endpoint, tried: string[]): Promise<boolean> {
    await this.#safekeeping.arm({});
    for (const makePlan of this.#foldersFor(qmp)) {
      let where = '';
      try {
        const plan = makePlan();
        if (plan === undefined) continue;
        where = `in ${whereIs(plan)} `;
        this.#ownStub = await OwnStub.start(this.#qmp, this.#safekeeping, this.#makeDirectory(plan));
        this.#endpoint = this.#ownStub.endpoint;
        return true;
      } catch (error) {
        if (this.#qmp.state !== 'ready') throw error;
        tried.push(`${where}(${(error as Error).message})`.trim());
        this.#directory?.remove();
        this.#directory = undefined;
      }
    }
    return false;
  }

  #foldersFor(qmp: Endpoint): (() => DirectoryPlan | undefined)[] {
    const pid = this.process?.pid;
    return [() => planPrivateDirectory(pid), ...(qmp.kind === 'unix' ? [() => planBesideSocket(qmp.path)] : [])];
  }

  /** The stub is where QEMU says, and not proven to be QEMU's: it must be of the same user at least, where QEMU is on this host. */
  #requireOwn(endpoint: string, qmp: Endpoint): void {
    if (!isLocal(qmp)) return;
    const stub = parseEndpoint(endpoint);
    const { socket } = this.#qmp.connection;
    const owner = socket?.kind === 'unix' ? socket.file?.uid : undefined;
    if (this.process === undefined && owner !== undefined && this.#keep(findListenerOf(owner, stub))) return;
    const { peer } = this;
    throw new GuestStubError(
      'ERR_GUEST_STUB_UNREACHABLE',
      endpoint,
      `QEMU behind ${this.#qmp.endpoint} names ${formatPrintable(endpoint)} as its GDB stub, and that is not proven to be its own; if it is, pass it with --gdb`,
      { unproven: whyUnproven(peer) },
    );
  }

  /** Whether QEMU serves the connection that was made since it was found; undefined where its devices do not tell. */
  async seesConnection(): Promise<boolean | undefined> {
    return seesConnection(this.#devices, await queryChardev(this.#qmp), this.endpoint);
  }

  /** How it is connected to, where not by its endpoint. */
  get connect(): StubOptions['connect'] {
    if (this.#usesHanded) return () => this.#requireHandedStub().connect();
    const { host } = this.#qmp.connection;
    const [there, monitor] = [parseEndpoint(this.endpoint), parseEndpoint(this.#qmpEndpoint)];
    if (host !== undefined && there.kind === 'host' && monitor.kind === 'host' && there.command === monitor.command) {
      const { target } = there;
      // What QEMU names must be its own; what the user names need not be proven.
      const holder = this.#named === undefined ? this.#remotePid() : undefined;
      if (target.kind === 'unix' || target.kind === 'tcp')
        return (timeoutMs) => host.connect(target, { timeoutMs, holder });
    }
    const known = { ...(this.#directory && { directory: this.#directory.plan }), ...this.#stubFile };
    return (timeoutMs) => connectStub(this.endpoint, known, timeoutMs);
  }

  /** Waits for the end of the connection before, of which QEMU hears in its own time. @throws GuestStubError */
  async awaitTurn(): Promise<void> {
    if (this.#usesHanded) return;
    const stub = this.endpoint;
    if (await stubBecomesFree(this.#qmp, stub, STUB_TURN_MS)) return;
    throw new GuestStubError(
      'ERR_GUEST_STUB_BUSY',
      stub,
      `the GDB stub at ${stub} serves a client, the one before or another, which it did not leave within ${STUB_TURN_MS} ms; its physical mode may still be on`,
    );
  }

  #requireHandedStub(): HandedStub {
    if (this.#handedStub === undefined) throw new GuestUsageError('nothing was handed over');
    return this.#handedStub;
  }

  /** What has to be known of the stub to leave its physical mode. */
  get toLeave(): { readonly handedStub: true } | Pick<RestorePlan, 'stub' | 'stubFile'> {
    return this.#usesHanded ? { handedStub: true } : { stub: canonicalEndpoint(this.endpoint), ...this.#stubFile };
  }

  get #stubFile(): Pick<RestorePlan, 'stubFile'> {
    return this.#file === undefined ? {} : { stubFile: this.#file };
  }

  async deviceStateFile(): Promise<DeviceStateFile> {
    const { carrier } = this.#qmp.connection;
    if (this.#handedStub !== undefined && this.#handingProblem === '' && carrier !== undefined) {
      this.#handedFile ??= await this.#handFile(this.#handedStub.id, carrier);
      const { path, file } = this.#handedFile;
      return { path, read: () => file.take(MAX_STATE_BYTES), discard: () => {} };
    }
    // What is tried behind a command may be on this host all the same.
    if (parseEndpoint(this.#qmpEndpoint).kind === 'host') throw new Error(this.#handingProblem);
    const directory = this.#privateDirectory();
    return {
      path: directory.pathInQemu('device-state'),
      read: () => directory.read('device-state'),
      discard: () => directory.unlink('device-state'),
    };
  }

  async #handFile(id: string, carrier: DescriptorCarrier): Promise<HandedStateFile> {
    const file = carrier.makeFile();
    return { path: await handFile(this.#qmp, id, file), file };
  }

  #remotePid(): number {
    // A number that no process has: what is not proven is not connected to.
    return this.peer.kind === 'remote' ? this.peer.process.pid : 0;
  }

  #makeDirectory(plan: DirectoryPlan): PrivateDirectory {
    // The watchdog must know first: it removes what a killed client leaves.
    this.#safekeeping.note({ directory: plan });
    this.#directory = PrivateDirectory.make(plan, this.process?.uid);
    return this.#directory;
  }

  #privateDirectory(): PrivateDirectory {
    return this.#directory ?? this.#makeDirectory(this.#planned ?? planPrivateDirectory(this.process?.pid));
  }

  /** Takes away a stub that was started. */
  async remove(): Promise<void> {
    await this.#ownStub?.remove();
  }

  async takeBackHanded(): Promise<void> {
    const stub = this.#handedStub;
    await stub?.remove();
    if (stub !== undefined && this.#handedFile !== undefined) await removeHandedFiles(this.#qmp, stub.id);
    this.#handedFile?.file.close();
  }

  removeDirectory(): void {
    this.#directory?.remove();
  }
}

function whyUnproven(peer: Peer): StubCause {
  if (peer.kind === 'unknown') return peer.cause;
  return { code: 'does-not-listen', pid: peer.kind === 'remote' ? peer.process.pid : peer.pid };
}

/** How a connection gets to QEMU, for messages. */
function howHanded(qmp: Endpoint): string {
  return qmp.kind === 'host' && qmp.target.kind !== 'unix'
    ? 'by a socket of the helper there'
    : 'handed over as a descriptor';
}

function cannotStart(endpoint: string, qmp: Endpoint, tried: readonly string[]): GuestStubError {
  const list = tried.length === 0 ? '' : `. Tried: ${tried.join('; ')}`;
  const byHand = 'start one by hand ("gdbserver tcp:127.0.0.1:1234" in its monitor) and pass --gdb';
  if (isLocal(qmp)) {
    return new GuestStubError(
      'ERR_GUEST_STUB_START',
      '',
      `QEMU behind ${endpoint} has no GDB stub, and would not start one${list}. What helps: python3, which hands QEMU a connection; TMPDIR set to a folder where QEMU may make a socket and this program may use it; or ${byHand}`,
    );
  }
  return new GuestStubError(
    'ERR_GUEST_STUB_UNREACHABLE',
    '',
    `QEMU behind ${endpoint} has no GDB stub and is not on this host${list}. What helps: ${helpThere(qmp)}${byHand}`,
  );
}

function helpThere({ kind }: Endpoint): string {
  switch (kind) {
    case 'host':
      return "a helper that runs as QEMU's user or as root, and has a folder in common with it (--host 'ssh lab env TMPDIR=DIR'); a monitor on a unix socket of that host (--qmp unix:PATH), over which QEMU is handed a connection; or ";
    // libvirt takes no helper.
    case 'libvirt':
      return '';
    case 'exec':
      return "a helper there (add --host 'ssh lab'), which gives QEMU a connection; or ";
    default:
      return "a helper there (--host 'ssh lab', and the endpoint as that host names it), which gives QEMU a connection; or ";
  }
}
