import type { Mutant, MutantSubject } from './mutant.ts';

type Row = readonly [name: string, file: string, from: string, to: string];

function of(subject: MutantSubject, rows: readonly Row[]): Mutant[] {
  return rows.map(([name, file, from, to]) => ({ subject, name, file, from, to }));
}

/**
 * The broken copies that show whether the judges judge: each has to be noticed by one of them at least. A rule that is added to the
 * core gets a row here.
 */
export const CHOSEN_MUTANTS: readonly Mutant[] = [
  ...of('rights', [
    [
      'supervisors write read-only pages whatever WP is',
      'rules/rights.js',
      '(byUser || policy.writeProtect)',
      'byUser',
    ],
    ['SMEP stops users too', 'rules/rights.js', 'policy.smep && !byUser && userPage', 'policy.smep && userPage'],
    ['AC lifts SMAP for no access', 'rules/rights.js', '&& !isSmapLifted(policy, access)', ''],
    [
      'AC lifts SMAP for implicit accesses too',
      'rules/rights.js',
      '(access & ACCESS_IMPLICIT) === 0 || policy.implicitHonoursAc',
      'true',
    ],
    ['only the last entry has rights', 'walk/walk.js', 'this.rights &= low | level', 'this.rights = low | level'],
    [
      'XD above the page does not count',
      'walk/walk.js',
      'this.executeDisabled |= high &',
      'this.executeDisabled = high &',
    ],
  ]),
  ...of('reserved bits', [
    ['bit 63 is free without NXE', 'rules/levels.js', 'when.nxe && row.carriesRights ? 0 : ENTRY_XD_HIGH', '0'],
    [
      'bits 62:52 are free in PAE entries',
      'rules/levels.js',
      "=== 'reserved' ? bits(20, 30) : 0",
      "=== 'reserved' ? 0 : 0",
    ],
    [
      'MAXPHYADDR is one bit wider',
      'rules/levels.js',
      'bits(when.maxPhyAddr - 32, 19)',
      'bits(when.maxPhyAddr - 31, 19)',
    ],
    ['large pages have no reserved bits', 'rules/levels.js', 'row.reservedLeaf | pse36Reserved', 'pse36Reserved'],
    [
      'bit 21 of a 4 MiB page is free',
      'rules/levels.js',
      'bits(13 + highFromLowBits, 21)',
      'bits(13 + highFromLowBits, 20)',
    ],
    ['PS is free in the topmost tables', 'rules/modes.js', 'const PS_RESERVED = 0x80', 'const PS_RESERVED = 0'],
  ]),
  ...of('A/D', [
    ['reads set D', 'walk/processor-bits.js', 'step.hasAccessed && translation.access.write', 'step.hasAccessed'],
    ['writes set D in tables too', 'walk/processor-bits.js', "'mapped' && step.leaf && step", "'mapped' && step"],
    [
      'a denied access sets A in the page too',
      'walk/processor-bits.js',
      'return !stopped || isSetEarly',
      'return true || isSetEarly',
    ],
  ]),
  ...of('error codes', [
    [
      'fetches are always reported',
      'walk/fault.js',
      'policy.reportsFetch ? walk.access & ACCESS_EXEC : 0',
      'walk.access & ACCESS_EXEC',
    ],
    ['a reserved bit does not set RSVD', 'walk/fault.js', 'return access | PF_RSVD |', 'return access |'],
    [
      'a user access to an absent page is not reported as one',
      'walk/fault.js',
      'case OUTCOME.notPresent:\n            return access;',
      'case OUTCOME.notPresent:\n            return access & ~4;',
    ],
  ]),
  ...of('keys', [
    [
      'WD stops supervisors whatever WP is',
      'rules/rights.js',
      '(policy.writeProtect || (byUser & userPage) !== 0)',
      'true',
    ],
    [
      'PKRU judges users, whosever the page is',
      'rules/rights.js',
      'userPage ? policy.userKeys',
      'access & ACCESS_USER ? policy.userKeys',
    ],
    ['a key is three bits', 'rules/rights.js', '(leafHigh >>> 27) & 0xf', '(leafHigh >>> 27) & 0x7'],
  ]),
  ...of('CET', [
    ['a shadow stack need not be dirty', 'rules/rights.js', ' && (page.leafLow & ENTRY_D) !== 0', ''],
    [
      'tables above a shadow stack need not be writable',
      'rules/rights.js',
      '(page.rightsAboveLeaf & ENTRY_RW) !== 0 && (page.leafLow',
      '(page.leafLow',
    ],
    [
      "supervisors reach users' shadow stacks",
      'rules/rights.js',
      'if (byUser !== userPage)',
      'if (byUser && !userPage)',
    ],
  ]),
  ...of('LA57', [
    ['addresses are canonical by 48 bits', 'rules/linear-address.js', 'high >> (rules.linearBits - 33)', 'high >> 15'],
    ['five levels are four', 'rules/context.js', "cr4 & CR4_LA57 ? '5-level'", "cr4 & CR4_LA57 && false ? '5-level'"],
    [
      'PML5 has eight index bits',
      'rules/modes.js',
      "table: 'PML5', shift: 48",
      "table: 'PML5', shift: 48, indexBits: 8",
    ],
  ]),
  ...of('LASS', [
    [
      'supervisors never reach the lower half',
      'rules/linear-address.js',
      'return policy.smap && (!policy',
      'return true || (!policy',
    ],
    ['users reach the upper half', 'rules/linear-address.js', 'return upperHalf;', 'return false;'],
  ]),
  ...of('EPT', [
    ['execute-only is a misconfiguration', 'nested/ept.js', 'when.executeOnly === false', 'when.executeOnly !== false'],
    ['memory type 7 is good', 'nested/ept.js', 'new Set([2, 3, 7])', 'new Set([2, 3])'],
    [
      'XU and X are swapped',
      'nested/ept-rules.js',
      'access & ACCESS_USER_ADDRESS ? EPT_XU : EPT_X',
      'access & ACCESS_USER_ADDRESS ? EPT_X : EPT_XU',
    ],
    [
      'guest tables are only read, with A/D flags too',
      'nested/stage-access.js',
      "=== 'always' ? ACCESS_WRITE",
      "=== 'never' ? ACCESS_WRITE",
    ],
    [
      'setting A in a guest table needs no W',
      'nested/stage-access.js',
      'return (low & wanted) !== wanted;',
      'return false;',
    ],
    [
      'every violation is of the final translation',
      'nested/exit-information.js',
      '(isFinal ? QUALIFICATION.finalTranslation : 0)',
      'QUALIFICATION.finalTranslation',
    ],
    ['tables above a shadow stack need not be writable', 'nested/ept-rules.js', 'page.rightsAboveLeaf & EPT_W', 'true'],
    ['bit 7 is free in a PML4E', 'nested/ept.js', 'TABLE_RESERVED | (mayBeLeaf ? 0 : ENTRY_PS)', 'TABLE_RESERVED'],
    ['low bits of large pages are free', 'nested/ept.js', 'LEAF_RESERVED[row] ?? 0', '0'],
  ]),
  ...of('NPT', [
    [
      'guest tables are only read',
      'nested/stage-access.js',
      'return ACCESS_USER | ACCESS_WRITE;',
      'return ACCESS_USER;',
    ],
    [
      'U/S=0 forbids nothing',
      'nested/npt-rules.js',
      'rights & ENTRY_US || policy.guestModeExecuteTrap ? 0 : DENIED.user',
      '0',
    ],
    [
      'bits 32 and 33 of EXITINFO1 are swapped',
      'nested/exit-information.js',
      '(isFinal ? NPF_FINAL : NPF_TABLE)',
      '(isFinal ? NPF_TABLE : NPF_FINAL)',
    ],
    ['fetches are writes', 'nested/npt-rules.js', 'if (page.executeDisabled)', 'if (!page.executeDisabled)'],
  ]),
];
