/**
 * The bits of the control registers and of page-table entries that decide a translation, by the names of the manuals.
 * Register bits are bigint masks (registers are 64 bits wide); entry bits are masks on the low half of an entry, and the
 * error-code bits are those of SDM vol. 3A, 4.7.
 */

/** CR0, CR4, EFER and RFLAGS bits. SDM vol. 3A, 2.5 and 2.2.1. @public */
export const CR0_WP = 1n << 16n;
/** @public */
export const CR0_CD = 1n << 30n;
/** @public */
export const CR0_PG = 1n << 31n;
/** @public */
export const CR4_PSE = 1n << 4n;
/** @public */
export const CR4_PAE = 1n << 5n;
/** @public */
export const CR4_LA57 = 1n << 12n;
/** @public */
export const CR4_SMEP = 1n << 20n;
/** @public */
export const CR4_SMAP = 1n << 21n;
/** @public */
export const CR4_CET = 1n << 23n;
/** @public */
export const CR4_LASS = 1n << 27n;
/** @public */
export const CR4_LAM_SUP = 1n << 28n;
/** @public */
export const CR3_LAM_U57 = 1n << 61n;
/** @public */
export const CR3_LAM_U48 = 1n << 62n;
/** @public */
export const CR4_PKE = 1n << 22n;
/** @public */
export const CR4_PKS = 1n << 24n;
/** @public */
export const EFER_LMA = 1n << 10n;
/** @public */
export const EFER_NXE = 1n << 11n;
/** AMD's upper address ignore. APM vol. 2, 5.10. @public */
export const EFER_UAIE = 1n << 20n;
/** @public */
export const RFLAGS_AC = 1n << 18n;

/** Entry bits, low half. The same positions in every format but EPT's. @internal */
export const ENTRY_P = 1 << 0;
/** @internal */
export const ENTRY_RW = 1 << 1;
/** @internal */
export const ENTRY_US = 1 << 2;
/** @internal */
export const ENTRY_PWT = 1 << 3;
/** @internal */
export const ENTRY_PCD = 1 << 4;
/** @internal */
export const ENTRY_A = 1 << 5;
/** @internal */
export const ENTRY_D = 1 << 6;
/** @internal */
export const ENTRY_PS = 1 << 7;
/** PAT stands where PS does in entries that can only be leaves, and above it in large pages. @internal */
export const ENTRY_PAT_4K = 1 << 7;
/** @internal */
export const ENTRY_PAT_LARGE = 1 << 12;
/** Bit 63 of an 8-byte entry, as a mask on its high half. @internal */
export const ENTRY_XD_HIGH = 1 << 31;

/**
 * Access kinds as bits. W, U and I/D stand where the page-fault error code has them, and W and U also where an entry has
 * R/W and U/S, so that a check is one AND.
 *
 * @internal
 */
export const ACCESS_WRITE = 1 << 1;
/** @internal */
export const ACCESS_USER = 1 << 2;
/** @internal */
export const ACCESS_EXEC = 1 << 4;
/** A shadow-stack access; bit 6 of the error code too. SDM vol. 3A, 4.6.1. @internal */
export const ACCESS_SHADOW_STACK = 1 << 6;
/** An access that the processor makes by itself to GDT, LDT, IDT or TSS: supervisor whatever CPL is. @internal */
export const ACCESS_IMPLICIT = 1 << 8;
/** Relative to SS. @internal */
export const ACCESS_VIA_SS = 1 << 9;
/** Relative to CS, FS or GS. @internal */
export const ACCESS_VIA_OTHER = 1 << 10;
/** Of a second stage: a supervisor's shadow-stack access. @internal */
export const ACCESS_SUPERVISOR_SHADOW_STACK = 1 << 13;

/** Page-fault error code bits that are not copies of the access. SDM vol. 3A, 4.7. @internal */
export const PF_P = 1 << 0;
/** @internal */
export const PF_RSVD = 1 << 3;
/** @internal */
export const PF_PK = 1 << 5;
