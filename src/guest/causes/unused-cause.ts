/** Why a vCPU does not use a value, so that none was read. The report's `formatCause` makes a sentence of it. @public */
export type UnusedCause =
  /** CR4.PKE or CR4.PKS is 0, or the vCPU is not in long mode. */
  | { readonly code: 'no-protection-keys'; readonly bit: 'PKE' | 'PKS' }
  /** No PAE paging, or TCG, which reads PDPTEs from memory. */
  | { readonly code: 'no-pdpte-registers' }
  | { readonly code: 'svm-off' }
  /** No NPT, or one whose page faults report fetches by the hypervisor's EFER.NXE. */
  | { readonly code: 'smep-decides-nothing' }
  | { readonly code: 'no-c-bit' }
  | { readonly code: 'no-profile' }
  | { readonly code: 'no-machine' };
