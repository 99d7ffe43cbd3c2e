import type { ReferenceAccess, ReferenceMachine, ReferenceMode } from './reference-translation.ts';

/** Bits of the control registers, for machines under test. @internal */
export const controlBits = {
  cr0: { wp: 1n << 16n, pg: 1n << 31n },
  cr3: { lamU57: 1n << 61n, lamU48: 1n << 62n },
  cr4: {
    pse: 1n << 4n,
    pae: 1n << 5n,
    la57: 1n << 12n,
    smep: 1n << 20n,
    smap: 1n << 21n,
    pke: 1n << 22n,
    cet: 1n << 23n,
    pks: 1n << 24n,
    lass: 1n << 27n,
    lamSup: 1n << 28n,
  },
  efer: { lme: 1n << 8n, lma: 1n << 10n, nxe: 1n << 11n, uaie: 1n << 20n },
  rflags: { ac: 1n << 18n },
} as const;

/** What may differ from the machine that {@link machineIn} makes. @internal */
export interface MachineChanges {
  cr3?: bigint;
  /** Bits of CR4 to add, for instance SMEP. */
  cr4?: bigint;
  wp?: boolean;
  nxe?: boolean;
  /** EFER.UAIE. */
  uaie?: boolean;
  ac?: boolean;
  pkru?: number;
  pkrs?: number;
  maxPhyAddr?: number;
  vendor?: 'intel' | 'amd';
  pse36?: boolean;
  pdpe1gb?: boolean;
  encryptionBit?: number;
  pdptes?: readonly [bigint, bigint, bigint, bigint];
  a20?: boolean;
}

const modeBits: Readonly<Record<ReferenceMode, { cr0: bigint; cr4: bigint; efer: bigint }>> = {
  off: { cr0: 0n, cr4: 0n, efer: 0n },
  '32-bit': { cr0: controlBits.cr0.pg, cr4: 0n, efer: 0n },
  pae: { cr0: controlBits.cr0.pg, cr4: controlBits.cr4.pae, efer: 0n },
  '4-level': {
    cr0: controlBits.cr0.pg,
    cr4: controlBits.cr4.pae,
    efer: controlBits.efer.lme | controlBits.efer.lma,
  },
  '5-level': {
    cr0: controlBits.cr0.pg,
    cr4: controlBits.cr4.pae | controlBits.cr4.la57,
    efer: controlBits.efer.lme | controlBits.efer.lma,
  },
};

/** A machine in a mode: Intel, 40 address bits, CR0.WP and EFER.NXE set, nothing of CR4 beyond the mode. @internal */
export function machineIn(mode: ReferenceMode, changes: MachineChanges = {}): ReferenceMachine {
  const bits = modeBits[mode];
  return {
    registers: {
      // PE and ET, without which PG could not be set.
      cr0: bits.cr0 | 0x11n | ((changes.wp ?? true) ? controlBits.cr0.wp : 0n),
      cr3: changes.cr3 ?? 0x1000n,
      cr4: bits.cr4 | (changes.cr4 ?? 0n),
      efer:
        bits.efer |
        ((changes.nxe ?? true) ? controlBits.efer.nxe : 0n) |
        ((changes.uaie ?? false) ? controlBits.efer.uaie : 0n),
      rflags: 0x2n | ((changes.ac ?? false) ? controlBits.rflags.ac : 0n),
      pkru: changes.pkru ?? 0,
      pkrs: changes.pkrs ?? 0,
      ...(changes.pdptes === undefined ? {} : { pdptes: changes.pdptes }),
      ...(changes.a20 === undefined ? {} : { a20: changes.a20 }),
    },
    processor: {
      maxPhyAddr: changes.maxPhyAddr ?? 40,
      vendor: changes.vendor ?? 'intel',
      pse36: changes.pse36 ?? true,
      pdpe1gb: changes.pdpe1gb ?? true,
      ...(changes.encryptionBit === undefined ? {} : { encryptionBit: changes.encryptionBit }),
    },
  };
}

/**
 * The access that letters stand for: `w`rite, e`x`ecute, `u`ser, `i`mplicit, `k` for a shadow stack, `s` relative to SS,
 * `f` relative to FS, GS or another one that is not DS or ES; none is a supervisor read.
 *
 * @internal
 */
export function accessOf(letters: string): ReferenceAccess {
  return {
    write: letters.includes('w'),
    user: letters.includes('u'),
    exec: letters.includes('x'),
    implicit: letters.includes('i'),
    shadowStack: letters.includes('k'),
    segment: segmentOf(letters),
  };
}

function segmentOf(letters: string): ReferenceAccess['segment'] {
  if (letters.includes('s')) {
    return 'ss';
  }
  return letters.includes('f') ? 'other' : 'ds-es';
}
