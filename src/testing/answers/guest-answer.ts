import type { GuestTranslation, GuestView, TranslateScope, VcpuState } from '../../guest/index.ts';
import { type Access, asAnswer } from '../../paging/internal.ts';
import type { ReportedAddressSpace } from '../../report/index.ts';

/** What a test asks an address for: a supervisor read, but for what is given. @public */
export type AskedAccess = Partial<Access>;

/** An answer of a guest, with the address space that was walked: plain data. @public */
export interface GuestAnswer extends GuestTranslation {
  readonly space: ReportedAddressSpace;
}

/** What expectations take: an answer of the test kit, or one of `GuestView.translate`. @public */
export type AnyAnswer = GuestTranslation & { readonly space?: ReportedAddressSpace };

/** Asks one address. @throws as `GuestView.translate`. @internal */
export async function askAddress(
  view: GuestView,
  linearAddress: bigint,
  access: AskedAccess,
  scope: TranslateScope,
): Promise<GuestAnswer> {
  const asked = { write: false, user: false, exec: false, ...access };
  const [answer] = await view.translate([{ linearAddress, access: asked }], scope);
  if (answer === undefined) throw new RangeError('a question was not answered');
  const state = await view.scopedState(scope, asked.user ? 'user' : 'kernel');
  return asAnswer({ ...answer, space: spaceOf(state, scope) });
}

/** The address space of a question, as reports name it. @internal */
export function spaceOf({ cr3 }: Pick<VcpuState, 'cr3'>, scope: TranslateScope): ReportedAddressSpace {
  return { cr3: cr3.value, given: scope.cr3 !== undefined || scope.process !== undefined };
}
