import type { Region } from '../memory-map.ts';

/**
 * Where regions of guest memory are in QEMU's own, by its word. A region keeps its place as long as its block is there, so it is asked once,
 * and best while the guest still runs. Nothing depends on it: what lies there is compared with the guest's memory in each pause.
 *
 * @internal
 */
export class HostPlaces {
  readonly #addresses = new Map<string, number>();

  /** Undefined where it was not asked; NaN where QEMU does not say. */
  addressOf(region: Region): number | undefined {
    return this.#addresses.get(keyOf(region));
  }

  note(region: Region, address: number): void {
    this.#addresses.set(keyOf(region), address);
  }

  /** Something else lies there: another block has come in the place of one. */
  forget(): void {
    this.#addresses.clear();
  }
}

function keyOf({ first, last, offset, name }: Region): string {
  return `${first} ${last} ${offset} ${name}`;
}
