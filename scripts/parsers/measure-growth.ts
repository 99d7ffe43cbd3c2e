import { judgeError } from './judge-error.ts';
import type { MakeInput, ParserTarget } from './parser-target.ts';

/** How the time that a parser takes grows with its input. */
export interface Growth {
  /** 1 is linear, 2 quadratic. */
  readonly exponent: number;
  /** Of the longest input that was tried. */
  readonly bytes: number;
  readonly ms: number;
}

const FIRST_BYTES = 16_384;
const LAST_BYTES = 8 * 1024 * 1024;
/** Sizes that are compared: each is double the one before. */
const DOUBLINGS = 4;
/** Less is mostly what else a machine does, and the collector of garbage. */
const LONG_MS = 40;
/** As little as can be measured. */
const SHORT_MS = 0.1;
const ROUNDS = 5;

/**
 * Measures a parser on inputs of doubling size, in time of the processor, which neighbours change less. What ends at a bound takes as
 * long for any size, and its exponent is 0.
 *
 * @throws Error when the parser throws what is none of a layer's own errors.
 */
export async function measureGrowth(target: ParserTarget, make: MakeInput): Promise<Growth> {
  const times: number[] = [];
  let bytes = FIRST_BYTES;
  for (; ; bytes *= 2) {
    times.push(await cpuMs(target, make(bytes)));
    const isLong = (times.at(-1) ?? 0) >= LONG_MS && times.length > DOUBLINGS;
    if (isLong || bytes >= LAST_BYTES) break;
  }
  const last = times.at(-1) ?? 0;
  // The collector of garbage has more to do from some size on, which is one step; what grows too fast does so in the end too.
  const exponent = Math.min(slope(times, DOUBLINGS), slope(times, DOUBLINGS / 2));
  return { exponent, bytes, ms: last };
}

function slope(times: readonly number[], doublings: number): number {
  const [first = 0, last = 0] = [times.at(-1 - doublings), times.at(-1)];
  return Math.log2(Math.max(last, SHORT_MS) / Math.max(first, SHORT_MS)) / doublings;
}

async function cpuMs(target: ParserTarget, input: Buffer): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    try {
      await target.read(input);
    } catch (error) {
      const problem = judgeError(error);
      if (problem !== undefined) throw new Error(`${target.name}: ${problem}`);
    }
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
    if (least > 2000) break;
  }
  return least;
}
