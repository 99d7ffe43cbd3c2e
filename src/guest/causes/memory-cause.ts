import type { PeerCause } from './peer-cause.ts';

/** Why a way to the guest's memory is not used. @public */
export type MemoryCause =
  | PeerCause
  | { readonly code: 'places-unknown' }
  | { readonly code: 'no-permission'; readonly message: string }
  /** What the system said. */
  | { readonly code: 'unreadable'; readonly message: string }
  | { readonly code: 'program-changed'; readonly pid: number }
  | { readonly code: 'block-elsewhere'; readonly block: string }
  | { readonly code: 'no-file'; readonly block: string }
  | { readonly code: 'private-file'; readonly block: string }
  | { readonly code: 'file-unreachable'; readonly block: string }
  | { readonly code: 'unverified' }
  | { readonly code: 'differs'; readonly page: bigint };
