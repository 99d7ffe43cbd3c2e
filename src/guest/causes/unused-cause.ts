/** Why a vCPU does not use a value, so that none was read. The report's `formatCause` makes a sentence of it. @public */
export type UnusedCause =
  /** CR4.PKE or CR4.PKS is 0, or the vCPU is not in long mode. */
  | { readonly code: 'no-protection-keys'; readonly bit: 'PKE' | 'PKS' }
  /** No PAE paging, or TCG, which reads PDPTEs from memory. */
  | { readonly code: 'no-pdpte-registers' }
  | { readonly code: 'svm-off' }
  /** Its code is mapped by its tables in this memory. Those of a nested guest (L2) lie in that guest's memory. */
  | { readonly code: 'own-code-mapped' }
  /** No PAE paging, nor long mode: no bit of EFER takes part. */
  | { readonly code: 'efer-decides-nothing' }
  /** No NPT, or one whose page faults report fetches by the hypervisor's EFER.NXE. */
  | { readonly code: 'smep-decides-nothing' }
  | { readonly code: 'no-c-bit' }
  | { readonly code: 'no-profile' }
  | { readonly code: 'no-machine' };
