import type { VcpuState } from '../../guest/index.ts';
import type { ReportedAddressSpace } from '../../report/index.ts';
import type { ScopeOptions } from '../options/scope-options.ts';

/**
 * The address space that was looked at, as a report names it.
 *
 * @param state - the vCPU as the question has it
 * @internal
 */
export function reportedSpace(
  { cr3 }: Pick<VcpuState, 'cr3'>,
  { overrides, profile, owner }: ScopeOptions,
): ReportedAddressSpace {
  return {
    cr3: cr3.value,
    given: cr3.from === 'given',
    changes: overrides.filter((text) => !/^cr3=/i.test(text)),
    profile,
    ...(owner === undefined ? {} : { owner }),
  };
}
