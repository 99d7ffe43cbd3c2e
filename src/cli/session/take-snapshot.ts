import type { Assumption, MapScope, TableSnapshot } from '../../guest/index.ts';
import { Progress } from '../io/progress.ts';
import type { CliContext } from '../options/command.ts';
import type { GuestOptions } from '../options/guest-options.ts';
import type { ScopeOptions } from '../options/scope-options.ts';
import { withView } from './with-guest.ts';

/** Tables of a guest that runs on, and what is to be said of them. @internal */
export interface TakenSnapshot {
  readonly snapshot: TableSnapshot;
  /** What everything rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
}

/**
 * Reads the tables of an address space in one pause. A bar shows how far that is if it takes long.
 *
 * @throws as withView.
 * @internal
 */
export async function takeSnapshot(
  guest: GuestOptions,
  options: ScopeOptions,
  scope: MapScope,
  context: CliContext,
): Promise<TakenSnapshot> {
  const progress = new Progress(context, 'reading page tables');
  try {
    return await withView(guest, options, context, async (view, attached) => {
      const snapshot = await view.snapshot({ ...scope, onProgress: progress.report });
      return { snapshot, assumed: [...snapshot.assumed, ...attached.assumed] };
    });
  } finally {
    progress.end();
  }
}
