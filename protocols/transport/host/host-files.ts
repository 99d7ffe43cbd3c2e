import * as z from 'zod/mini';
import type { ConnectOptions } from '../connect-options.ts';
import type { HostFiles } from '../connection.ts';
import { ConnectError } from '../errors.ts';
import { begun } from '../waiting/begun.ts';
import { HostAgent } from './host-agent.ts';

/** Of one answer: what thousands of processes say of themselves. */
const MAX_BYTES = 64 * 1024 * 1024;

const failedSchema = z.object({ errno: z.nullable(z.int()) });
const textsSchema = z.array(z.union([z.string(), failedSchema]));
const openedSchema = z.array(z.union([z.array(z.tuple([z.int(), z.string()])), failedSchema]));
const socketsSchema = z.array(z.union([z.nullable(z.string()), failedSchema]));
const pairsSchema = z.array(z.tuple([z.int(), z.int()]));
const numbersSchema = z.array(z.int());

const EACCES = 13;
const EPERM = 1;

/**
 * Starts a helper that looks at the host it runs on.
 *
 * @throws ConnectError
 * @internal
 */
export async function lookAtHost(command: string, options: ConnectOptions): Promise<HostFiles> {
  const { timeoutMs, signal } = options;
  const fail = (code: 'TIMEOUT' | 'ABORTED' | 'HOST', problem: string, cause?: unknown): ConnectError =>
    new ConnectError(
      `ERR_TRANSPORT_${code}`,
      `host:[${command}]`,
      problem,
      cause === undefined ? undefined : { cause },
    );
  const agent = new HostAgent(command);
  await begun(agent, agent.begin(), options, {
    late: () => fail('TIMEOUT', `the helper there did not answer within ${timeoutMs} ms`),
    abandoned: () => fail('ABORTED', 'the attempt was abandoned', signal?.reason),
    failed: (error) => (error instanceof ConnectError ? error : fail('HOST', error.message, error)),
  });
  const ask = async <T>(schema: z.ZodMiniType<T>, op: string, of: readonly unknown[] = []): Promise<T> => {
    try {
      return schema.parse(JSON.parse((await agent.ask(op, { of }, MAX_BYTES)).data.toString()));
    } catch (error) {
      throw fail('HOST', `the helper there did not say what was asked (${op}): ${(error as Error).message}`, error);
    }
  };
  return {
    processes: () => ask(numbersSchema, 'processes'),
    texts: async (paths) => (await ask(textsSchema, 'texts', paths)).map(textOf),
    links: async (paths) => (await ask(textsSchema, 'links', paths)).map((each) => textOf(each) ?? undefined),
    opened: async (pids) =>
      (await ask(openedSchema, 'opened', pids)).map((each) => ('errno' in each ? undefined : each)),
    sockets: async (paths) =>
      (await ask(socketsSchema, 'sockets', paths)).map((each) => (typeof each === 'string' ? each : undefined)),
    sharers: async (inodes) => new Map(await ask(pairsSchema, 'sharers', inodes)),
    otherEnds: () => ask(z.string(), 'ends'),
    close: () => agent.close(),
  };
}

/** Null where it may not be read. */
function textOf(answer: string | z.output<typeof failedSchema>): string | null | undefined {
  if (typeof answer === 'string') return answer;
  return answer.errno === EACCES || answer.errno === EPERM ? null : undefined;
}
