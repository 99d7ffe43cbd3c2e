import { ACCESS_EXEC, ACCESS_SHADOW_STACK, ACCESS_USER, ACCESS_WRITE, ENTRY_US } from '../architecture.ts';
import type { PagingContext } from '../context.ts';
import { type Translation, toTranslation } from '../translation.ts';
import { OUTCOME, Walk } from '../walk.ts';
import { ACCESS_READ_MODIFY_WRITE, ACCESS_SUPERVISOR_SHADOW_STACK, ACCESS_USER_ADDRESS } from './ept-rules.ts';
import type { NestedContext } from './nested-context.ts';

/** What a second-stage walk is for: an entry of the guest's tables, or the page that the guest's walk ended at. @public */
export type NestedPurpose = 'table' | 'final';

/** One second-stage walk that has ended. @internal */
export interface StageRecord {
  readonly guestPhysicalAddress: number;
  readonly purpose: NestedPurpose;
  /** ACCESS bits that it was judged by. */
  readonly access: number;
  /** What it came to; what it translates is the guest physical address. */
  readonly translation: Translation;
  /** Rights of an EPT walk, ANDed; of no use otherwise. */
  readonly rights: number;
  /** The high half of the leaf that an EPT walk came to; 0 when it came to none. */
  readonly leafHigh: number;
}

type Phase = 'stage' | 'guest-entry' | 'ended';
const TWO_32 = 0x1_0000_0000;

/**
 * The walk in two dimensions: every address that the guest's walk names is itself walked through the second stage. It asks
 * for entries by host physical address and is fed them like an ordinary walk, so whoever drives that drives this.
 *
 * ```
 *   guest.start ─► stage(table 1) ─► entry 1 ─► stage(table 2) ─► entry 2 … ─► stage(final page) ─► ended
 * ```
 *
 * @internal
 */
export class NestedWalk {
  readonly guest: Walk;
  readonly records: StageRecord[] = [];
  /** Host physical address of the entry that is wanted. */
  wanted = 0;
  wantedSize: 4 | 8 = 8;
  /** The host memory that should hold an entry of the guest's tables is not there. */
  isGuestEntryUnbacked = false;
  readonly #nested: NestedContext;
  readonly #stage: Walk;
  #phase: Phase = 'ended';
  #purpose: NestedPurpose = 'table';
  #stageAccess = 0;

  constructor(guest: PagingContext, nested: NestedContext) {
    this.guest = new Walk(guest);
    this.#nested = nested;
    this.#stage = new Walk(nested.stage);
  }

  /** The second stage let everything through: the guest's own walk says how it ended. */
  get isThrough(): boolean {
    return !this.isGuestEntryUnbacked && this.records.at(-1)?.translation.kind !== 'fault';
  }

  /** Whether an entry is wanted. */
  get isPending(): boolean {
    return this.#phase !== 'ended';
  }

  /** @returns whether an entry is wanted */
  start(high: number, low: number, access: number): boolean {
    this.records.length = 0;
    this.isGuestEntryUnbacked = false;
    return this.#proceed(this.guest.start(high, low, access));
  }

  /** @returns whether another entry is wanted */
  feed(low: number, high: number): boolean {
    if (this.#phase === 'guest-entry') return this.#takeGuestEntry(low, high);
    if (!this.#stage.feed(low, high)) return this.#endStage();
    this.wanted = this.#stage.wanted;
    return true;
  }

  feedUnbacked(): void {
    if (this.#phase === 'guest-entry') this.#takeNoGuestEntry();
    else {
      this.#stage.feedUnbacked();
      this.#record();
    }
    this.#phase = 'ended';
  }

  /** Where reading nothing gives zeros, the guest's entry is one that is not present; elsewhere nobody says what it is. */
  #takeNoGuestEntry(): void {
    if (this.guest.context.profile.unbackedTable === 'not-present') this.guest.feedUnbacked();
    else this.isGuestEntryUnbacked = true;
  }

  /** The guest's walk wants an entry, has ended at a page, or has failed. */
  #proceed(guestWants: boolean): boolean {
    if (guestWants) return this.#startStage('table', this.guest.wanted, this.#tableAccess());
    if (this.guest.outcome === OUTCOME.mapped) {
      return this.#startStage('final', this.guest.physical, this.#finalAccess());
    }
    this.#phase = 'ended';
    return false;
  }

  #startStage(purpose: NestedPurpose, address: number, access: number): boolean {
    this.#phase = 'stage';
    this.#purpose = purpose;
    this.#stageAccess = access;
    const wants = this.#stage.start(Math.floor(address / TWO_32) | 0, address | 0, access);
    if (!wants) return this.#endStage();
    this.wanted = this.#stage.wanted;
    this.wantedSize = this.#stage.levelAt(0).entrySize;
    return true;
  }

  #endStage(): boolean {
    this.#record();
    if (this.#stage.outcome !== OUTCOME.mapped || this.#purpose === 'final') {
      this.#phase = 'ended';
      return false;
    }
    this.#phase = 'guest-entry';
    this.wanted = this.#stage.physical;
    this.wantedSize = this.guest.levelAt(this.guest.depth).entrySize;
    return true;
  }

  #takeGuestEntry(low: number, high: number): boolean {
    const wants = this.guest.feed(low, high);
    if (this.#writesBack(low) && !this.#mayWriteBack()) {
      this.#phase = 'ended';
      return false;
    }
    return this.#proceed(wants);
  }

  /** Where reading a table is not writing it, setting A (and D) in the entry just taken still is. SDM vol. 3C, 31.3.3.2. */
  #writesBack(low: number): boolean {
    if (this.#nested.writesTables === 'always') return false;
    const { guest } = this;
    if (guest.outcome !== OUTCOME.pending && guest.outcome !== OUTCOME.mapped) return false;
    const level = guest.levelAt(guest.depth - 1);
    if (!level.hasAccessed) return false;
    const dirties = guest.outcome === OUTCOME.mapped && (guest.access & ACCESS_WRITE) !== 0;
    const { accessed, dirty } = level.usageBits;
    const wanted = Number(accessed) | (dirties ? Number(dirty) : 0);
    return (low & wanted) !== wanted;
  }

  /** The table's page is judged again, now as read and written. */
  #mayWriteBack(): boolean {
    const before = this.records.pop();
    const { rules, policy } = this.#nested.stage;
    this.#stageAccess |= ACCESS_READ_MODIFY_WRITE;
    this.#stage.access = this.#stageAccess;
    this.#stage.denied = rules.judge(policy, this.#stage, this.#stageAccess);
    if (this.#stage.denied !== 0) this.#stage.outcome = OUTCOME.denied;
    if (before) this.#record();
    return this.#stage.denied === 0;
  }

  /** NPT: a write by a user. EPT: by the A/D flag, a read, or a read and a write. */
  #tableAccess(): number {
    if (this.#nested.kind === 'npt') return ACCESS_USER | ACCESS_WRITE;
    // PDPTEs are loaded by reads, whatever the flag says (SDM vol. 3C, 31.3.3.2).
    if (!this.guest.levelAt(this.guest.depth).hasAccessed) return 0;
    return this.#nested.writesTables === 'always' ? ACCESS_WRITE | ACCESS_READ_MODIFY_WRITE : 0;
  }

  #finalAccess(): number {
    const { access, rights, context } = this.guest;
    const kind = access & (ACCESS_WRITE | ACCESS_EXEC);
    if (this.#nested.kind === 'npt') return kind | ACCESS_USER;
    // Without paging every address is a user-mode address (SDM vol. 3C, table 29-7, bit 9).
    const isUserAddress = context.levels.length === 0 || (rights & ENTRY_US) !== 0;
    const isStack = (access & ACCESS_SHADOW_STACK) !== 0 && (access & ACCESS_USER) === 0;
    return kind | (isUserAddress ? ACCESS_USER_ADDRESS : 0) | (isStack ? ACCESS_SUPERVISOR_SHADOW_STACK : 0);
  }

  #record(): void {
    const stage = this.#stage;
    const guestPhysicalAddress = (stage.givenHigh >>> 0) * TWO_32 + (stage.linearLow >>> 0);
    this.records.push({
      guestPhysicalAddress,
      purpose: this.#purpose,
      access: this.#stageAccess,
      translation: toTranslation(stage),
      rights: stage.outcome === OUTCOME.mapped || stage.outcome === OUTCOME.denied ? stage.rights : 0,
      leafHigh: stage.outcome === OUTCOME.mapped || stage.outcome === OUTCOME.denied ? stage.leafHigh : 0,
    });
  }
}
