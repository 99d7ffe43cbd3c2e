import { DeviceStateError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { CPU_FIELDS_BYTES, type CpuFields, type DeviceStateTarget, readCpuFields } from './cpu-fields.ts';
import { hasSectionFooters, isSectionEnd, isSectionHeader, type SectionEnd } from './section.ts';
import { type CpuSubsection, isSubsection, readSubsections } from './subsections.ts';

/** One vCPU as QEMU saved it. @public */
export interface CpuDeviceState extends CpuFields {
  /** QEMU's number of the vCPU, the `cpu-index` of QMP. */
  readonly cpuIndex: number;
  readonly target: DeviceStateTarget;
  readonly efer: bigint;
  /** What was worth saving beyond the fixed part, by name. */
  readonly subsections: ReadonlyMap<string, CpuSubsection>;
}

/** What is read of a device state: the vCPUs, by number. @public */
export interface DeviceState {
  readonly cpus: ReadonlyMap<number, CpuDeviceState>;
}

const MAGIC = 'QEVM';
const FORMAT_VERSION = 3;
/** `04`, section id, `03 "cpu"`, instance, version. */
const HEADER_BYTES = 1 + 4 + 4 + 4 + 4;
const CPU_VERSION = 12;
/** More than any machine of QEMU's has. */
const MAX_CPUS = 8192;
/** An ordinary machine has 200 KB; what a graphics card holds can be many times that. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Reads the vCPUs out of a device state as `xen-save-devices-state` writes it.
 *
 * ```
 * file       := "QEVM" u32 3 section* 00
 * section    := 04 u32 id  u8 n  name[n]  u32 instance  u32 version  DATA  7e u32 id
 * DATA       := fields subsection*                    no lengths anywhere: unknown devices cannot be skipped
 * subsection := 05 u8 n  name[n]  u32 version  fields subsection*
 * ```
 *
 * As unknown devices have no length, the sections named `cpu` are searched for; one counts only if its fixed part is followed
 * by what must follow. Old machine types (up to 2.3) write no `7e` footers.
 *
 * @throws DeviceStateError (`ERR_QMP_DEVICE_STATE`) when the bytes are not a device state, end too early, contain no vCPU of
 * a known layout, or contain the same vCPU twice: devices' contents can be under the guest's control, and a guest that
 * imitates a `cpu` section must not be believed.
 * @public
 */
export function parseDeviceState(bytes: Uint8Array): DeviceState {
  if (bytes.length > MAX_FILE_BYTES) {
    throw new DeviceStateError(`it has more than ${MAX_FILE_BYTES} bytes`, MAX_FILE_BYTES);
  }
  const reader = new ByteReader(bytes);
  if (Buffer.from(reader.bytes(MAGIC.length)).toString('latin1') !== MAGIC) {
    throw new DeviceStateError('it does not begin with QEVM', 0);
  }
  if (reader.u32() !== FORMAT_VERSION) throw new DeviceStateError('its format is not version 3', MAGIC.length);
  const cpus = new Map<number, CpuDeviceState>();
  for (const offset of findCpuSections(bytes)) {
    const cpu = readCpuSection(bytes, offset);
    if (cpu === undefined) continue;
    if (cpus.has(cpu.cpuIndex)) throw new DeviceStateError(`vCPU ${cpu.cpuIndex} is in it twice`, offset);
    if (cpus.size === MAX_CPUS) throw new DeviceStateError(`there are more than ${MAX_CPUS} vCPUs in it`, offset);
    cpus.set(cpu.cpuIndex, cpu);
  }
  if (cpus.size === 0) throw new DeviceStateError('there is no vCPU of a known layout in it', bytes.length);
  return { cpus };
}

/** The offsets of what looks like the header of a `cpu` section. */
function* findCpuSections(bytes: Uint8Array): Generator<number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = Buffer.from('\x03cpu', 'latin1');
  for (let at = buffer.indexOf(name); at >= 0; at = buffer.indexOf(name, at + 1)) {
    if (isSectionHeader(bytes, at - 5)) yield at - 5;
  }
}

function readCpuSection(bytes: Uint8Array, offset: number): CpuDeviceState | undefined {
  const header = new ByteReader(bytes, offset + 1);
  const sectionId = header.u32();
  header.skip(4);
  const cpuIndex = header.u32();
  if (header.u32() !== CPU_VERSION) return undefined;
  const start = offset + HEADER_BYTES;
  const end: SectionEnd = { bytes, sectionId, hasFooters: hasSectionFooters(bytes) };
  const target = detectTarget(bytes, start, end);
  if (target === undefined) return undefined;
  const { efer, ...fields } = readCpuFields(new ByteReader(bytes, start), target);
  const subsections = readSubsections(bytes, start + CPU_FIELDS_BYTES[target], target, (at) => isSectionEnd(end, at));
  return { cpuIndex, target, ...fields, efer: target === 'i386' ? efer32(subsections) : efer, subsections };
}

function detectTarget(bytes: Uint8Array, start: number, end: SectionEnd): DeviceStateTarget | undefined {
  const fits = (target: DeviceStateTarget): boolean => {
    const after = start + CPU_FIELDS_BYTES[target];
    return isSubsection(bytes, after) || isSectionEnd(end, after);
  };
  if (fits('x86_64')) return 'x86_64';
  return fits('i386') ? 'i386' : undefined;
}

/** qemu-system-i386 has no room for EFER in its fixed part, and saves it apart if it is not 0. */
function efer32(subsections: ReadonlyMap<string, CpuSubsection>): bigint {
  const subsection = subsections.get('cpu/efer32');
  return subsection === undefined ? 0n : new ByteReader(subsection.data).u64();
}
