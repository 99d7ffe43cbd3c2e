import { useEffect, useState } from 'preact/hooks';
import { type Changes, findChanges } from '../../picture/internal.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';

/** The address space with registers as they are supposed to be. @internal */
export function useSpace(moment: LoadedMoment, overrides: readonly string[]): { space: Space; problem: string | null } {
  const [asked, setAsked] = useState<{ moment: LoadedMoment; space: Space; problem: string | null } | null>(null);
  useEffect(() => {
    if (overrides.length === 0) return setAsked(null);
    let isCurrent = true;
    moment.spaceIf(overrides).then(
      (space) => {
        if (isCurrent) setAsked({ moment, space, problem: null });
      },
      (error: unknown) => {
        if (isCurrent)
          setAsked({ moment, space: moment.space, problem: error instanceof Error ? error.message : String(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [moment, overrides]);
  return asked !== null && asked.moment === moment ? asked : { space: moment.space, problem: null };
}

/** The page is drawn, and listens, while a million pages are compared. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What has changed since another moment; null without one, and until it is known. @internal */
export function useChanges(before: LoadedMoment | null, after: LoadedMoment): Changes | null {
  const [found, setFound] = useState<{ before: LoadedMoment; after: LoadedMoment; changes: Changes } | null>(null);
  useEffect(() => {
    if (before === null) return setFound(null);
    let isCurrent = true;
    const where = after.changesSince(before);
    void findChanges({
      before: before.space.pieces,
      after: after.space.pieces,
      context: after.form,
      where,
      breathe,
    }).then((changes) => {
      if (isCurrent) setFound({ before, after, changes });
    });
    return () => {
      isCurrent = false;
    };
  }, [before, after]);
  return before !== null && found?.before === before && found.after === after ? found.changes : null;
}
