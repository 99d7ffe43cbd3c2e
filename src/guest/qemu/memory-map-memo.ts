import { type FlatView, parseFlatViews } from '../../../protocols/qmp/index.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { selectMemoryMap } from './select-memory-map.ts';

/**
 * Memory maps from pause to pause. The text is asked for anew each time, as devices come and go; but as long as it says the
 * same, what was made of it is the same.
 *
 * @internal
 */
export class MemoryMapMemo {
  #text: string | undefined;
  #views: readonly FlatView[] = [];
  readonly #maps = new Map<string, MemoryMap>();

  /**
   * @param text - of `info mtree -f`
   * @throws as `selectMemoryMap`.
   */
  select(text: string, cpu: number, inSmm: boolean): MemoryMap {
    if (text !== this.#text) {
      this.#maps.clear();
      this.#views = parseFlatViews(text);
      this.#text = text;
    }
    const key = `${cpu} ${inSmm}`;
    const known = this.#maps.get(key);
    if (known !== undefined) return known;
    const made = selectMemoryMap(this.#views, cpu, inSmm);
    this.#maps.set(key, made);
    return made;
  }
}
