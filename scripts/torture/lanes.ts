/**
 * Works through numbered cases, several at a time. Each lane has what it works on (a guest) for itself.
 *
 * @param open - makes a lane; how it is to be closed comes with it
 */
export async function runInLanes<Lane extends AsyncDisposable>(
  cases: readonly number[],
  lanes: number,
  open: (lane: number) => Promise<Lane>,
  run: (caseNumber: number, lane: Lane) => Promise<void>,
): Promise<void> {
  const left = [...cases];
  const stop = (): void => void left.splice(0);
  // Guests and directories are still taken away; the cases under way are waited for.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  const work = async (number: number): Promise<void> => {
    await using lane = await open(number);
    for (let next = left.shift(); next !== undefined; next = left.shift()) await run(next, lane);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, cases.length) }, (_, number) => work(number)));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
}
