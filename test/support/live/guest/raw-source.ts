import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import {
  type GivenVcpu,
  type GuestSource,
  type GuestView,
  MemoryMap,
  type MemoryPiece,
  type MemoryTypeMsrs,
  type Region,
  type Sourced,
  vcpuStateOf,
} from '../../../../src/guest/index.ts';

/*
 * A source of guests that the product does not have: memory in a raw file, everything else in a JSON file. It is what a new source
 * comes to, by the recipe above GuestSource, and touches nothing but this file.
 */

/** What stands in the JSON file; bigints are `0x…` texts there. */
export interface SavedGuest {
  readonly vcpu: GivenVcpu;
  /** `offset` is where the first byte is in the raw file. */
  readonly regions: readonly Region[];
  readonly memoryTypes: Sourced<MemoryTypeMsrs>;
}

/** The JSON of a vCPU as a view has it. */
export async function encodeRegisters(view: GuestView, regions: readonly Region[]): Promise<string> {
  const { value: types, ...source } = await view.memoryTypes();
  const state = await view.vcpuState();
  const { cr0, cr3, cr4, efer, rflags, cs, ss, cpl, a20, pkru, pkrs, nested, accelerator, qemuVersion } = state;
  const { maxPhyAddr, vendor, pse36, pdpe1gb } = state;
  const saved: SavedGuest = {
    vcpu: {
      registers: {
        cr0: cr0.value,
        cr3: cr3.value,
        cr4: cr4.value,
        efer: efer.value,
        rflags: rflags.value,
        cpl: cpl.value,
        a20: a20.value,
        pkru: pkru.value,
        pkrs: pkrs.value,
      },
      features: {
        maxPhyAddr: maxPhyAddr.value,
        vendor: vendor.value,
        pse36: pse36.value,
        pdpe1gb: pdpe1gb.value,
      },
      cs: cs.value,
      ss: ss.value,
      nested: nested.value,
      ...(accelerator.value === null || qemuVersion === undefined
        ? {}
        : { machine: { accelerator: accelerator.value, qemuVersion } }),
    },
    regions,
    memoryTypes: { value: types, ...source },
  };
  return JSON.stringify(saved, (_, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value));
}

function decodeRegisters(text: string): SavedGuest {
  const reviver = (_: string, value: unknown) =>
    typeof value === 'string' && /^0x[0-9a-f]+$/.test(value) ? BigInt(value) : value;
  return JSON.parse(text, reviver) as SavedGuest;
}

/** Opens a guest of two files. */
export function rawSource(memoryFile: string, registersFile: string): GuestSource {
  const { vcpu, regions, memoryTypes } = decodeRegisters(readFileSync(registersFile, 'utf8'));
  const map = new MemoryMap(regions);
  return {
    vcpus: [0],
    readVcpu: () => Promise.resolve({ state: vcpuStateOf(vcpu, { where: registersFile }), map }),
    async openMemory() {
      const descriptor = openSync(memoryFile, 'r');
      const read = (
        { address, lengthBytes }: MemoryPiece,
        target: Uint8Array = new Uint8Array(lengthBytes),
      ): Uint8Array => {
        const { first, offset } = map.regionAt(BigInt(address));
        const count = readSync(descriptor, target, 0, lengthBytes, Number(offset - first) + address);
        if (count !== lengthBytes) throw new RangeError(`${memoryFile} ends before 0x${address.toString(16)}`);
        return target;
      };
      return {
        memory: { read: async (pieces, targets) => pieces.map((piece, at) => read(piece, targets?.[at])) },
        report: { provider: 'caller', attempts: [] },
        [Symbol.dispose]: () => closeSync(descriptor),
      };
    },
    readMemoryTypes: () => Promise.resolve(memoryTypes),
  };
}
