/**
 * At which bytes a session is cut. At all of them unless they are counted; then half of those are the nearest to where messages begin
 * and end, and the others lie evenly: inside of a long reply one byte is like the next.
 *
 * @param lengths - of all messages, in bytes
 * @returns in ascending order
 */
export function cutPositions(lengths: readonly number[], count = Number.POSITIVE_INFINITY): readonly number[] {
  const fromEdge = lengths.flatMap((length) => Array.from({ length }, (_, at) => Math.min(at, length - 1 - at)));
  const total = fromEdge.length;
  if (count >= total) return [...fromEdge.keys()];
  const half = Math.ceil(count / 2);
  const chosen = new Set(Array.from({ length: half }, (_, at) => Math.floor((at * total) / half)));
  const byEdge = [...fromEdge.keys()].sort((one, other) => (fromEdge[one] as number) - (fromEdge[other] as number));
  for (const position of byEdge) {
    if (chosen.size >= count) break;
    chosen.add(position);
  }
  return [...chosen].sort((one, other) => one - other);
}
