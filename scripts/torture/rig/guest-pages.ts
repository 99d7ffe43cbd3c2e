import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const PAGE = 4096;
const LOOKS = 6;
const BETWEEN_LOOKS_MS = 120;

/** Where long4 has its stack: what lies there depends on whether it sleeps or reports. */
const STACK = 0x107000;
/** Where long4 has its tables. */
const TABLES = { first: 0x110000, end: 0x119000 };
const ACCESSED = 0x20;
const DIRTY = 0x40;

/** A byte of the guest's memory that is not what it was. */
export interface ChangedByte {
  readonly address: number;
  readonly before: number;
  readonly after: number;
}

/**
 * The guest's RAM as the file behind it shows it, and what it was when the guest had just started. Pages that the guest changes
 * by itself while it runs are learned first, and not compared; nor is its stack.
 */
export class GuestPages {
  readonly #path: string;
  readonly #volatile: ReadonlySet<number>;
  readonly #original: Buffer;

  private constructor(path: string, volatile: ReadonlySet<number>, original: Buffer) {
    this.#path = path;
    this.#volatile = volatile;
    this.#original = original;
  }

  /** @param tick - waits until the guest has said something once more */
  static async learn(path: string, tick: () => Promise<unknown>): Promise<GuestPages> {
    const first = readFileSync(path);
    const volatile = new Set([STACK / PAGE]);
    for (let look = 0; look < LOOKS; look += 1) {
      await tick();
      await delay(BETWEEN_LOOKS_MS);
      const now = readFileSync(path);
      for (const page of changedPages(first, now)) volatile.add(page);
    }
    return new GuestPages(path, volatile, readFileSync(path));
  }

  /** What differs from the start. */
  changes(): readonly ChangedByte[] {
    const now = readFileSync(this.#path);
    const changes: ChangedByte[] = [];
    for (const page of changedPages(this.#original, now)) {
      if (this.#volatile.has(page)) continue;
      for (let at = page * PAGE; at < (page + 1) * PAGE; at += 1) {
        const before = this.#original[at] ?? 0;
        const after = now[at] ?? 0;
        if (before !== after) changes.push({ address: at, before, after });
      }
    }
    return changes;
  }

  /** Writes the tables as they were: TCG looks at them only for pages that this guest does not use. */
  putBack(): void {
    const file = openSync(this.#path, 'r+');
    try {
      for (const { address, before } of this.changes()) writeSync(file, Buffer.from([before]), 0, 1, address);
    } finally {
      closeSync(file);
    }
  }

  /** Writes into the guest's memory, behind its back. */
  write(address: number, bytes: Buffer): void {
    const file = openSync(this.#path, 'r+');
    try {
      writeSync(file, bytes, 0, bytes.length, address);
    } finally {
      closeSync(file);
    }
  }
}

/**
 * The changes that were not asked for.
 *
 * @param allowed - what the same question changes when nothing disturbs it: A and D bits of the entries that it was asked about
 */
export function unwantedChanges(changes: readonly ChangedByte[], allowed: readonly ChangedByte[]): readonly string[] {
  return changes
    .filter(({ address, before, after }) => {
      const isEntry = address >= TABLES.first && address < TABLES.end && address % 8 === 0;
      const asked = allowed.find((change) => change.address === address);
      const set = after & ~before;
      const onlySets = (before & ~after) === 0 && (set & ~(ACCESSED | DIRTY)) === 0;
      return !isEntry || !onlySets || asked === undefined || (set & ~(asked.after & ~asked.before)) !== 0;
    })
    .map(({ address, before, after }) => `memory changed at 0x${address.toString(16)}: ${before} became ${after}`);
}

function* changedPages(one: Buffer, other: Buffer): Generator<number> {
  for (let at = 0; at < one.length; at += PAGE) {
    if (one.compare(other, at, at + PAGE, at, at + PAGE) !== 0) yield at / PAGE;
  }
}
