/** Bits of a task's state (include/linux/sched.h), and the letters that /proc has for them. */
const LETTERS = ['S', 'D', 'T', 't', 'X', 'Z', 'P'] as const;
const REPORTED = 0x7f;
const UNINTERRUPTIBLE = 0x2;
const NO_LOAD = 0x400;
const IDLE = UNINTERRUPTIBLE | NO_LOAD;

/**
 * The letter of a state: R running or ready, S sleeping, D in a sleep that nothing interrupts, T stopped, t traced, Z zombie,
 * I an idle thread of the kernel, P parked, X dead.
 *
 * @param exit - of a task that ends
 * @internal
 */
export function taskStateLetter(state: number, exit: number): string {
  if ((state & IDLE) === IDLE) return 'I';
  const reported = (state | exit) & REPORTED;
  if (reported === 0) return 'R';
  return LETTERS[31 - Math.clz32(reported)] ?? '?';
}
