import type { AreaMap } from '../../linux/internal.ts';
import type { PictureName } from '../../picture/internal.ts';
import { formatArea } from '../../report/index.ts';

/** A picture with more names than this is not read by them. */
const MOST_NAMES = 20_000;

/** What Linux keeps where, as names of a picture; none where it was not asked. @internal */
export function namesOfAreas(areas: AreaMap | null): readonly PictureName[] {
  const all = areas?.areas ?? [];
  return all.slice(0, MOST_NAMES).map((area) => ({ first: area.first, last: area.last, text: formatArea(area) }));
}
