/**
 * The first of so many, in ascending order, that is not before what is looked for; `length` where all are.
 *
 * @internal
 */
export function lowerBound(length: number, isBefore: (at: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
