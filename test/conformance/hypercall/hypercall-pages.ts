import type { EntryFlags } from '../../support/builders/table-builder.ts';
import { TableBuilder } from '../../support/builders/table-builder.ts';

/** A page of which the hypercall is asked, and what is out of the ordinary about it. @internal */
export interface HypercallPage {
  name: string;
  linear: bigint;
}

const noMemory = 0xff_0000_0000n;
const bit51 = 1n << 51n;

/** Four-level tables with a page of every right, and of everything that can go wrong. @internal */
export function hypercallPages(): { builder: TableBuilder; pages: readonly HypercallPage[] } {
  const builder = new TableBuilder('4-level');
  const pages: HypercallPage[] = [];
  // Each has a PML4 entry of its own, so that what is wrong with one is not wrong with another.
  const place = (name: string, levels: Readonly<Record<number, EntryFlags>>, size = 0x1000, key = 0) => {
    const index = BigInt(pages.length + 1);
    const linear = (index << 39n) | (index << 30n) | (index << 21n) | (size === 0x1000 ? index << 12n : 0n);
    const physical = index << 32n;
    builder.map(size === 0x4000_0000 ? (index << 39n) | (index << 30n) : linear, physical, { size, levels, key });
    pages.push({ name, linear });
    return linear;
  };
  const rights = [true, false].flatMap((write) =>
    [true, false].flatMap((user) => [true, false].map((noExecute) => ({ write, user, noExecute }))),
  );
  for (const right of rights) {
    place(`leaf ${JSON.stringify(right)}`, { 1: right });
    place(`PDE ${JSON.stringify(right)}`, { 2: { ...right, accessed: true } });
  }
  for (const dirty of [false, true]) {
    // With D these are shadow stacks.
    place(`user's, read-only, D ${dirty}`, { 1: { write: false, dirty, accessed: true } });
    place(`supervisor's, read-only, D ${dirty}`, { 1: { write: false, user: false, dirty } });
  }
  place('shadow stack below a PDE that is read-only', { 1: { write: false, dirty: true }, 2: { write: false } });
  place('2 MiB', { 2: { extra: 0x1018n } }, 0x20_0000);
  place("2 MiB, the supervisor's", { 2: { user: false } }, 0x20_0000);
  place('2 MiB, reserved bit 13', { 2: { extra: 0x2000n } }, 0x20_0000);
  place('1 GiB', { 3: { write: false } }, 0x4000_0000);
  place('key 5', {}, 0x1000, 5);
  place("key 9, the supervisor's", { 1: { user: false } }, 0x1000, 9);
  for (const level of [4, 3, 2, 1]) {
    place(`not present at level ${level}`, { [level]: { present: false } });
    place(`reserved bit at level ${level}`, { [level]: { extra: bit51 } });
  }
  for (const level of [4, 3, 2]) {
    const linear = place(`no memory below level ${level}`, {});
    builder.poke(builder.entryAddress(linear, level), noMemory | 0x7n);
  }
  place('all A and D set', { 4: used, 3: used, 2: used, 1: { ...used, dirty: true } });
  pages.push({ name: 'not canonical', linear: 0x8000_0000_0000n });
  return { builder, pages };
}

const used: EntryFlags = { accessed: true };
