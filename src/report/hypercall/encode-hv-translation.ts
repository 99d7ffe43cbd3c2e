import { encodeAssumption } from '../assumed/format-assumption.ts';
import { encodeSecondStage } from '../translation/encode-second-stage.ts';
import { encodeStep } from '../translation/encode-translation.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatBytes, formatCacheType } from './hv-words.ts';
import type { ReportedHvTranslation } from './reported-hv-translation.ts';

/**
 * An answer as one line of JSON, without line end: the hypercall's input and output by their names, the output's bytes, and
 * the walk. Addresses, pages, flags and entries are `0x…` texts, since a JSON number holds no 64 bits.
 *
 * @public
 */
export function encodeHvTranslation(reported: ReportedHvTranslation): string {
  const { hypercall, gva, controlFlags, cpl, answer, output, walk, bitsAreSet, assumed } = reported;
  const { translation, mode, cpu, wrote, nested, deviation } = walk;
  const isSuccess = answer.name === 'Success';
  return JSON.stringify({
    linearAddress: formatHex(gva),
    hypercall,
    controlFlags: formatHex(controlFlags),
    result: answer.name,
    resultCode: answer.resultCode,
    gpaPage: formatHex(answer.gpaPage),
    cacheType: isSuccess ? formatCacheType(answer.cacheType) : null,
    overlayPage: answer.overlayPage,
    bitsAreSet,
    output: formatBytes(output).replaceAll(' ', ''),
    mode,
    cpu,
    cpl,
    entries: translation.steps.map((step) => encodeStep(step, wrote)),
    reason: reported.reason,
    assumed: assumed.map(encodeAssumption),
    // Only where there are any, as in a translation's line.
    ...(deviation === null ? {} : { deviation }),
    ...(nested === null ? {} : { nested: encodeSecondStage(nested) }),
  });
}
