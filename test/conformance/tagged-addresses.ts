import type { ReferenceMode } from '../support/reference/reference-translation.ts';

/** What lets a processor ignore upper bits of an address: LAM's three controls, and UAI. @internal */
export type TagControl = 'LAM_U57' | 'LAM_U48' | 'LAM_SUP' | 'UAI';

/** One address and what becomes of it. @internal */
export interface TaggedAddress {
  mode: ReferenceMode;
  controls: readonly TagControl[];
  linear: bigint;
  /** See `accessOf`. */
  access: string;
  /** The address that is walked or, after `#GP` or `#SS`, the one that was refused; `legacy` is refused for its width. */
  outcome: string;
}

/** The kinds of access that LAM masks addresses of, and those that it does not. */
const masked = ['', 'w', 'u', 'wu', 's', 'wus', 'f', 'wuf', 'k', 'wk', 'ku', 'wku'];
const unmasked = ['x', 'xu', 'i', 'wi'];

/** LAM by mode and control: address, outcome. All are supervisor reads. */
const masking: readonly [ReferenceMode, readonly TagControl[], readonly (readonly [bigint, string])[]][] = [
  [
    '4-level',
    [],
    [
      [0x0000_7fff_ffff_ffffn, '0x7fffffffffff'],
      [0x0000_8000_0000_0000n, '#GP 0x800000000000'],
      [0x0200_0000_0000_0000n, '#GP 0x200000000000000'],
      [0xffff_7fff_ffff_ffffn, '#GP 0xffff7fffffffffff'],
      [0xffff_8000_0000_0000n, '0xffff800000000000'],
      [0xfdff_ffff_ffff_ffffn, '#GP 0xfdffffffffffffff'],
    ],
  ],
  [
    // Bits 62:57 are the tag; bits 56:47 must equal bit 63 still.
    '4-level',
    ['LAM_U57'],
    [
      [0x0000_0000_0000_1000n, '0x1000'],
      [0x0200_0000_0000_1000n, '0x1000'],
      [0x7e00_0000_0000_1000n, '0x1000'],
      [0x7e00_7fff_ffff_ffffn, '0x7fffffffffff'],
      [0x7e00_8000_0000_0000n, '#GP 0x800000000000'],
      [0x7e01_0000_0000_0000n, '#GP 0x1000000000000'],
      [0x0100_0000_0000_0000n, '#GP 0x7f00000000000000'],
      [0x7fff_ffff_ffff_ffffn, '#GP 0x7fffffffffffffff'],
      [0xffff_8000_0000_0000n, '0xffff800000000000'],
      [0xfdff_ffff_ffff_ffffn, '#GP 0xfdffffffffffffff'],
    ],
  ],
  [
    // Bits 62:48 are the tag; bit 47 must equal bit 63.
    '4-level',
    ['LAM_U48'],
    [
      [0x0001_0000_0000_1000n, '0x1000'],
      [0x7fff_0000_0000_1000n, '0x1000'],
      [0x7fff_7fff_ffff_ffffn, '0x7fffffffffff'],
      [0x0000_8000_0000_0000n, '#GP 0x7fff800000000000'],
      [0x7fff_8000_0000_0000n, '#GP 0x7fff800000000000'],
      [0x8000_8000_0000_0000n, '#GP 0x8000800000000000'],
      [0xffff_ffff_ffff_ffffn, '0xffffffffffffffff'],
    ],
  ],
  [
    // LAM_U57 overrides LAM_U48.
    '4-level',
    ['LAM_U57', 'LAM_U48'],
    [
      [0x7e00_0000_0000_1000n, '0x1000'],
      [0x0001_0000_0000_1000n, '#GP 0x1000000001000'],
      [0x7fff_0000_0000_1000n, '#GP 0x7fff000000001000'],
    ],
  ],
  [
    '4-level',
    ['LAM_SUP'],
    [
      [0x8000_8000_0000_0000n, '0xffff800000000000'],
      [0x8000_ffff_ffff_f000n, '0xfffffffffffff000'],
      [0xfdff_ffff_ffff_ffffn, '0xffffffffffffffff'],
      [0x8000_0000_0000_0000n, '#GP 0x8000000000000000'],
      [0xffff_7fff_ffff_ffffn, '#GP 0x80007fffffffffff'],
      [0x0200_0000_0000_1000n, '#GP 0x200000000001000'],
      [0x0000_7fff_ffff_ffffn, '0x7fffffffffff'],
    ],
  ],
  [
    '4-level',
    ['LAM_U48', 'LAM_SUP'],
    [
      [0x7fff_0000_0000_1000n, '0x1000'],
      [0x8000_8000_0000_1000n, '0xffff800000001000'],
    ],
  ],
  [
    '5-level',
    [],
    [
      [0x00ff_ffff_ffff_ffffn, '0xffffffffffffff'],
      [0x0100_0000_0000_0000n, '#GP 0x100000000000000'],
      [0xfeff_ffff_ffff_ffffn, '#GP 0xfeffffffffffffff'],
      [0xff00_0000_0000_0000n, '0xff00000000000000'],
    ],
  ],
  [
    '5-level',
    ['LAM_U57'],
    [
      [0x7eff_ffff_ffff_ffffn, '0xffffffffffffff'],
      [0x0200_0000_0000_1000n, '0x1000'],
      [0x0100_0000_0000_0000n, '#GP 0x7f00000000000000'],
      [0x7f00_0000_0000_0000n, '#GP 0x7f00000000000000'],
    ],
  ],
  [
    // With LAM_U48 user space ends at bit 47 though there are five levels, and bits 56:48 are tag.
    '5-level',
    ['LAM_U48'],
    [
      [0x7fff_7fff_ffff_ffffn, '0x7fffffffffff'],
      [0x00ff_0000_0000_1000n, '0x1000'],
      [0x0000_8000_0000_0000n, '#GP 0x7fff800000000000'],
      [0x00ff_8000_0000_0000n, '#GP 0x7fff800000000000'],
    ],
  ],
  [
    '5-level',
    ['LAM_U57', 'LAM_U48'],
    [
      [0x00ff_0000_0000_1000n, '0xff000000001000'],
      [0x7eff_0000_0000_1000n, '0xff000000001000'],
    ],
  ],
  [
    '5-level',
    ['LAM_SUP'],
    [
      [0x8100_0000_0000_0000n, '0xff00000000000000'],
      [0x81ff_ffff_ffff_ffffn, '0xffffffffffffffff'],
      [0x8000_0000_0000_0000n, '#GP 0x8000000000000000'],
      [0xfe80_0000_0000_0000n, '#GP 0x8080000000000000'],
      [0x0200_0000_0000_1000n, '#GP 0x200000000001000'],
    ],
  ],
  [
    // UAI: bits 63:57 are the tag, bit 63 too, so that a pointer says by bit 56 whose it is.
    '4-level',
    ['UAI'],
    [
      [0x7e00_0000_0000_1000n, '0x1000'],
      [0xfe00_0000_0000_1000n, '0x1000'],
      [0x8000_7fff_ffff_ffffn, '0x7fffffffffff'],
      [0x01ff_8000_0000_0000n, '0xffff800000000000'],
      [0x7fff_ffff_ffff_ffffn, '0xffffffffffffffff'],
      [0x0000_8000_0000_0000n, '#GP 0x800000000000'],
      [0x0100_0000_0000_0000n, '#GP 0xff00000000000000'],
      [0xfe01_0000_0000_0000n, '#GP 0x1000000000000'],
    ],
  ],
  [
    // With five levels nothing is left to check.
    '5-level',
    ['UAI'],
    [
      [0xfeff_ffff_ffff_ffffn, '0xffffffffffffff'],
      [0x0100_0000_0000_0000n, '0xff00000000000000'],
      [0x7f12_3456_789a_bcden, '0xff123456789abcde'],
      [0x8080_0000_0000_0000n, '0x80000000000000'],
    ],
  ],
  [
    // Outside IA-32e mode there are 32 bits and no tags.
    'pae',
    ['LAM_U57', 'LAM_U48', 'LAM_SUP'],
    [
      [0xffff_ffffn, '0xffffffff'],
      [0x7e00_0000_0000_1000n, 'legacy 0x7e00000000001000'],
    ],
  ],
];

/** Accesses by what they are: the mode, the control, an address that is canonical only without its tag, and what it becomes. */
const kinds: readonly (readonly [TagControl, bigint, bigint])[] = [
  ['LAM_U57', 0x7e00_0000_0000_1000n, 0x1000n],
  ['LAM_U48', 0x7fff_0000_0000_1000n, 0x1000n],
  ['LAM_SUP', 0x8000_8000_0000_1000n, 0xffff_8000_0000_1000n],
];

const text = (value: bigint): string => `0x${value.toString(16)}`;

function refusal(access: string, address: bigint): string {
  return `${access.includes('s') ? '#SS' : '#GP'} ${text(address)}`;
}

/**
 * Addresses with and without tags under each control, at each edge of the canonical form: SDM vol. 3A, linear-address
 * pre-processing; APM vol. 2, 5.10. Worked out by hand.
 *
 * @internal
 */
export const taggedAddresses: readonly TaggedAddress[] = [
  ...masking.flatMap(([mode, controls, rows]) =>
    rows.map(([linear, outcome]): TaggedAddress => ({ mode, controls, linear, access: '', outcome })),
  ),
  // VA[63] says which control counts, and not the privilege of the access.
  ...kinds.flatMap(([control, linear, walked]): TaggedAddress[] => {
    const row = { mode: '4-level', controls: [control], linear } as const;
    return [
      ...masked.map((access) => ({ ...row, access, outcome: text(walked) })),
      ...unmasked.map((access) => ({ ...row, access, outcome: refusal(access, linear) })),
    ];
  }),
  ...['', 'w', 'u', 'wu', 's', 'wus', 'f', 'wuf', ...unmasked].map((access): TaggedAddress => {
    const isIgnored = /^[wu]*$/.test(access);
    const linear = 0xfe00_0000_0000_1000n;
    const outcome = isIgnored ? '0x1000' : refusal(access, linear);
    return { mode: '4-level', controls: ['UAI'], linear, access, outcome };
  }),
];
