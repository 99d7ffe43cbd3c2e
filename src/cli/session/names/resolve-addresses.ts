import type { GuestView, TranslateScope, VcpuState } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import { formatHex } from '../../../paging/index.ts';
import { UsageError } from '../../errors.ts';
import { type AddressRange, checkedRange } from '../../options/parse-range.ts';
import type { AddressRegister, WrittenAddress } from '../../options/written-address.ts';
import type { WrittenRange } from '../../options/written-range.ts';

/** One address, where the guest is looked at already. @throws {@link UsageError} `ERR_CLI_USAGE` for a symbol that there is not, or more than once. @internal */
export async function resolveAddress(
  address: WrittenAddress,
  { view, linux }: { readonly view: GuestView; readonly linux: Linux | null },
  cpu: number,
  command: string,
): Promise<bigint> {
  if (address.kind === 'number') return address.value;
  if (address.kind === 'register') {
    return BigInt.asUintN(64, registerOf(await view.vcpuState(cpu), address.register, command) + address.offset);
  }
  if (linux === null) throw new RangeError('names were needed and not looked for');
  return asUsage(command, async () => {
    if (address.kind === 'physical') return linux.directMapOf(address.value);
    const symbol = await linux.findSymbol(address.symbol);
    return BigInt.asUintN(64, symbol.address + address.offset);
  });
}

/**
 * Physical addresses that are looked for: a linear one stands for what it leads to, by the kernel's tables where it is a symbol.
 *
 * @throws as {@link resolveAddress}; {@link UsageError} `ERR_CLI_USAGE` where it leads nowhere.
 * @internal
 */
export async function resolvePhysical(
  wanted: AddressRange | WrittenAddress,
  looked: { readonly view: GuestView; readonly linux: Linux | null },
  scope: TranslateScope,
  command: string,
): Promise<AddressRange> {
  if (!('kind' in wanted)) return wanted;
  const address = await resolveAddress(wanted, looked, scope.cpu ?? 0, command);
  const physical =
    wanted.kind === 'symbol' && looked.linux !== null
      ? await looked.linux.physicalOf(address)
      : await physicalBy(looked.view, address, scope);
  if (physical === null)
    throw new UsageError(
      `${formatHex(address)} is mapped nowhere, so there is no physical address to look for`,
      command,
    );
  return { first: BigInt(physical), last: BigInt(physical) };
}

async function physicalBy(view: GuestView, linearAddress: bigint, scope: TranslateScope): Promise<bigint | null> {
  const access = { write: false, user: false, exec: false };
  const [answer] = await view.translate([{ linearAddress, access }], scope);
  if (answer?.nested)
    return answer.nested.translation.kind === 'mapped' ? answer.nested.translation.l1PhysicalAddress : null;
  return answer?.translation.kind === 'mapped' ? answer.translation.physicalAddress : null;
}

/** A range, where the guest is looked at already; null for everything. @throws as {@link resolveAddress}. @internal */
export async function resolveRange(
  range: WrittenRange | null,
  looked: { readonly view: GuestView; readonly linux: Linux | null },
  cpu: number,
  command: string,
): Promise<Partial<AddressRange>> {
  if (range === null) return {};
  if (range.kind === 'numbers') return { first: range.first, last: range.last };
  const first = await resolveAddress(range.first, looked, cpu, command);
  const check = (last: bigint): AddressRange => checkedRange(first, last, range.text, '--range', command);
  if (range.kind === 'size') return check(first + range.sizeBytes - 1n);
  if (range.kind === 'ends') return check(await resolveAddress(range.last, looked, cpu, command));
  const place = (await looked.linux?.nearest(first)) ?? null;
  return check(first + BigInt(place === null ? 1 : place.sizeBytes - place.offsetBytes) - 1n);
}

/** What is not found was asked for by the command line. @internal */
export async function asUsage<T>(command: string, ask: () => Promise<T>): Promise<T> {
  const { LinuxLookupError } = await import('../../../linux/index.ts');
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof LinuxLookupError)) throw error;
    throw new UsageError(error.message, command, { cause: error });
  }
}

function registerOf({ cpu, position }: VcpuState, register: AddressRegister, command: string): bigint {
  const value = {
    rip: position?.rip,
    rsp: position?.rsp,
    cr2: position?.cr2,
    'cs:ip': position && { value: position.csBase.value + position.rip.value },
  }[register];
  if (value === undefined)
    throw new UsageError(`${register} of vCPU ${cpu} is unavailable where this guest comes from`, command);
  return value.value;
}
