import { REGISTER_BITS } from '../../paging/index.ts';
import { formatOwner } from '../linux/format-owner.ts';
import { formatPlace } from '../linux/format-symbol.ts';
import { formatHex, linearDigits } from '../words/format-hex.ts';
import { formatMode } from '../words/format-mode.ts';
import { formatStage } from './format-stage.ts';
import type { ReportedProcessor, ReportedRegisters, ReportedState, ReportedValue } from './reported-state.ts';

/** One value of the state in words. @internal */
export interface StateRow {
  readonly name: string;
  readonly value: string;
  /** The bits that matter to paging, spelt out. */
  readonly meaning: string;
  readonly source: ReportedValue<unknown>;
}

type Bits = Readonly<Record<string, bigint>>;

const CR0_PE = 1n;
const KEY_COUNT = 16;
/** Access-disable and write-disable of a key. SDM vol. 3A, 4.6.2. */
const KEY_AD = 1;
const KEY_WD = 2;

/** All values of the state, in the order in which they are shown. @internal */
export function stateRows(reported: ReportedState): readonly StateRow[] {
  const { state, context, owner, place } = reported;
  const table = context.mode === 'off' ? 'paging is off' : `root ${formatHex(context.root)}`;
  const root = owner ? `${table}, ${formatOwner(owner)}` : table;
  const digits = linearDigits(context.mode);
  return [
    ...positionRows(state, digits, place ? formatPlace(place) : ''),
    ...registerRows(state, root, digits),
    ...secondStageRow(reported),
    ...processorRows(state),
  ];
}

/** An address is a segment and an offset (SDM vol. 3A, 2.5). @internal */
export function isRealMode({ cr0 }: Pick<ReportedRegisters, 'cr0'>): boolean {
  return (cr0.value & CR0_PE) === 0n;
}

/** Where the vCPU is, as addresses of its mode. */
function positionRows({ position, cs, cr0 }: ReportedRegisters, digits: number, place: string): StateRow[] {
  if (position === undefined) return [];
  const { rip, rsp, cr2, csBase } = position;
  const linear = formatHex(BigInt.asUintN(4 * digits, csBase.value + rip.value), digits);
  const isReal = isRealMode({ cr0 });
  const far = `${formatHex(cs.value, 4).slice(2)}:${formatHex(rip.value, 4).slice(2)}`;
  const code: StateRow = {
    name: isReal ? 'CS:IP' : 'RIP',
    value: isReal ? far : formatHex(rip.value, digits),
    meaning: [...(isReal || csBase.value !== 0n ? [`linear ${linear}`] : []), ...(place === '' ? [] : [place])].join(
      ', ',
    ),
    source: rip,
  };
  const plain = (name: string, source: ReportedValue<bigint>): StateRow => {
    return { name, value: formatHex(source.value, digits), meaning: '', source };
  };
  return [code, ...(rsp === undefined ? [] : [plain('RSP', rsp)]), plain('CR2', cr2)];
}

/** Bases that tell something: in 64-bit code all but those of FS and GS are 0. */
function baseRows({ position }: ReportedRegisters, digits: number): StateRow[] {
  const { bases } = position ?? {};
  if (bases === undefined) return [];
  return (['ds', 'es', 'fs', 'gs'] as const).flatMap((name): StateRow[] => {
    const source = bases[name];
    const row = { name: `${name.toUpperCase()} base`, value: formatHex(source.value, digits), meaning: '', source };
    return source.value !== 0n || name === 'fs' || name === 'gs' ? [row] : [];
  });
}

function registerRows(state: ReportedRegisters, root: string, digits: number): StateRow[] {
  // Bits above 31 there are only in long mode (SDM vol. 3A, 2.5), but for EFER's, which has none.
  const wide = (name: string, source: ReportedValue<bigint>, meaning: string): StateRow => {
    return { name, value: formatHex(source.value, digits), meaning, source };
  };
  const selector = (name: string, source: ReportedValue<bigint>, base: ReportedValue<bigint> | undefined): StateRow => {
    const meaning = base === undefined ? '' : `base ${formatHex(base.value, digits)}`;
    return { name, value: formatHex(source.value, 4), meaning, source };
  };
  const keys = (name: string, source: ReportedValue<number>): StateRow => {
    const inUse = source.from !== 'not-in-use';
    return {
      name,
      value: inUse ? formatHex(source.value, 8) : '-',
      meaning: inUse ? keyRights(source.value) : '',
      source,
    };
  };
  return [
    wide('CR0', state.cr0, spell(state.cr0.value, REGISTER_BITS.CR0)),
    wide('CR3', state.cr3, root),
    wide('CR4', state.cr4, spell(state.cr4.value, REGISTER_BITS.CR4)),
    wide('EFER', state.efer, spell(state.efer.value, REGISTER_BITS.EFER)),
    wide('RFLAGS', state.rflags, spell(state.rflags.value, REGISTER_BITS.RFLAGS)),
    selector('CS', state.cs, state.position?.csBase),
    selector('SS', state.ss, state.position?.bases?.ss),
    ...baseRows(state, digits),
    {
      name: 'CPL',
      value: String(state.cpl.value),
      meaning: state.cpl.value === 3 ? 'user' : 'supervisor',
      source: state.cpl,
    },
    keys('PKRU', state.pkru),
    keys('PKRS', state.pkrs),
  ];
}

/** Shown where there may be one at all; its value is what `--nested` takes. */
function secondStageRow({ state: { nested }, nestedContext }: ReportedState): StateRow[] {
  if (nested.from === 'not-in-use') return [];
  const stage = nested.value;
  if (stage === null || nestedContext === null) {
    return [{ name: 'second stage', value: 'none', meaning: '', source: nested }];
  }
  const { mode } = nestedContext.stage;
  const meaning = `${formatMode(mode)}; the nested guest (L2) runs`;
  return [{ name: 'second stage', value: formatStage(stage, nestedContext), meaning, source: nested }];
}

function processorRows({ maxPhyAddr, vendor, pse36, pdpe1gb }: ReportedProcessor): StateRow[] {
  const has = (name: string, source: ReportedValue<boolean>): StateRow => {
    return { name, value: source.value ? 'yes' : 'no', meaning: '', source };
  };
  return [
    {
      name: 'MAXPHYADDR',
      value: String(maxPhyAddr.value),
      meaning: `physical addresses to ${formatHex(2n ** BigInt(maxPhyAddr.value) - 1n)}`,
      source: maxPhyAddr,
    },
    { name: 'vendor', value: vendor.value, meaning: '', source: vendor },
    has('PSE-36', pse36),
    has('1G pages', pdpe1gb),
  ];
}

/** Bits that few processors have: said only where they are set. */
const RARE_BITS = new Set(['CET', 'LASS', 'LAM_SUP', 'UAIE']);

function spell(value: bigint, bits: Bits): string {
  return Object.entries(bits)
    .filter(([name, mask]) => !RARE_BITS.has(name) || (value & mask) !== 0n)
    .map(([name, mask]) => `${name}=${(value & mask) === 0n ? 0 : 1}`)
    .join(' ');
}

/** `no access: keys 1-15`; each kind of denial once, whatever the number of its keys. */
function keyRights(value: number): string {
  const keysOf = (isMeant: (bits: number) => boolean): number[] =>
    Array.from({ length: KEY_COUNT }, (_, key) => key).filter((key) =>
      isMeant((value >>> (2 * key)) & (KEY_AD | KEY_WD)),
    );
  const denied = [
    { what: 'no access', keys: keysOf((bits) => (bits & KEY_AD) !== 0) },
    { what: 'no write', keys: keysOf((bits) => bits === KEY_WD) },
  ].filter(({ keys }) => keys.length > 0);
  if (denied.length === 0) return 'every key allows everything';
  return denied.map(({ what, keys }) => `${what}: key${keys.length === 1 ? '' : 's'} ${joinRuns(keys)}`).join('; ');
}

/** `1, 3-15`. */
function joinRuns(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
