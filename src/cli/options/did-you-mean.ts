/** So many letters of a name may be wrong: a third, and one of a short name. */
const LETTERS_PER_MISTAKE = 3;

/**
 * The known name that was most likely meant, as the end of a message: `; did you mean --from?`. Empty when none is near.
 *
 * @internal
 */
export function didYouMean(given: string, known: readonly string[]): string {
  const nearest = nearestName(given, known);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function nearestName(given: string, known: readonly string[]): string | undefined {
  const wanted = given.toLowerCase();
  const ranked = known
    .map((name) => ({ name, mistakes: mistakesBetween(wanted, name.toLowerCase()) }))
    .sort((one, other) => one.mistakes - other.mistakes);
  const [best] = ranked;
  if (best !== undefined && best.mistakes <= Math.max(1, Math.floor(wanted.length / LETTERS_PER_MISTAKE))) {
    return best.name;
  }
  // A name that was not written to its end, if only one begins so.
  const [begun, another] = known.filter((name) => wanted.length > 2 && name.toLowerCase().startsWith(wanted));
  return another === undefined ? begun : undefined;
}

/** How many letters are wrong, missing, too many, or swapped with their neighbour (the optimal string alignment distance). */
function mistakesBetween(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= one.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(one.length, other.length);
}
