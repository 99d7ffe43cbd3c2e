/** The registers of one vCPU that decide a translation, as the processor holds them. @public */
export interface PagingRegisters {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** IA32_EFER. LMA, not LME, says that IA-32e paging is in use. */
  readonly efer: bigint;
  /**
   * CS.L: false is compatibility-mode code, for which no linear address has more than 32 bits. Counts in long mode. Default true:
   * whether an address is canonical is judged as for 64-bit code, whatever the vCPU runs.
   */
  readonly csL?: boolean;
  /** Only AC (bit 18) counts: it lifts SMAP for explicit accesses. Default 0. */
  readonly rflags?: bigint;
  /**
   * Current privilege level, 0 to 3. Accesses are judged by what they are; of TCG alone it decides too whether AC lifts SMAP for
   * implicit ones. Default 0.
   */
  readonly cpl?: number;
  /**
   * The four PDPTE registers of PAE paging, as MOV CR3 loaded them. Where they are known the walk uses them, as a processor
   * does, and not what memory holds by now. SDM vol. 3A, 4.4.1.
   */
  readonly pdptes?: readonly [bigint, bigint, bigint, bigint];
  /** False while the A20 gate masks bit 20 of every physical address. Default true. */
  readonly a20?: boolean;
  /** Rights of user pages by protection key, two bits a key. Counts when CR4.PKE=1 in long mode. Default 0. */
  readonly pkru?: number;
  /** IA32_PKRS, the same for supervisor pages. Counts when CR4.PKS=1 in long mode. Default 0. */
  readonly pkrs?: number;
}
