import {
  AddressSpace,
  findKernel,
  type KernelImage,
  type KernelNames,
  type KnownKernel,
  type KnownKernels,
  LinuxDataError,
  type PageFeed,
  readKernelImage,
  readKernelNames,
  recognizeKernel,
} from '../../linux/internal.ts';
import { contextOf, type VcpuState, withCr3 } from '../vcpu/vcpu-state.ts';

/** A Linux that was found, by the address space that its kernel uses. @internal */
export interface FoundLinux {
  readonly space: AddressSpace;
  /** Names that are at hand, or a kernel whose names are kept somewhere; else what they are made of. */
  readonly kernel: { readonly names: KernelNames } | { readonly known: KnownKernel } | { readonly image: KernelImage };
}

/** Page-table isolation keeps two roots side by side: the kernel's lies in the even page. */
const USER_ROOT_BIT = 0x1000n;

/**
 * Looks for a Linux in the memory of a guest, by the tables of one of its vCPUs.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` where there is none; it says what was looked for.
 * @internal
 */
export async function lookForLinux(state: VcpuState, pages: PageFeed, known: KnownKernels): Promise<FoundLinux> {
  const reasons: string[] = [];
  if (state.nested.value !== null) {
    throw new LinuxDataError('Linux', `vCPU ${state.cpu} runs a nested guest (L2), and names are known of L1 alone`);
  }
  for (const root of rootsOf(state.cr3.value)) {
    const space = new AddressSpace(contextOf(withCr3(state, root)), pages);
    const place = await findKernel(space);
    if (typeof place === 'string') {
      reasons.push(place);
      continue;
    }
    const met = await recognizeKernel(place, known);
    if (met === null) return { space, kernel: { image: await readKernelImage(place) } };
    return { space, kernel: met.names === null ? { known: met } : { names: met.names } };
  }
  const found = [...new Set(reasons)].join('; ');
  throw new LinuxDataError(
    'Linux',
    `there is none in the address space of vCPU ${state.cpu}: a kernel's text and its read-only data were looked for, and there is ${found}`,
  );
}

/** While a processor is in user mode the root that is in use may lack the kernel. */
function rootsOf(cr3: bigint): readonly bigint[] {
  return (cr3 & USER_ROOT_BIT) === 0n ? [cr3] : [cr3 & ~USER_ROOT_BIT, cr3];
}

/**
 * The names of what was found; those that are new are kept. It takes its time, and may read and write a file.
 *
 * @returns null where they were kept, and are gone: without those that are kept the kernel has to be looked for once more
 * @internal
 */
export function namesOf({ kernel }: FoundLinux, known: KnownKernels): KernelNames | null {
  if ('names' in kernel) return kernel.names;
  if ('known' in kernel) return kernel.known.load();
  const names = readKernelNames(kernel.image);
  known.keep(names);
  return names;
}
