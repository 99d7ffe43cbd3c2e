import type { PagingContext } from './context.ts';
import { decodeRights, protectionKeyOf, type Rights } from './rights.ts';

const ENTRY_G = 1 << 8;
const ATTRIBUTE_XD = 1 << 9;
const ATTRIBUTE_KEY_SHIFT = 12;

/**
 * What makes pages alike, in a number: R/W and U/S as in an entry, bit 8 global, bit 9 XD, bits 15:12 the key.
 *
 * @internal
 */
export type LeafAttributes = number;

/** The same for people. @public */
export interface PageAttributes {
  /** Rights over all levels. */
  readonly rights: Rights;
  /** Null where the mode has no keys. */
  readonly protectionKey: number | null;
  readonly global: boolean;
}

/** @param rights - R/W and U/S over all levels, as in an entry. @internal */
export function encodeAttributes(
  hasKeys: boolean,
  low: number,
  high: number,
  rights: number,
  executeDisabled: number,
): LeafAttributes {
  const key = hasKeys ? protectionKeyOf(high) << ATTRIBUTE_KEY_SHIFT : 0;
  return rights | (low & ENTRY_G) | (executeDisabled === 0 ? 0 : ATTRIBUTE_XD) | key;
}

/** @internal */
export function decodeAttributes({ policy }: PagingContext, attributes: LeafAttributes): PageAttributes {
  return {
    rights: decodeRights(attributes, (attributes & ATTRIBUTE_XD) === 0),
    protectionKey: policy.protectionKeys ? attributes >>> ATTRIBUTE_KEY_SHIFT : null,
    global: (attributes & ENTRY_G) !== 0,
  };
}
