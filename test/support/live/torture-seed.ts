/** The seed of what a test draws: `PAGEWALK_SEED`, or a new one. The test says which. */
export function tortureSeed(): number {
  const { PAGEWALK_SEED } = process.env;
  return Number(PAGEWALK_SEED ?? Math.floor(Math.random() * 0x1_0000_0000));
}
