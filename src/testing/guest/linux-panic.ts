/** A line of the kernel's log has its time in front, or not (`printk.time`). */
const PANIC = /^(\[ *\d+\.\d+\] *)?Kernel panic - not syncing/;
const END_OF_PANIC = /^(\[ *\d+\.\d+\] *)?---\[ end Kernel panic - not syncing/;
/** A panic says why first; what follows is mostly its trace. */
const SHOWN_LINES = 25;
/** So far from the end it belongs to what came later. */
const SEARCHED_LINES = 500;

/** Whether a Linux has said the last that it says: without `panic=…` on its command line it stays there for ever. @internal */
export function isEndOfPanic(line: string): boolean {
  return END_OF_PANIC.test(line);
}

/** A Linux's panic: its first lines. @returns undefined where the console has none. @internal */
export function panicOf(lines: readonly string[]): readonly string[] | undefined {
  const last = lines.slice(-SEARCHED_LINES);
  const at = last.findLastIndex((line) => PANIC.test(line));
  return at < 0 ? undefined : last.slice(at, at + SHOWN_LINES);
}
