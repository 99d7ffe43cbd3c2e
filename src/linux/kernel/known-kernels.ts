import type { AddressSpace } from '../memory/address-space.ts';
import type { KernelPlace } from './kernel-image.ts';
import type { KernelNames } from './kernel-names.ts';
import { type BuildId, digitsOf } from './notes.ts';

/** Names of a kernel that were made before. @internal */
export interface KnownKernel {
  readonly textFirst: bigint;
  readonly buildId: BuildId;
  /** Where they are at hand. */
  readonly names: KernelNames | null;
  /** May read a file, which a guest must not be kept paused for. Null where they are gone, or damaged. */
  load(): KernelNames | null;
}

/** Where names are kept from question to question, or from run to run. @internal */
export interface KnownKernels {
  /** Kernels whose text begins at an address. */
  at(textFirst: bigint): readonly KnownKernel[];
  keep(names: KernelNames): void;
}

/** So many build ids are compared. */
const MOST_COMPARED = 64;

/**
 * A kernel that is known: it lies at the same place and has the same build id. One flight, whatever the number of those that are
 * known.
 *
 * @internal
 */
export async function recognizeKernel(place: KernelPlace, known: KnownKernels): Promise<KnownKernel | null> {
  const candidates = known.at(place.textFirst).slice(0, MOST_COMPARED);
  const ids = await readIds(place.space, candidates);
  const found = candidates.find(({ buildId }, at) => {
    const bytes = ids[at];
    return bytes && digitsOf(bytes) === buildId.id;
  });
  return found ?? null;
}

function readIds(space: AddressSpace, candidates: readonly KnownKernel[]): Promise<(Uint8Array | null)[]> {
  return space.readMany(candidates.map(({ buildId: { address, lengthBytes } }) => ({ address, lengthBytes })));
}

/** Names kept in memory, of few kernels: a guest that boots again has another. @internal */
export class KernelMemo implements KnownKernels {
  readonly #kept: KernelNames[] = [];

  at(textFirst: bigint): readonly KnownKernel[] {
    return this.#kept.flatMap((names) =>
      names.buildId === null || names.textFirst !== textFirst
        ? []
        : [{ textFirst, buildId: names.buildId, names, load: () => names }],
    );
  }

  keep(names: KernelNames): void {
    if (names.buildId === null) return;
    this.#kept.unshift(names);
    this.#kept.splice(MOST_KEPT);
  }
}

const MOST_KEPT = 2;
