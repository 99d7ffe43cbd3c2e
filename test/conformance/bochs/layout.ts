/**
 * Where everything is for the ROM in test/kernels/roms/bochs.asm, in host-physical memory.
 *
 * ```
 *   0x0010_0000  the ROM's own                        0x0040_0000  tables of the second stage
 *   0x0020_0000  the window: a case's code, tables     0x0042_0000  tables of the guest
 *   0x0300_0000  8 MiB of pages, in which every 16 bytes say where they are
 *   0x0400_0000  the cases, and from 0x0800_0000 on the results
 * ```
 */
export const MEMORY_MIB = 192;
export const HOST_TSS = 0x0010_9000;

/** One page of code for supervisors, one for users: at these linear, guest-physical and host-physical addresses. */
export const CODE_SUPERVISOR = 0x0020_0000;
export const CODE_USER = 0x0020_1000;
export const WINDOW_PT = 0x0020_2000;
export const WINDOW_PD = 0x0020_3000;
export const WINDOW_PDPT = 0x0020_4000;
export const WINDOW_PML4 = 0x0020_5000;
/** The root of a legacy mode, whose address has 32 bits. */
export const LEGACY_ROOT = 0x0020_6000;

export const EPT_PML4 = 0x0040_0000;
export const EPT_WINDOW_PDPT = 0x0040_1000;
export const EPT_WINDOW_PD = 0x0040_2000;
export const EPT_PDPT = 0x0040_3000;
export const EPT_PDS = 0x0040_4000;
export const EPT_PTS = 0x0040_c000;
export const GUEST_TABLES = 0x0042_0000;

export const PAGES = 0x0300_0000;
export const PAGES_BYTES = 0x0080_0000;
export const CASES_BYTES = 0x0400_0000;
export const RESULTS_BYTES = 0x0400_0000;

export const CODE_SEGMENT = 0x18;
export const DATA_SEGMENT = 0x10;
export const TASK_SEGMENT = 0x20;

/** What a case's instruction has in RAX, unless its kind needs something else there. */
export const STORED = 0x0123_4567_89ab_cdefn;
