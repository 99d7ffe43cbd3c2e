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

/** The recorded device state, whose vCPU 0 runs the guest of a hypervisor. @internal */
export function svmDeviceState({ vmcb, hostSave, nestedCr3, nestedPgMode, nestedPaging }: SvmState): Buffer {
  const state = Buffer.from(readFixture('qmp/device-state-x86_64.bin'));
  const name = state.indexOf(NAME, 0, 'latin1');
  const end = state.indexOf(Buffer.concat([Buffer.of(0x7e), state.subarray(name - 4, name)]));
  // The name, then instance and version.
  const data = state.subarray(name + NAME.length + 8);
  data.writeUInt32BE(data.readUInt32BE(FIELDS.hflags) | HFLAG_GUEST, FIELDS.hflags);
  if (nestedPaging) data.writeUInt32BE(data.readUInt32BE(FIELDS.hflags2) | HFLAG2_NPT, FIELDS.hflags2);
  data.writeBigUInt64BE(hostSave, FIELDS.hostSave);
  data.writeBigUInt64BE(vmcb, FIELDS.vmcb);
  return Buffer.concat([state.subarray(0, end), nestedSubsection(nestedCr3, nestedPgMode), state.subarray(end)]);
}

function nestedSubsection(nestedCr3: bigint, nestedPgMode: number): Buffer {
  const subsection = 'cpu/svn_npt';
  const fields = Buffer.alloc(16);
  fields.writeUInt32BE(1);
  fields.writeBigUInt64BE(nestedCr3, 4);
  fields.writeUInt32BE(nestedPgMode, 12);
  return Buffer.concat([Buffer.of(5, subsection.length), Buffer.from(subsection), fields]);
}
