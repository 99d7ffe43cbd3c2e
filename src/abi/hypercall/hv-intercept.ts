import type { NestedTranslation } from '../../paging/index.ts';
import type { HvInterceptedAccess, HvMemoryIntercept } from './hv-event.ts';

type NestedFault = Extract<NestedTranslation, { kind: 'nested-fault' }>;

const PAGE_SHIFT = 12n;

/**
 * The page of an address. The input has no offset for the event to repeat, and OpenVMM, which alone shows how it fills its own,
 * has pages in both fields.
 */
function pageAddress(address: bigint): bigint {
  return BigInt.asUintN(64, (address >> PAGE_SHIFT) << PAGE_SHIFT);
}

/** The event of a page of tables that a VTL protects from the walk. @internal */
export function vtlInterceptOf(
  { vtl, access }: { readonly vtl: number; readonly access: HvInterceptedAccess },
  gva: bigint,
  gpaPage: bigint,
): HvMemoryIntercept {
  return {
    type: 'memoryIntercept',
    targetVtl: vtl,
    access,
    causedByGpaAccess: false,
    guestLinearAddress: pageAddress(gva),
    guestPhysicalAddress: pageAddress(gpaPage << PAGE_SHIFT),
  };
}

/**
 * The event of an access that the nested tables of a hypervisor in the partition refuse. The hypervisor that is to be told runs in
 * the VTL that is asked about; the guest physical address is its guest's.
 *
 * @internal
 */
export function nestedInterceptOf(fault: NestedFault, gva: bigint, vtl: number): HvMemoryIntercept {
  return {
    type: 'nestedMemoryIntercept',
    targetVtl: vtl,
    access: refusedAccessOf(fault),
    causedByGpaAccess: fault.purpose === 'final',
    guestLinearAddress: pageAddress(gva),
    guestPhysicalAddress: pageAddress(fault.l2PhysicalAddress),
  };
}

/** As the nested tables were asked for it: a guest's table is read as if it were written. APM vol. 2, 15.25.5. */
function refusedAccessOf({ walks }: NestedFault): HvInterceptedAccess {
  const access = walks.at(-1)?.translation.access;
  if (access?.exec) return 'execute';
  return access?.write ? 'write' : 'read';
}
