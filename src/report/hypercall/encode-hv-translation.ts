import { encodeAssumption } from '../assumed/format-assumption.ts';
import { formatDeviation } from '../reasons/format-deviation.ts';
import { encodeSecondStage } from '../translation/encode-second-stage.ts';
import { encodeRomEntries, encodeStep } from '../translation/encode-translation.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatHvReason } from './format-hv-reason.ts';
import { encodeEvent, formatBytes, formatCacheType, gpaOf } from './hv-words.ts';
import type { ReportedHvTranslation } from './reported-hv-translation.ts';

/**
 * An answer as one line of JSON, without line end: the hypercall's input and output by their names, the output's bytes, and
 * the walk. Addresses, pages, flags and entries are `0x…` texts, since a JSON number holds no 64 bits.
 *
 * @public
 */
export function encodeHvTranslation(reported: ReportedHvTranslation): string {
  const { hypercall, gva, controlFlags, cpu, mode, vtl, cpl, answer, output, walk, bitsAreSet, assumed } = reported;
  const isSuccess = answer.name === 'Success';
  return JSON.stringify({
    linearAddress: formatHex(gva),
    hypercall,
    controlFlags: formatHex(controlFlags),
    result: answer.name,
    resultCode: answer.resultCode,
    gpaPage: formatHex(answer.gpaPage),
    gpa: isSuccess ? formatHex(gpaOf(answer.gpaPage, gva)) : null,
    cacheType: isSuccess ? formatCacheType(answer.cacheType) : null,
    overlayPage: answer.overlayPage,
    // Only where there is something to say: of bits where some were to be set, of events for an Intercept.
    ...(bitsAreSet === null ? {} : { bitsAreSet }),
    ...(answer.inhibitsTlbFlush ? { inhibitsTlbFlush: true } : {}),
    ...(answer.event === null ? {} : { event: encodeEvent(answer.event) }),
    output: formatBytes(output).replaceAll(' ', ''),
    mode,
    cpu,
    ...(vtl.isNamed ? { vtl: vtl.number } : {}),
    cpl,
    entries: walk?.translation.steps.map((step) => encodeStep(step, walk.wrote)) ?? [],
    reason: formatHvReason(reported),
    assumed: assumed.map(encodeAssumption),
    ...encodeRomEntries(walk?.inRom ?? []),
    ...(walk === null || walk.deviation === null ? {} : { deviation: formatDeviation(walk.deviation) }),
    ...(walk === null || walk.nested === null ? {} : { nested: encodeSecondStage(walk.nested) }),
  });
}
