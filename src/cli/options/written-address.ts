import { parseNumber } from './parse-number.ts';

/** Registers that hold an address, by the names that people have for them. @internal */
export type AddressRegister = 'rip' | 'rsp' | 'cr2' | 'cs:ip';

/** An address as a command line or a list has it: a number, or what only the guest can tell the number of. @internal */
export type WrittenAddress =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'symbol'; readonly text: string; readonly symbol: WrittenSymbol; readonly offset: bigint }
  | { readonly kind: 'register'; readonly text: string; readonly register: AddressRegister; readonly offset: bigint }
  | { readonly kind: 'physical'; readonly text: string; readonly value: bigint };

/** @internal */
export interface WrittenSymbol {
  readonly name: string;
  readonly module: string | undefined;
  /** Of an oops: `do_exit+0x10/0xb30`. */
  readonly sizeBytes: number | undefined;
}

const REGISTERS: Readonly<Record<string, AddressRegister>> = {
  rip: 'rip',
  eip: 'rip',
  pc: 'rip',
  rsp: 'rsp',
  esp: 'rsp',
  sp: 'rsp',
  cr2: 'cr2',
  'cs:ip': 'cs:ip',
};

/** `[   12.345678] `, and `RIP: 0010:` or `CR2: ` of an oops. */
const TIME = /^\[ *[0-9]+\.[0-9]+\] */;
const REGISTER_LABEL = /^(?:[RE]IP|[RE]SP|CR2|PC|IP) *: *(?:[0-9a-f]{4}:)?/i;
/** `[<ffffffff81000010>]`, with or without the square brackets. */
const BRACKETED = /^\[?<([0-9a-f]+)>\]?/i;
/** As kernels print addresses: all digits, without 0x. */
const KERNEL_HEX = /^(?:[0-9a-f]{8}|[0-9a-f]{16})$/i;
const ONLY_DECIMAL = /^[1-9][0-9]*$/;
const HEX_DIGITS = /^[0-9a-f]{1,16}$/i;
const SYMBOL = /^(?:([\w-]+):)?([A-Za-z_.$][\w.$@]*)$/;
const OFFSET = /^([^+/]+)(?:\+([0-9a-fx]+))?(?:\/(0x[0-9a-f]+))?$/i;
const OF_MODULE = /^(\S+) +\[([\w-]+)\]$/;
const MOST_SIZE_DIGITS = 14;

/**
 * An address in any form that people, debuggers and kernels write it in. What is a number is understood now; names of the guest
 * are understood when it is at hand.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for what is none of these.
 * @internal
 */
export function parseWrittenAddress(written: string, command: string): WrittenAddress {
  const text = written.trim().replace(TIME, '').replace(/^\? +/, '');
  const label = REGISTER_LABEL.exec(text)?.[0] ?? '';
  const isLabelled = label !== '' && label.length < text.length;
  // Behind a register's value an oops has more: flags, or the symbol again.
  const rest = isLabelled ? firstOf(text.slice(label.length)) : text;
  const [, bracketed] = BRACKETED.exec(rest) ?? [];
  if (bracketed !== undefined && HEX_DIGITS.test(bracketed)) return numberOf(`0x${bracketed}`, command);
  if (isLabelled && HEX_DIGITS.test(rest)) return numberOf(`0x${rest}`, command);
  if (KERNEL_HEX.test(rest) && !ONLY_DECIMAL.test(rest)) return numberOf(`0x${rest}`, command);
  return parseRest(rest, command);
}

function parseRest(text: string, command: string): WrittenAddress {
  const physical = /^phys:(.+)$/i.exec(text)?.[1];
  if (physical !== undefined)
    return { kind: 'physical', text, value: parseNumber(physical, 'physical address', command) };
  const [, inModule, module] = OF_MODULE.exec(text) ?? [];
  const [, base = text, offsetText, size] = OFFSET.exec(inModule ?? text) ?? [];
  const offset = offsetText === undefined ? 0n : parseNumber(offsetText, 'offset', command);
  const register = REGISTERS[base.toLowerCase()];
  if (register !== undefined && Object.hasOwn(REGISTERS, base.toLowerCase())) {
    return { kind: 'register', text, register, offset };
  }
  const [, before, name] = SYMBOL.exec(base) ?? [];
  // Digits of a number that lacks its 0x are no name.
  if (name !== undefined && !/^[0-9a-f]*[0-9][0-9a-f]*h?$/i.test(base)) {
    return { kind: 'symbol', text, symbol: { name, module: module ?? before, sizeBytes: sizeOf(size) }, offset };
  }
  return numberOf(text, command);
}

function numberOf(text: string, command: string): WrittenAddress {
  return { kind: 'number', value: parseNumber(text, 'address', command) };
}

/** The first word, with the module behind it if there is one. */
function firstOf(text: string): string {
  const [word = ''] = text.trim().split(' ', 1);
  const [module] = /^ +\[[\w-]+\]/.exec(text.trim().slice(word.length)) ?? [''];
  return `${word}${module}`;
}

function sizeOf(text: string | undefined): number | undefined {
  return text === undefined || text.length > MOST_SIZE_DIGITS ? undefined : Number(text);
}
