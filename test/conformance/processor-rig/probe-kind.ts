import type { Access } from '../../../src/paging/index.ts';

/** What a probe's instruction does. */
export type Doing = 'load' | 'store' | 'fetch' | 'implicit' | 'modify' | 'stack' | 'descriptor';

/** One access of an instruction, as the walker is asked. */
export interface KindAccess {
  readonly access: Access;
  /** From the probe's address. */
  readonly offset: bigint;
}

/** A kind of probe; the numbers are those of the kernel's table `kinds`. */
export interface ProbeKind {
  readonly number: number;
  readonly name: string;
  /** Of its instruction among those of its privilege's code. */
  readonly place: number;
  readonly cpl: 0 | 1 | 2 | 3;
  readonly user: boolean;
  readonly does: Doing;
  /** In the order in which they are made. What follows one that faults is not made. */
  readonly accesses: readonly KindAccess[];
}

type Letters = readonly string[];

/**
 * The accesses of each instruction: `w`rite, fetch (`x`), `i`mplicit, relative to SS (`s`), else a read.
 *
 * `implicit` and `descriptor` load a segment register from an LDT that begins at the address: the processor reads the
 * descriptor by itself and, where it finds a good one, sets the accessed bit in its second half. TCG makes `modify`
 * (add to memory) as a read and then a write; a processor makes one access, a write.
 */
const instructions: readonly (readonly [Doing, Letters])[] = [
  ['load', ['']],
  ['store', ['w']],
  ['fetch', ['x']],
  ['implicit', ['i']],
  ['modify', ['', 'w']],
  ['stack', ['s']],
  ['descriptor', ['i', 'iw']],
];

export const probeKinds = kindsAt([0, 3], 0);

/** At the privileges in between, which paging takes for the supervisor. */
export const ringKinds = kindsAt([1, 2], probeKinds.length);

function kindsAt(privileges: readonly ProbeKind['cpl'][], first: number): readonly ProbeKind[] {
  return instructions.flatMap(([does, accesses], place) =>
    privileges.map((cpl, at) => ({
      number: first + privileges.length * place + at,
      name: `${nameOf(cpl)} ${does}`,
      place,
      cpl,
      user: cpl === 3,
      does,
      accesses: accesses.map((letters) => makeAccess(letters, cpl === 3)),
    })),
  );
}

function nameOf(cpl: ProbeKind['cpl']): string {
  return cpl === 3 ? 'user' : cpl === 0 ? 'supervisor' : `CPL ${cpl}`;
}

/** An implicit access is the supervisor's at any CPL. */
function makeAccess(letters: string, byUser: boolean): KindAccess {
  const implicit = letters.includes('i');
  const write = letters.includes('w');
  const access = {
    write,
    exec: letters.includes('x'),
    user: byUser && !implicit,
    ...(implicit ? { implicit } : {}),
    ...(letters.includes('s') ? { segment: 'ss' as const } : {}),
  };
  return { access, offset: implicit && write ? 4n : 0n };
}

/** The other eight of every 16 bytes are for what is written: the code beside it stays whole. */
export function isAtSecondHalf(does: Doing): boolean {
  return does === 'store' || does === 'modify' || does === 'descriptor';
}
