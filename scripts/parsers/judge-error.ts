import { GdbError } from '../../protocols/gdb/index.ts';
import { QmpError } from '../../protocols/qmp/index.ts';
import { TransportError } from '../../protocols/transport/index.ts';
import { CliError } from '../../src/cli/errors.ts';
import { DumpError } from '../../src/dump/index.ts';
import { GuestError } from '../../src/guest/index.ts';

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** Several lines on a terminal, not several screens. */
const MAX_MESSAGE_CHARS = 4096;

/** Says why an error is none that a layer throws on purpose, or one that must not be printed; undefined if all is well. */
export function judgeError(error: unknown): string | undefined {
  const layers = [TransportError, GdbError, QmpError, GuestError, DumpError, CliError] as const;
  if (!(error instanceof Error) || !layers.some((layer) => error instanceof layer)) {
    return `it is no error of a layer: ${error instanceof Error ? error.stack : String(error)}`;
  }
  if (UNPRINTABLE.test(error.message.replaceAll('\n', '')))
    return `its message holds what a terminal obeys: ${JSON.stringify(error.message)}`;
  if (error.message.length > MAX_MESSAGE_CHARS) return `its message has ${error.message.length} characters`;
  return undefined;
}
