import { readFixture } from './read-fixture.ts';

/** What a vCPU's section says while it runs the guest of an SVM hypervisor under TCG. */
export interface SvmState {
  readonly vmcb: bigint;
  readonly hostSave: bigint;
  readonly nestedCr3: bigint;
  /** How the hypervisor pages, as QEMU counts it. */
  readonly nestedPgMode: number;
  /** Whether its guest runs behind nested tables. */
  readonly nestedPaging: boolean;
}

/** Where fields of a `cpu` section, version 12, are. */
const FIELDS = { hflags: 144, hflags2: 876, hostSave: 880, vmcb: 888 } as const;
const HFLAG_GUEST = 1 << 21;
const HFLAG2_NPT = 1 << 6;
const NAME = '\x03cpu';

/** The recorded device state, whose vCPU 0 runs a nested guest (L2). @internal */
export function svmDeviceState({ vmcb, hostSave, nestedCr3, nestedPgMode, nestedPaging }: SvmState): Buffer {
  const state = Buffer.from(readFixture('qmp/device-state/x86_64.bin'));
  // The name, then instance and version.
  const data = state.subarray(state.indexOf(NAME, 0, 'latin1') + NAME.length + 8);
  data.writeUInt32BE(data.readUInt32BE(FIELDS.hflags) | HFLAG_GUEST, FIELDS.hflags);
  if (nestedPaging) data.writeUInt32BE(data.readUInt32BE(FIELDS.hflags2) | HFLAG2_NPT, FIELDS.hflags2);
  data.writeBigUInt64BE(hostSave, FIELDS.hostSave);
  data.writeBigUInt64BE(vmcb, FIELDS.vmcb);
  const fields = Buffer.alloc(12);
  fields.writeBigUInt64BE(nestedCr3);
  fields.writeUInt32BE(nestedPgMode, 8);
  return withSubsection(state, 'cpu/svn_npt', fields);
}

/** The recorded device state as KVM has it, of a vCPU in a nested guest (L2) or in none. @internal */
export function kvmNestedDeviceState(isInGuest: boolean): Buffer {
  const fields = Buffer.alloc(8);
  fields.writeUInt16BE(isInGuest ? 1 : 0);
  return withSubsection(Buffer.from(readFixture('qmp/device-state/x86_64.bin')), 'cpu/nested_state', fields);
}

/** The recorded device state as KVM has it, of a vCPU in PAE paging with these PDPTE registers. */
export function kvmPaeDeviceState(pdptes: readonly bigint[]): Buffer {
  const fields = Buffer.alloc(32);
  pdptes.forEach((pdpte, at) => {
    fields.writeBigUInt64BE(pdpte, 8 * at);
  });
  return withSubsection(Buffer.from(readFixture('qmp/device-state/x86_64.bin')), 'cpu/pdptrs', fields);
}

/** Adds a subsection, version 1, to the end of vCPU 0's section, which its footer follows. */
function withSubsection(state: Buffer, subsection: string, fields: Buffer): Buffer {
  const name = state.indexOf(NAME, 0, 'latin1');
  const end = state.indexOf(Buffer.concat([Buffer.of(0x7e), state.subarray(name - 4, name)]));
  const heading = Buffer.concat([Buffer.of(5, subsection.length), Buffer.from(subsection), Buffer.of(0, 0, 0, 1)]);
  return Buffer.concat([state.subarray(0, end), heading, fields, state.subarray(end)]);
}
