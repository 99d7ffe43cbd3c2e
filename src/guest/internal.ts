/** @internal */
export { chooseGuest } from './found/choose-guest.ts';
/** @internal */
export { type FoundGuests, findGuests } from './found/find-guests.ts';
/** @internal */
export { lookAtOtherHost } from './found/other-host.ts';
export * from './index.ts';
/** @internal */
export { pagesOfRange } from './linear-range.ts';
/** @internal */
export { DEFAULT_TIMEOUT_MS, type Unneeded } from './link/attach-options.ts';
/** @internal */
export { type FoundLinux, namesOf } from './linux/look-for-linux.ts';
/** @internal */
export { rehearseHostMemory } from './rehearsal/rehearse-host-memory.ts';
/** @internal */
export { rehearse } from './rehearse.ts';
/** @internal */
export { leaveAfter } from './resume/leave-after.ts';
/** @internal */
export { NO_HIDDEN_REGISTERS } from './vcpu/hidden-registers.ts';
/** @internal */
export { assumed, notInUse, sourced } from './vcpu/sourced.ts';
