import { HV_RESULT, HV_SELF, type HvTranslateInput, type HvTranslateOutput } from '../../abi/index.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import {
  controlFlagNames,
  encodeEvent,
  formatCacheType,
  formatControlFlags,
  formatEvent,
  formatResultCode,
  gpaOf,
} from './hv-words.ts';
import type { DecodedHvBytes } from './reported-hv-translation.ts';

/**
 * Decoded bytes as a person reads them.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatHvBytes(decoded: DecodedHvBytes, style: Style): string {
  if (decoded.kind === 'input') return `${formatInput(decoded.input, style)}\n`;
  const lines = [formatOutput(decoded.output, style)];
  if (decoded.kind === 'output-ex' && decoded.event !== null) lines.push(`  EventInfo: ${formatEvent(decoded.event)}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** The same as one line of JSON, without line end. @public */
export function encodeHvBytes(decoded: DecodedHvBytes): string {
  if (decoded.kind === 'input') {
    const { partitionId, vpIndex, controlFlags, gvaPage } = decoded.input;
    return JSON.stringify({
      kind: decoded.kind,
      partitionId: formatHex(partitionId),
      vpIndex,
      controlFlags: formatHex(controlFlags),
      flags: controlFlagNames(controlFlags),
      gvaPage: formatHex(gvaPage),
      linearAddress: formatHex(gpaOf(gvaPage, 0n)),
    });
  }
  const { resultCode, gpaPage, cacheType, overlayPage } = decoded.output;
  return JSON.stringify({
    kind: decoded.kind,
    result: formatResultCode(resultCode),
    resultCode,
    gpaPage: formatHex(gpaPage),
    cacheType: resultCode === HV_RESULT.Success ? formatCacheType(cacheType) : null,
    overlayPage,
    ...(decoded.kind === 'output-ex' ? { event: decoded.event && encodeEvent(decoded.event) } : {}),
  });
}

function formatInput({ partitionId, vpIndex, controlFlags, gvaPage }: HvTranslateInput, style: Style): string {
  const partition = partitionId === HV_SELF.partitionId ? 'partition SELF' : `partition ${formatHex(partitionId)}`;
  const vp = vpIndex === HV_SELF.vpIndex ? 'VP SELF' : `VP ${vpIndex}`;
  const gva = `GVA page ${style.strong(formatHex(gvaPage))} (${formatHex(gpaOf(gvaPage, 0n))})`;
  return `${gva}  ${formatControlFlags(controlFlags)} (${formatHex(controlFlags)})   ${style.faint(`${partition}, ${vp}`)}`;
}

function formatOutput({ resultCode, gpaPage, cacheType, overlayPage }: HvTranslateOutput, style: Style): string {
  const name = formatResultCode(resultCode);
  const page = `GPA page ${formatHex(gpaPage)}`;
  if (resultCode === HV_RESULT.Success) {
    return `${style.good('✓')} ${name}: ${page}, ${formatCacheType(cacheType)}${overlayPage ? ', an overlay page' : ''}`;
  }
  return `${style.bad('✗')} ${style.strong(name)}${gpaPage === 0n ? '' : ` (${page})`}`;
}
