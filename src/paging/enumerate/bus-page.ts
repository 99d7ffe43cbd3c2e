/** Bit 20 of an address is bit 8 of its page number. */
const A20_PAGE = 256;

/**
 * The page that memory sees: with the A20 gate masked bit 20 of every physical address is 0, those of tables too.
 *
 * @internal
 */
export function busPage(a20Masked: number, page: number): number {
  return a20Masked !== 0 && Math.floor(page / A20_PAGE) % 2 === 1 ? page - A20_PAGE : page;
}

/**
 * How many pages from an aligned one on are in one piece on the bus: with A20 masked each second megabyte of a large page is
 * the first one again.
 *
 * @internal
 */
export function pagesInOnePiece(a20Masked: number, pages: number): number {
  return a20Masked === 0 ? pages : Math.min(pages, A20_PAGE);
}
