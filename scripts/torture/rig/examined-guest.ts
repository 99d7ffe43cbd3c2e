import type { GuestPages } from './guest-pages.ts';
import type { RawMonitor } from './raw/raw-monitor.ts';

/** What has to be as it was: the run state, and the character devices. */
export interface GuestStanding {
  readonly runState: string;
  readonly chardevs: readonly string[];
}

/** A guest that is looked at after each case, by a way that is none of pagewalk's. */
export interface ExaminedGuest {
  readonly monitor: RawMonitor;
  /** Undefined where its memory is not compared. */
  readonly pages: GuestPages | undefined;
  /** By which pagewalk reaches it with nothing between. */
  readonly endpoint: string;
  standing(): Promise<GuestStanding>;
  /** What a debugger that comes now finds wrong. */
  inspectStub(): Promise<readonly string[]>;
  /** Makes it run or pause, as a user would. */
  bring(to: 'running' | 'paused'): Promise<void>;
  /** Undoes what a case left wrong, so that the next one starts from a guest that is well. */
  heal(): Promise<void>;
}

/**
 * The character devices, without what tells of their clients. QEMU keeps one nameless device (`#chrNNN`, file name `gdb`) once a
 * stub was made: that is its own, and one is all there may be.
 */
export async function chardevsOf(monitor: RawMonitor): Promise<readonly string[]> {
  const list = (await monitor.execute('query-chardev')) as { label: string; filename: string }[];
  const own = list.filter(({ filename }) => filename === 'gdb');
  const others = list
    .filter(({ filename }) => filename !== 'gdb')
    .map(({ label, filename }) => `${label} ${filename.replace(/^disconnected:/, '').replace(/ <->.*$/, '')}`)
    .sort();
  return own.length <= 1 ? others : [...others, `${own.length} monitors of stubs`];
}
