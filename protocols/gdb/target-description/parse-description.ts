import { formatPrintable } from '../../transport/internal.ts';
import { GdbTargetDescriptionError } from '../errors.ts';
import { readXmlTokens, type XmlToken } from './xml-tokens.ts';

/** What one file of a target description says, in the order in which it says it. @internal */
export type DescriptionItem =
  | { readonly kind: 'architecture'; readonly name: string }
  | { readonly kind: 'include'; readonly annex: string }
  | {
      readonly kind: 'register';
      readonly name: string;
      readonly bits: number;
      /** Explicit number; without one, a register follows the one before. */
      readonly number: number | undefined;
      readonly feature: string;
    };

// The annex becomes part of a packet: no separator of the request may be in it.
const ANNEX_NAME = /^[\w][\w.-]{0,127}$/;
const MAX_REGISTER_BITS = 65536;
const MAX_REGISTER_NUMBER = 65535;

/**
 * Reads one file of a target description (GDB manual, appendix "Target Descriptions").
 *
 * @throws {@link GdbTargetDescriptionError} (`ERR_GDB_TARGET_DESCRIPTION`).
 * @internal
 */
export function parseDescription(annex: string, source: string): DescriptionItem[] {
  const items: DescriptionItem[] = [];
  let feature: string | undefined;
  for (const token of readTokens(annex, source)) {
    if (token.kind === 'close') {
      if (token.name === 'feature') feature = undefined;
      else if (token.name === 'architecture') items.push({ kind: 'architecture', name: token.text });
    } else if (token.name === 'feature') {
      feature = token.attributes.get('name') ?? '';
    } else if (token.name === 'xi:include') {
      items.push({ kind: 'include', annex: readHref(annex, token.attributes) });
    } else if (token.name === 'reg') {
      if (feature === undefined) throw new GdbTargetDescriptionError(annex, 'a register outside of a feature');
      items.push({ kind: 'register', feature, ...readRegister(annex, token.attributes) });
    }
  }
  return items;
}

function* readTokens(annex: string, source: string): Generator<XmlToken> {
  try {
    yield* readXmlTokens(source);
  } catch (cause) {
    throw new GdbTargetDescriptionError(annex, cause instanceof Error ? cause.message : 'not well-formed', { cause });
  }
}

function readHref(annex: string, attributes: ReadonlyMap<string, string>): string {
  const href = attributes.get('href') ?? '';
  if (!ANNEX_NAME.test(href))
    throw new GdbTargetDescriptionError(annex, `it includes ${formatPrintable(href)}, which is no file name`);
  return href;
}

function readRegister(annex: string, attributes: ReadonlyMap<string, string>) {
  const name = attributes.get('name') ?? '';
  const bits = readDecimal(attributes.get('bitsize'));
  const explicit = attributes.get('regnum');
  const number = explicit === undefined ? undefined : readDecimal(explicit);
  if (name === '') throw new GdbTargetDescriptionError(annex, 'a register without a name');
  if (!(bits > 0 && bits <= MAX_REGISTER_BITS && bits % 8 === 0)) {
    throw new GdbTargetDescriptionError(annex, `register ${formatPrintable(name)} has an unusable size`);
  }
  if (number !== undefined && !(number <= MAX_REGISTER_NUMBER)) {
    throw new GdbTargetDescriptionError(annex, `register ${formatPrintable(name)} has an unusable number`);
  }
  return { name, bits, number };
}

function readDecimal(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
}
