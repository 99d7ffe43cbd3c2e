import { toTranslate2Answer, translate2ErrorOf } from '../../abi/index.ts';
import type { FaultedTranslation, PlannedBits, WalkStep } from '../../paging/index.ts';
import { encodeAssumption } from '../assumed/format-assumption.ts';
import { areaFields } from '../linux/format-area.ts';
import { encodeLinuxEntry } from '../linux/format-entry.ts';
import { encodeOwner } from '../linux/format-owner.ts';
import { placeFields } from '../linux/format-symbol.ts';
import { formatDeviation } from '../reasons/format-deviation.ts';
import { formatReason } from '../reasons/format-reason.ts';
import { formatHex } from '../words/format-hex.ts';
import { encodeSecondStage } from './encode-second-stage.ts';
import { bitNames } from './format-walk.ts';
import type { ReportedRomEntry, ReportedTranslation } from './reported-translation.ts';

/**
 * An answer as one line of JSON, without line end: KVM_TRANSLATE2's request and answer by their names, and everything else
 * that is known. Addresses, entries and error codes are `0x…` texts, since a JSON number holds no 64 bits.
 *
 * @public
 */
export function encodeTranslation(reported: ReportedTranslation): string {
  const {
    request,
    translation,
    cpu,
    mode,
    wrote,
    bitsAreSet,
    region,
    assumed,
    inRom,
    deviation,
    nested,
    place,
    areas,
    owner,
    linuxEntry,
  } = reported;
  const { write, user, exec } = request.access;
  const { setAccessed, setDirty, forceSetAccessed } = request.flags;
  const answer = toTranslate2Answer(translation, request.flags, bitsAreSet);
  return JSON.stringify({
    linearAddress: formatHex(request.linearAddress),
    access: { write, user, exec },
    flags: { setAccessed, setDirty, forceSetAccessed },
    valid: answer.valid,
    physicalAddress: physicalAddressOf(reported),
    error: translate2ErrorOf(translation),
    errorCode: answer.errorCode,
    setBitsSucceeded: answer.setBitsSucceeded,
    mode,
    pageSize: translation.pageSizeBytes,
    cpu,
    entries: translation.steps.map((step) => encodeStep(step, wrote)),
    fault: translation.kind === 'fault' ? encodeFault(translation) : null,
    rights: translation.rights,
    region: region && { kind: region.kind, name: region.name },
    assumed: assumed.map(encodeAssumption),
    // Only where there is something to say: scripts for ordinary guests see the same fields always.
    ...(place === undefined ? {} : { place: place && placeFields(place) }),
    ...areaFields(areas ?? null),
    ...(linuxEntry === undefined ? {} : { linuxEntry: encodeLinuxEntry(linuxEntry) }),
    ...(owner === undefined ? {} : { owner: owner && encodeOwner(owner) }),
    ...encodeRomEntries(inRom),
    ...(deviation === null ? {} : { deviation: formatDeviation(deviation) }),
    ...(nested === null ? {} : { nested: encodeSecondStage(nested) }),
  });
}

/** @internal */
export function encodeRomEntries(entries: readonly ReportedRomEntry[]): { readonly inRom?: readonly object[] } {
  if (entries.length === 0) return {};
  return {
    inRom: entries.map(({ stage, level, address, region: { kind, name } }) => ({
      stage,
      level,
      address: formatHex(address),
      region: { kind, name },
    })),
  };
}

/** The ioctl leaves the field meaningless for INVALID_GVA; here that is null. */
function physicalAddressOf({ translation }: ReportedTranslation): string | null {
  if (translation.kind === 'mapped') return formatHex(translation.physicalAddress);
  return translation.responsible && formatHex(translation.responsible.address);
}

/** @internal */
export function encodeStep(step: WalkStep, wrote: readonly PlannedBits[]): object {
  const bits = wrote.find(({ level }) => level === step.level);
  return {
    level: step.level,
    table: step.table,
    index: step.index,
    address: formatHex(step.address),
    value: formatHex(step.value),
    wrote: bits ? bitNames(bits) : [],
  };
}

function encodeFault({ cause, vector, errorCode, responsible, reason }: FaultedTranslation): object {
  return {
    cause,
    vector,
    errorCode: errorCode === null ? null : formatHex(errorCode),
    responsibleLevel: responsible?.level ?? null,
    responsibleEntry: responsible && formatHex(responsible.address),
    reason: formatReason(reason),
  };
}
