import { LAYOUT, type Pieces } from '../pieces/pieces.ts';
import { PiecesBuilder } from '../pieces/pieces-builder.ts';

/** Physical pages by how often, and by what, they are mapped. @internal */
export interface PhysicalOrder {
  /** Physical pages as pieces: `first` is a physical page, `leaves` how many mappings it has, `physical` the linear page of one. */
  readonly pieces: Pieces;
  /** Pieces of the linear order that map scattered pages: where these lie is not known. */
  readonly scattered: number;
}

const WRITE = 1 << 1;
const EXECUTE_DISABLED = 1 << 9;
/** In `classes` of physical pieces. @internal */
export const MAPPED = { writable: 1, executable: 2, user: 4, supervisor: 8 } as const;

/** Puts pieces into the order of physical memory. What several pieces map is cut where one of them begins or ends. @internal */
export function inPhysicalOrder(linear: Pieces): PhysicalOrder {
  let scattered = 0;
  const indices: number[] = [];
  for (let at = 0; at < linear.length; at += 1) {
    if (linear.layout[at] === LAYOUT.scattered) scattered += 1;
    else indices.push(at);
  }
  const lengthOf = (at: number): number =>
    linear.layout[at] === LAYOUT.repeated ? 2 ** ((linear.shift[at] as number) - 12) : (linear.pages[at] as number);
  const startOf = (at: number): number => linear.physical[at] as number;
  const timesOf = (at: number): number => (linear.layout[at] === LAYOUT.repeated ? (linear.leaves[at] as number) : 1);
  const byStart = Int32Array.from(indices).sort((one, other) => startOf(one) - startOf(other));
  const byEnd = Int32Array.from(indices).sort(
    (one, other) => startOf(one) + lengthOf(one) - startOf(other) - lengthOf(other),
  );
  const builder = new PiecesBuilder();
  const open = new Counts();
  let from = 0;
  let page = 0;
  let last = 0;
  for (let to = 0; to < byEnd.length; ) {
    const start = from < byStart.length ? startOf(byStart[from] as number) : Number.POSITIVE_INFINITY;
    const ending = byEnd[to] as number;
    const end = startOf(ending) + lengthOf(ending);
    const next = Math.min(start, end);
    if (open.mappings > 0 && next > page) {
      builder.add({
        first: page,
        pages: next - page,
        physical: page,
        layout: LAYOUT.inOnePiece,
        attributes: 0,
        shift: 12,
        leaves: open.mappings,
        accessed: open.accessed,
        dirty: open.dirty,
        classes: open.classes,
      });
    }
    page = next;
    if (start < end) {
      last = byStart[from] as number;
      open.change(linear, last, timesOf(last));
      from += 1;
    } else {
      open.change(linear, ending, -timesOf(ending));
      to += 1;
    }
  }
  return { pieces: builder.build(linear.detail, linear.complete && scattered === 0), scattered };
}

/** What maps the page at hand. */
class Counts {
  mappings = 0;
  accessed = 0;
  dirty = 0;
  readonly #of = { writable: 0, executable: 0, user: 0, supervisor: 0 };

  change({ attributes, accessed, dirty }: Pieces, at: number, times: number): void {
    const each = attributes[at] as number;
    this.mappings += times;
    const sign = Math.sign(times);
    if ((accessed[at] as number) > 0) this.accessed += sign;
    if ((dirty[at] as number) > 0) this.dirty += sign;
    if (each & WRITE) this.#of.writable += sign;
    if (!(each & EXECUTE_DISABLED)) this.#of.executable += sign;
    if (each & 4) this.#of.user += sign;
    else this.#of.supervisor += sign;
  }

  get classes(): number {
    const { writable, executable, user, supervisor } = this.#of;
    return (
      (writable > 0 ? MAPPED.writable : 0) |
      (executable > 0 ? MAPPED.executable : 0) |
      (user > 0 ? MAPPED.user : 0) |
      (supervisor > 0 ? MAPPED.supervisor : 0)
    );
  }
}

/** What leads to a physical page. @internal */
export interface Mappings {
  /** Linear pages, in ascending order. */
  readonly pages: readonly number[];
  /** False where other pages may lead there too: it is not recorded where they lead. */
  readonly isWhole: boolean;
}

/** The linear pages that lead to a physical one, so many at most. @internal */
export function mappingsOf(linear: Pieces, physicalPage: number, most: number): Mappings {
  const found: number[] = [];
  let isWhole = linear.complete;
  for (let at = 0; at < linear.length && found.length < most; at += 1) {
    const layout = linear.layout[at] as number;
    if (layout === LAYOUT.scattered) {
      isWhole = false;
      continue;
    }
    const start = linear.physical[at] as number;
    const pages = linear.pages[at] as number;
    const period = layout === LAYOUT.repeated ? 2 ** ((linear.shift[at] as number) - 12) : pages;
    const offset = physicalPage - start;
    if (offset < 0 || offset >= period) continue;
    for (let page = offset; page < pages && found.length < most; page += period) {
      found.push((linear.first[at] as number) + page);
    }
  }
  return { pages: found, isWhole };
}
