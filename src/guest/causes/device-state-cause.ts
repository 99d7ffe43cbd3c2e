/** Why QEMU is not asked for its device state: QEMU may not survive that, or the guest may be harmed. @public */
export type DeviceStateCause =
  /** So old a QEMU was not tried. */
  | { readonly code: 'untried-qemu'; readonly version: string }
  | { readonly code: 'unsafe-run-state'; readonly status: string }
  | { readonly code: 'migrating'; readonly status: string }
  /** QEMU names a device that has no way to be saved. */
  | { readonly code: 'non-migratable'; readonly device: string }
  /** QEMU says why it would not migrate. */
  | { readonly code: 'migration-blocked'; readonly blocker: string }
  /** Types of devices that were not seen to survive it. */
  | { readonly code: 'untried-devices'; readonly types: readonly string[] };
