import { encodeAssumption } from '../assumed/format-assumption.ts';
import { formatCause } from '../causes/format-cause.ts';
import { encodeOwner } from '../linux/format-owner.ts';
import { placeFields } from '../linux/format-symbol.ts';
import { formatHex } from '../words/format-hex.ts';
import { assumedOf } from './assumed-of.ts';
import { detailOf } from './detail-of.ts';
import { encodeStage } from './encode-stage.ts';
import type { ReportedPosition, ReportedState, ReportedValue } from './reported-state.ts';

/**
 * The state of a vCPU as one line of JSON, without line end. Registers and addresses are `0x…` texts, since a JSON number
 * holds no 64 bits.
 *
 * @public
 */
export function encodeState(reported: ReportedState): string {
  const { cpu, cpus, state, context, nestedContext, runs, memory, memoryAccess, owner, place } = reported;
  return JSON.stringify({
    cpu,
    cpuCount: cpus.length,
    cpus,
    mode: context.mode,
    root: context.mode === 'off' ? null : formatHex(context.root),
    linearAddressBits: context.linearBits,
    runState: runs === undefined ? null : runs ? 'running' : 'paused',
    registers: {
      cr0: encodeRegister(state.cr0),
      cr3: encodeRegister(state.cr3),
      cr4: encodeRegister(state.cr4),
      efer: encodeRegister(state.efer),
      rflags: encodeRegister(state.rflags),
      cs: encodeRegister(state.cs),
      ss: encodeRegister(state.ss),
      cpl: encodeValue(state.cpl),
      a20: encodeValue(state.a20),
      pkru: encodeRegister(state.pkru),
      pkrs: encodeRegister(state.pkrs),
      ...encodePosition(state.position),
      nested: encodeValue({ ...state.nested, value: encodeStage(state.nested.value, nestedContext) }),
    },
    processor: {
      maxPhyAddr: encodeValue(state.maxPhyAddr),
      vendor: encodeValue(state.vendor),
      pse36: encodeValue(state.pse36),
      pdpe1gb: encodeValue(state.pdpe1gb),
    },
    memory: memory.map(({ kind, name, first, last }) => ({
      kind,
      name,
      first: formatHex(first),
      last: formatHex(last),
    })),
    memoryAccess: {
      provider: memoryAccess.provider,
      attempts: memoryAccess.attempts.map(({ provider, cause }) => ({ provider, reason: formatCause(cause) })),
    },
    assumed: assumedOf(reported).map(encodeAssumption),
    ...(owner === undefined ? {} : { owner: owner && encodeOwner(owner) }),
    ...(place === undefined ? {} : { place: place && placeFields(place) }),
  });
}

function encodePosition(position: ReportedPosition | undefined): object {
  if (position === undefined) return {};
  const { rip, rsp, cr2, csBase, bases } = position;
  return {
    rip: encodeRegister(rip),
    ...(rsp === undefined ? {} : { rsp: encodeRegister(rsp) }),
    cr2: encodeRegister(cr2),
    csBase: encodeRegister(csBase),
    ...Object.fromEntries(Object.entries(bases ?? {}).map(([name, base]) => [`${name}Base`, encodeRegister(base)])),
  };
}

function encodeRegister(source: ReportedValue<bigint | number>): object {
  return { value: formatHex(source.value), source: source.from, detail: detailOf(source) };
}

function encodeValue(source: ReportedValue<number | string | boolean | object | null>): object {
  return { value: source.value, source: source.from, detail: detailOf(source) };
}
