import { setTimeout as sleep } from 'node:timers/promises';
import type { Assumption, GuestView, OpenGuest, TableSnapshot } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import type { AreaMap } from '../../../linux/internal.ts';
import { canonicalAddress, type MappedLeaf } from '../../../paging/internal.ts';
import type { MapChange, MapSegment } from '../../../report/index.ts';
import { Progress } from '../../io/progress.ts';
import type { CliContext } from '../../options/command.ts';
import type { GuestOptions } from '../../options/guest-options.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { isNamedRange } from '../../options/written-range.ts';
import { type LookTimes, lookTimes } from '../../picture/look-times.ts';
import { factsOf, LIMITS_OF_TWO, momentBytes } from '../../picture/moment-bytes.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { describeRoot } from '../../picture/snapshot-notes.ts';
import { symbolBytes } from '../../picture/symbol-bytes.ts';
import { expectWritable, printWritten, writePage } from '../../picture/write-page.ts';
import { complainOfAssumed } from '../../session/complain-of-assumed.ts';
import { complainOfRomTables } from '../../session/complain-of-rom-tables.ts';
import { nameScope } from '../../session/names/name-scope.ts';
import { resolveRange } from '../../session/names/resolve-addresses.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { leafWindows } from '../../session/snapshot-windows.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { viewOnce, withOpened } from '../../session/with-guest.ts';
import { type DiffGuestCommandLine, type DiffTwoCommandLine, NAME } from './parse-diff.ts';
import { printChanges } from './print-changes.ts';

/** Which of the two a vCPU runs changes all the time, and each has an address space of its own. */
const NOT_THE_SAME_GUEST =
  'the vCPU ran the nested guest (L2) at one moment, and its hypervisor (L1) at the other: the maps are not comparable';

/** The tables of two moments. */
interface Moments {
  readonly before: Moment;
  readonly after: Moment;
  /** False when the guest was paused all the while. */
  readonly ran: boolean;
  /** The part of the address space, empty for everything. */
  readonly range: Partial<AddressRange>;
}

/**
 * Compares a guest with itself some time later, or two guests.
 *
 * @returns the exit status
 * @internal
 */
export async function diffGuest(line: DiffGuestCommandLine | DiffTwoCommandLine, context: CliContext): Promise<number> {
  const page = line.html === undefined ? undefined : { html: line.html, files: readPageFiles() };
  if (page !== undefined) expectWritable(page.html);
  const moments = await takeTwo(line, context);
  const { ran, range } = moments;
  const [before, after] = [moments.before.snapshot, moments.after.snapshot];
  if (!ran) context.complain('pagewalk: the guest is paused: it did not run between the two moments');
  const assumed = [...moments.before.assumed, ...moments.after.assumed];
  await complainOfAssumed(assumed, context);
  complainOfRomTables([...new Set([...before.tablesInRom, ...after.tablesInRom])], context);
  if ((before.nested === null) !== (after.nested === null)) context.complain(`pagewalk: ${NOT_THE_SAME_GUEST}`);
  const changes = changesBetween(before, after, range);
  const isSame =
    page === undefined
      ? (await printChanges(changes, after.context.mode, line, context)) === 0
      : await drawChanges(moments, changes, page, context);
  if (!before.isWhole || !after.isWhole) {
    context.complain('pagewalk: there are more page tables than are kept: compare a part with --range');
  }
  const unreadable = [before, after].filter(({ isRootReadable }) => !isRootReadable);
  for (const sentence of new Set(unreadable.map(describeRoot))) context.complain(`pagewalk: ${sentence}`);
  const isWhole = before.isWhole && after.isWhole && unreadable.length === 0;
  const { strict } = line.kind === 'two' ? line.after : line.guest;
  return strictStatus(isSame && isWhole ? 0 : 1, strict, assumed, context);
}

/** @returns whether nothing differs */
async function drawChanges(
  { before, after, range }: Moments,
  changes: AsyncGenerator<MapChange>,
  { html, files }: { readonly html: string; readonly files: ReturnType<typeof readPageFiles> },
  context: CliContext,
): Promise<boolean> {
  const pictures = [before, after].map(({ snapshot, assumed, scope, areas, guest: { endpoint }, times }) => {
    const space = reportedSpace(snapshot.state, scope);
    const facts = factsOf({ endpoint, snapshot, space, range, assumed, areas, times });
    return momentBytes(snapshot, facts, LIMITS_OF_TWO);
  });
  const symbols = symbolBytes(after, pictures, context);
  await printWritten(html, await writePage(html, files, pictures, symbols), context);
  // One is enough: the page shows them all.
  return (await changes.next()).done === true;
}

async function takeTwo(line: DiffGuestCommandLine | DiffTwoCommandLine, context: CliContext): Promise<Moments> {
  const progress = new Progress(context, 'reading page tables');
  try {
    return line.kind === 'two' ? await takeBoth(line, progress, context) : await takeTwice(line, progress, context);
  } finally {
    progress.end();
  }
}

/** A process is looked for in each of them: it may have another address space there. */
async function takeBoth(
  { before, after, scope, range, html, names }: DiffTwoCommandLine,
  progress: Progress,
  context: CliContext,
): Promise<Moments> {
  // What is wrong with the question is found before anything is connected.
  await toTranslateScope(scope, after.cpu, NAME);
  const forWalks = html !== undefined;
  const take = async (guest: GuestOptions, part: Partial<AddressRange> | undefined): Promise<Moment> => {
    const taken = await withOpened(guest, scope, context, (opened) =>
      viewOnce(opened, scope, (view) =>
        takeSnapshot(view, opened, { guest, scope, range, part, forWalks, names }, progress, context),
      ),
    );
    return { ...taken, times: lookTimes(taken.guest, scope.live, taken.takenAtMs, 0) };
  };
  const first = await take(before, undefined);
  progress.end();
  const second = await take(after, first.part);
  return { before: first, after: second, range: first.part, ran: true };
}

async function takeTwice(
  { guest: options, scope: scopeOptions, afterMs, range, html, names }: DiffGuestCommandLine,
  progress: Progress,
  context: CliContext,
): Promise<Moments> {
  await toTranslateScope(scopeOptions, options.cpu, NAME);
  const { live } = scopeOptions;
  const forWalks = html !== undefined;
  const { before, taken, pausedBeforeMs } = await withOpened(options, scopeOptions, context, async (guest) => {
    // The process is found once: it is the same one later.
    let scope: ScopeOptions = scopeOptions;
    let part: Partial<AddressRange> | undefined;
    const take = () =>
      viewOnce(guest, scopeOptions, async (view) => {
        const taken = await takeSnapshot(
          view,
          guest,
          { guest: options, scope, range, part, forWalks, names },
          progress,
          context,
        );
        scope = { ...taken.scope, process: undefined };
        part = taken.part;
        return taken;
      });
    const first = await take();
    progress.end();
    if (!live) await guest.running?.resume();
    const before = { ...first, times: lookTimes(guest, live, first.takenAtMs, 0) };
    await sleep(afterMs, undefined, { signal: context.signal });
    const pausedBeforeMs = guest.running?.pausedMs ?? 0;
    return { before, taken: await take(), pausedBeforeMs };
  });
  const { running } = taken.guest;
  return {
    before,
    after: { ...taken, times: lookTimes(taken.guest, live, taken.takenAtMs, pausedBeforeMs) },
    range: taken.part,
    ran: running !== undefined && running.ranBefore !== false,
  };
}

interface Asked extends Pick<DiffGuestCommandLine, 'guest' | 'scope' | 'range' | 'names'> {
  /** The range, where it is known already. */
  readonly part: Partial<AddressRange> | undefined;
  /** Walks are to be made of it. */
  readonly forWalks: boolean;
}

interface Taken {
  readonly snapshot: TableSnapshot;
  /** What it rests on that was unavailable, and what the guest does. */
  readonly assumed: readonly Assumption[];
  readonly scope: ScopeOptions;
  readonly part: Partial<AddressRange>;
  /** What Linux keeps where, and its symbols; null where names are not shown. */
  readonly areas: AreaMap | null;
  readonly linux: Linux | null;
  readonly guest: OpenGuest;
  readonly takenAtMs: number;
}

interface Moment extends Taken {
  readonly times: LookTimes;
}

async function takeSnapshot(
  view: GuestView,
  opened: OpenGuest,
  { guest, scope, range, part, forWalks, names }: Asked,
  progress: Progress,
  context: CliContext,
): Promise<Taken> {
  const takenAtMs = Date.now();
  const needsLinux = part === undefined && isNamedRange(range);
  const needs = { guest, scope, command: NAME, half: 'kernel' as const, needsLinux, showsNames: names };
  const named = await nameScope(view, opened, needs, context);
  const asked = await toTranslateScope(named.scope, guest.cpu, NAME);
  const own = part ?? (await resolveRange(range, named, guest.cpu, NAME));
  const snapshot = await named.view.snapshot({ ...asked, ...own, forWalks, onProgress: progress.report });
  const assumed = [...snapshot.assumed, ...opened.assumed];
  const { areas, linux } = named;
  return { snapshot, assumed, scope: named.scope, part: own, areas, linux, guest: opened, takenAtMs };
}

/** Only where tables differ are pages compared: a guest that does little has few such places, however much it maps. */
async function* changesBetween(
  before: TableSnapshot,
  after: TableSnapshot,
  range: Partial<AddressRange>,
): AsyncGenerator<MapChange> {
  const { diffMaps } = await import('../../../report/index.ts');
  for (const { firstPage, lastPage } of after.changesSince(before)) {
    const first = canonicalAddress(after.context, firstPage);
    const last = canonicalAddress(after.context, lastPage) | 0xfffn;
    const part = { first: higher(first, range.first ?? first), last: lower(last, range.last ?? last) };
    if (part.first <= part.last) yield* diffMaps(segments(before, part), segments(after, part));
  }
}

function* segments(snapshot: TableSnapshot, part: { first: bigint; last: bigint }): Generator<MapSegment> {
  for (const leaves of leafWindows(snapshot, part)) yield* leaves.map(toSegment);
}

function toSegment(leaf: MappedLeaf): MapSegment {
  const { address, sizeBytes, rights, protectionKey, global, physicalAddress, accessed, dirty } = leaf;
  return {
    first: address,
    last: address + BigInt(sizeBytes) - 1n,
    rights,
    protectionKey,
    global,
    pageSizeBytes: sizeBytes,
    physicalFirst: physicalAddress,
    accessed: Number(accessed),
    dirty: Number(dirty),
  };
}

function higher(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
