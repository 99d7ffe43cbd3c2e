import type { GuestView, OpenGuest, VcpuState } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import type { AddressRegister, WrittenAddress } from '../../options/written-address.ts';
import { type LinuxQuestion, lookAtLinux } from './look-at-linux.ts';

/** Addresses as numbers, and the guest as it is looked at now. @internal */
export interface ResolvedAddresses {
  readonly view: GuestView;
  /** As wide as they were given: a page number of a hypercall may have more than 64 bits with its offset. */
  readonly addresses: readonly bigint[];
  /** Null where no address needed it. */
  readonly linux: Linux | null;
}

/**
 * Makes numbers of addresses: of symbols by the guest's own symbol table, of registers by those of the vCPU.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for a symbol that there is not, or more than once; LinuxDataError `ERR_LINUX_DATA`
 * where there is no Linux.
 * @internal
 */
export async function resolveAddresses(
  written: readonly WrittenAddress[],
  view: GuestView,
  guest: OpenGuest,
  scope: LinuxQuestion,
  context: Pick<CliContext, 'environment'>,
  command: string,
): Promise<ResolvedAddresses> {
  const needsLinux = written.some(({ kind }) => kind === 'symbol' || kind === 'physical');
  const looked = needsLinux ? await lookAtLinux(view, guest, scope, context) : { view, linux: null };
  const addresses: bigint[] = [];
  for (const address of written) addresses.push(await resolveAddress(address, looked, scope.cpu, command));
  return { ...looked, addresses };
}

/** One address, where the guest is looked at already. @throws as {@link resolveAddresses}. @internal */
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
