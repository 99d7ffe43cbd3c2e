import { ACCESS_WRITE, ENTRY_US } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { type Translation, toTranslation } from '../walk/translation.ts';
import { OUTCOME, Walk } from '../walk/walk.ts';
import type { NestedContext } from './nested-context.ts';
import { finalAccessOf, mustWriteBack, tableAccessOf, writeBackAccessOf } from './stage-access.ts';

/** What a second-stage walk is for: an entry of the guest's tables, or the page that the guest's walk ended at. @public */
export type NestedPurpose = 'table' | 'final';

/** One second-stage walk that has ended. @internal */
export interface StageRecord {
  readonly l2PhysicalAddress: number;
  readonly purpose: NestedPurpose;
  /** ACCESS bits that it was judged by. */
  readonly access: number;
  /** What it came to; what it translates is the guest physical address. */
  readonly translation: Translation;
  /** Rights of an EPT walk, ANDed; of no use otherwise. */
  readonly rights: number;
  /** The leaf that the walk came to, in halves; 0 when it came to none. */
  readonly leafLow: number;
  readonly leafHigh: number;
}

type Phase = 'stage' | 'guest-entry' | 'ended';
const TWO_32 = 0x1_0000_0000;

/**
 * The walk in two dimensions: every address that the guest's walk names is itself walked through the second stage. It asks
 * for entries by L1 physical address and is fed them like an ordinary walk, so the same drivers drive it.
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
  /** L1 physical address of the entry that is wanted. */
  wanted = 0;
  wantedSizeBytes: 4 | 8 = 8;
  /** The L1 memory that should hold an entry of the guest's tables is not there. */
  isGuestEntryUnbacked = false;
  readonly #nested: NestedContext;
  readonly #stage: Walk;
  readonly #keepsRecords: boolean;
  #phase: Phase = 'ended';
  #purpose: NestedPurpose = 'table';
  #stageAccess = 0;
  #hasStageFailed = false;

  /** @param keepsRecords - false where only the ends of walks are asked for: records are objects, and some thirty a walk */
  constructor(guest: PagingContext, nested: NestedContext, keepsRecords = true) {
    this.guest = new Walk(guest);
    this.#nested = nested;
    this.#stage = new Walk(nested.stage);
    this.#keepsRecords = keepsRecords;
  }

  /** The second stage let everything through: the guest's own walk says how it ended. */
  get isThrough(): boolean {
    return !this.isGuestEntryUnbacked && !this.#hasStageFailed;
  }

  /** The last address that was looked up in the second stage was the page's, and not that of an entry of the guest. */
  get isAtPage(): boolean {
    return this.#purpose === 'final';
  }

  /** The L2 physical address that was last looked up in the second stage. */
  get l2PhysicalAddress(): number {
    return (this.#stage.givenHigh >>> 0) * TWO_32 + (this.#stage.linearLow >>> 0);
  }

  /** Where it leads in L1 memory; good when it leads anywhere. */
  get l1PhysicalAddress(): number {
    return this.#stage.physical;
  }

  /** Whether an entry is wanted. */
  get isPending(): boolean {
    return this.#phase !== 'ended';
  }

  /** @returns whether an entry is wanted */
  start(high: number, low: number, access: number): boolean {
    this.records.length = 0;
    this.isGuestEntryUnbacked = false;
    this.#hasStageFailed = false;
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

  /** Where reading nothing gives zeros, the guest's entry is one that is not present; elsewhere it is undefined. */
  #takeNoGuestEntry(): void {
    if (this.guest.context.profile.unbackedTable === 'not-present') this.guest.feedUnbacked();
    else this.isGuestEntryUnbacked = true;
  }

  /** The guest's walk wants an entry, has ended at a page, or has failed. */
  #proceed(guestWants: boolean): boolean {
    if (guestWants) {
      const { guest } = this;
      return this.#startStage('table', guest.wanted, tableAccessOf(this.#nested, guest.levelAt(guest.depth)));
    }
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
    this.wantedSizeBytes = this.#stage.levelAt(0).entrySizeBytes;
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
    this.wantedSizeBytes = this.guest.levelAt(this.guest.depth).entrySizeBytes;
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

  #writesBack(low: number): boolean {
    const { guest } = this;
    if (guest.outcome !== OUTCOME.pending && guest.outcome !== OUTCOME.mapped) return false;
    const isDirtied = guest.outcome === OUTCOME.mapped && (guest.access & ACCESS_WRITE) !== 0;
    return mustWriteBack(this.#nested, guest.levelAt(guest.depth - 1), low, isDirtied);
  }

  /** The table's page is judged again, now as read and written. */
  #mayWriteBack(): boolean {
    this.records.pop();
    const { rules, policy } = this.#nested.stage;
    this.#stageAccess = writeBackAccessOf(this.#stageAccess);
    this.#stage.access = this.#stageAccess;
    this.#stage.denied = rules.judge(policy, this.#stage, this.#stageAccess);
    if (this.#stage.denied !== 0) this.#stage.outcome = OUTCOME.denied;
    this.#record();
    return this.#stage.denied === 0;
  }

  #finalAccess(): number {
    const { access, rights, context } = this.guest;
    return finalAccessOf(this.#nested, access, context.levels.length === 0 || (rights & ENTRY_US) !== 0);
  }

  #record(): void {
    const stage = this.#stage;
    this.#hasStageFailed = stage.outcome !== OUTCOME.mapped;
    if (!this.#keepsRecords) return;
    const hasLeaf = stage.outcome === OUTCOME.mapped || stage.outcome === OUTCOME.denied;
    this.records.push({
      l2PhysicalAddress: this.l2PhysicalAddress,
      purpose: this.#purpose,
      access: this.#stageAccess,
      translation: toTranslation(stage),
      rights: hasLeaf ? stage.rights : 0,
      leafLow: hasLeaf ? stage.leafLow : 0,
      leafHigh: hasLeaf ? stage.leafHigh : 0,
    });
  }
}
