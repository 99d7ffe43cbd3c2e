import {
  AbiError,
  decodeHvEventInfo,
  decodeHvTranslateInput,
  decodeHvTranslateOutput,
  decodeHvTranslateOutputEx,
  HV_PAGE_BYTES,
  HV_TRANSLATE_INPUT_BYTES,
  HV_TRANSLATE_OUTPUT_BYTES,
} from '../../../abi/index.ts';
import type { DecodedHvBytes } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import type { ParsedOptions } from '../../options/parse-options.ts';
import { parseBytes } from './parse-bytes.ts';

const ALLOWED = new Set(['decode', 'ex', 'json']);

/**
 * Prints what an output of the hypercall means, or an input.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for bytes that are none, and for options that ask a guest.
 * @internal
 */
export async function printDecoded(
  text: string,
  { positionals, values, lists, flags }: ParsedOptions,
  context: CliContext,
  command: string,
): Promise<void> {
  const stray = [...values.keys(), ...lists.keys(), ...flags].find((name) => !ALLOWED.has(name));
  if (stray !== undefined) throw new UsageError(`--decode asks no guest, and --${stray} was given too`, command);
  const [address] = positionals;
  if (address !== undefined) {
    throw new UsageError(`--decode asks no guest, and the address ${JSON.stringify(address)} was given too`, command);
  }
  const decoded = decodeBytes(parseBytes(text, '--decode', command), flags.has('ex'), command);
  const { encodeHvBytes, formatHvBytes } = await import('../../../report/index.ts');
  await context.print(flags.has('json') ? `${encodeHvBytes(decoded)}\n` : formatHvBytes(decoded, chooseStyle(context)));
}

/** By their size: 16 bytes are an output, 32 an input, 56 or more an output of Ex; a page is an output. */
function decodeBytes(bytes: Uint8Array, ex: boolean, command: string): DecodedHvBytes {
  try {
    if (bytes.length === HV_TRANSLATE_INPUT_BYTES) return { kind: 'input', input: decodeHvTranslateInput(bytes) };
    const isPage = bytes.length === HV_PAGE_BYTES;
    if (isPage ? !ex : bytes.length === HV_TRANSLATE_OUTPUT_BYTES) {
      return { kind: 'output', output: decodeHvTranslateOutput(bytes) };
    }
    const output = decodeHvTranslateOutputEx(bytes);
    return { kind: 'output-ex', output, event: decodeHvEventInfo(output.eventInfo) };
  } catch (error) {
    if (!(error instanceof AbiError)) throw error;
    throw new UsageError(
      `--decode takes an output (16 bytes, of Ex 56 or more), an input (32) or a page (4096), not ${bytes.length} bytes`,
      command,
      { cause: error },
    );
  }
}
