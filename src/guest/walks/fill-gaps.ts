/**
 * Completes answers of which some could not be given yet.
 *
 * @param make - gives the missing ones, all at once, by their places
 * @internal
 */
export async function fillGaps<Answer>(
  answers: readonly (Answer | undefined)[],
  make: (places: readonly number[]) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  const places = answers.flatMap((answer, at) => (answer === undefined ? [at] : []));
  const made = await make(places);
  const filled = [...answers];
  places.forEach((at, position) => {
    filled[at] = made[position];
  });
  return filled as Answer[];
}
