import { ENTRY_RW } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { decodeRights, protectionKeyOf, type Rights } from '../rules/rights.ts';

const ENTRY_G = 1 << 8;
const ATTRIBUTE_XD = 1 << 9;
const ATTRIBUTE_UNREADABLE = 1 << 10;
const ATTRIBUTE_KEY_SHIFT = 12;

/**
 * What makes pages alike, in a number: R/W and U/S as in an entry, bit 8 global, bit 9 XD, bit 10 not readable
 * (by a second stage alone), bits 15:12 the key.
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

/** What a second stage leaves of the rights of a page. @internal */
export function limitAttributes(
  attributes: LeafAttributes,
  mayBe: { readonly read: boolean; readonly written: boolean; readonly executed: boolean },
): LeafAttributes {
  return (
    (mayBe.written ? attributes : attributes & ~ENTRY_RW) |
    (mayBe.executed ? 0 : ATTRIBUTE_XD) |
    (mayBe.read ? 0 : ATTRIBUTE_UNREADABLE)
  );
}

/** Whether any access to the page is allowed. @internal */
export function isAccessible(attributes: LeafAttributes): boolean {
  return (attributes & ATTRIBUTE_UNREADABLE) === 0 || (attributes & (ENTRY_RW | ATTRIBUTE_XD)) !== ATTRIBUTE_XD;
}

/** @internal */
export function decodeAttributes({ policy }: PagingContext, attributes: LeafAttributes): PageAttributes {
  const rights = decodeRights(attributes, (attributes & ATTRIBUTE_XD) === 0);
  return {
    rights: (attributes & ATTRIBUTE_UNREADABLE) === 0 ? rights : { read: false, ...rights },
    protectionKey: policy.protectionKeys ? attributes >>> ATTRIBUTE_KEY_SHIFT : null,
    global: (attributes & ENTRY_G) !== 0,
  };
}
