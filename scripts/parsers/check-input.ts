import { judgeError } from './judge-error.ts';
import type { ParserTarget } from './parser-target.ts';

/**
 * Has a parser read an input. It may return, or throw one of its layer's own errors.
 *
 * @returns what is wrong with what it did
 */
export async function checkInput(target: ParserTarget, input: Buffer): Promise<string | undefined> {
  try {
    await target.read(input);
    return undefined;
  } catch (error) {
    return judgeError(error);
  }
}
