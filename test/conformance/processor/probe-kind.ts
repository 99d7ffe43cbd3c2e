import type { Access } from '../../../src/paging/index.ts';

/** What a probe does; the numbers are those of the kernel's table `kinds`. */
export interface ProbeKind {
  readonly number: number;
  readonly name: string;
  readonly user: boolean;
  readonly does: 'load' | 'store' | 'fetch' | 'implicit';
  /** As the walker is asked. An implicit access is the supervisor's at any CPL. */
  readonly access: Access;
}

const doings = ['load', 'store', 'fetch', 'implicit'] as const;

export const probeKinds: readonly ProbeKind[] = [false, true].flatMap((user) =>
  doings.map((does, index) => {
    const implicit = does === 'implicit';
    const access = { write: does === 'store', exec: does === 'fetch', user: user && !implicit };
    return {
      number: index + (user ? 4 : 0),
      name: `${user ? 'user' : 'supervisor'} ${does}`,
      user,
      does,
      access: implicit ? { ...access, implicit } : access,
    };
  }),
);
