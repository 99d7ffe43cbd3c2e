import type { DeviceStateCause } from './device-state-cause.ts';

/** What of a vCPU is in QEMU's device state alone. @public */
export type SavedRegister = 'pkru' | 'pkrs' | 'pdptes' | 'nested' | 'memoryTypes';

/** Why a value was unavailable, and was assumed. The report's `formatCause` makes a sentence of it. @public */
export type UnavailableCause =
  | DeviceStateCause
  /** The source lacks it: a file, or the caller. */
  | { readonly code: 'not-given'; readonly what: string }
  /** A dump of this format does not hold it, and nothing that it holds tells. */
  | { readonly code: 'not-in-dump'; readonly what: string }
  /** The program that wrote the dump left pages out. */
  | { readonly code: 'left-out' }
  /** It was assumed by the command that saved the file, in whose words this is. */
  | { readonly code: 'as-saved'; readonly text: string }
  | { readonly code: 'ran-while-read' }
  /** The stub of this QEMU does not tell whether the guest ran before it was paused. */
  | { readonly code: 'stub-tells-no-run-state' }
  | { readonly code: 'saved-only-when-paused'; readonly register: SavedRegister }
  | { readonly code: 'no-qmp' }
  | { readonly code: 'no-saved-vcpu'; readonly cpu: number }
  /** What the system or QEMU said. */
  | { readonly code: 'device-state-unreadable'; readonly message: string }
  | { readonly code: 'kvm-hides-nested-tables' }
  | { readonly code: 'smep-not-stated' }
  | { readonly code: 'host-save-area-unbacked'; readonly address: bigint }
  | { readonly code: 'vmcb-unbacked'; readonly vmcb: bigint; readonly hostSaveArea: bigint }
  | { readonly code: 'no-qom-path' }
  | { readonly code: 'no-usable-property'; readonly path: string; readonly property: string }
  | { readonly code: 'accelerator-not-told' }
  | { readonly code: 'not-kept'; readonly register: SavedRegister }
  /** Where this guest comes from it cannot be told. */
  | { readonly code: 'not-in-source'; readonly register: SavedRegister };
