/** What travels between a client and libvirt: a command of virsh, QEMU's reply to one, an event. */
export type SpiedDirection = 'up' | 'down' | 'event';

/** What the virsh in between says, one JSON text a line. */
export type SpyReport =
  /** Its first words: the number of the real virsh. */
  | { readonly virsh: number; readonly hearsEvents: boolean }
  /** A line that waits to be let through. */
  | { readonly direction: SpiedDirection; readonly text: string }
  /** The last one has been passed on. */
  | { readonly passed: true };

/** What it is told to pass on instead of a line: any text, or nothing; and whether its output ends there. */
export interface SpyVerdict {
  readonly text: string;
  readonly ends?: boolean;
}
