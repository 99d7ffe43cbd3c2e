import * as z from 'zod/mini';
import type { RemotePiece, RemoteProcess } from '../connection.ts';
import type { AgentAnswer, HostAgent } from './host-agent.ts';

const holderSchema = z.looseObject({
  pid: z.int().check(z.positive()),
  uid: z.int().check(z.nonnegative()),
  problem: z.nullable(z.string()),
  maps: z.int(),
  memory: z.nullable(z.int()),
});

const MAX_MAPS_BYTES = 16 * 1024 * 1024;
/** In one question, so that an answer never is much of a helper's memory. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_PIECES = 4096;

/**
 * Finds the one QEMU of the agent's host that has a socket which the agent handed over.
 *
 * @throws Error in words
 * @internal
 */
export async function holderOf(agent: HostAgent, inode: number): Promise<RemoteProcess> {
  return processOf(agent, await agent.ask('holder', { inode }));
}

/**
 * Finds the QEMU that has connected to a socket of the agent's.
 *
 * @param listening - as the agent knows it
 * @throws Error in words
 * @internal
 */
export async function arrivedAt(agent: HostAgent, listening: number): Promise<RemoteProcess> {
  return processOf(agent, await agent.ask('arrived', { kept: listening }));
}

function processOf(agent: HostAgent, answer: AgentAnswer): RemoteProcess {
  const { pid, uid, problem, maps, memory } = holderSchema.parse(answer);
  return {
    pid,
    uid,
    memoryProblem: problem ?? undefined,
    readMaps: async () => (await agent.ask('maps', { kept: maps }, MAX_MAPS_BYTES)).data.toString('latin1'),
    readMemory: async (pieces) => {
      // All are on their way before the first is back.
      await Promise.all([...batches(pieces)].map((batch) => readBatch(agent, memory ?? 0, batch)));
    },
  };
}

async function readBatch(agent: HostAgent, memory: number, pieces: readonly RemotePiece[]): Promise<void> {
  const wantedBytes = pieces.reduce((sum, { target }) => sum + target.length, 0);
  const at = pieces.map(({ position, target }) => [position, target.length]);
  const { data } = await agent.ask('memory', { kept: memory, at }, wantedBytes);
  if (data.length !== wantedBytes) throw new Error(`${data.length} of ${wantedBytes} bytes came`);
  let start = 0;
  for (const { target } of pieces) {
    target.set(data.subarray(start, start + target.length));
    start += target.length;
  }
}

function* batches(pieces: readonly RemotePiece[]): Generator<readonly RemotePiece[]> {
  let batch: RemotePiece[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (batch.length > 0 && (batch.length === MOST_PIECES || bytes + piece.target.length > MOST_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(piece);
    bytes += piece.target.length;
  }
  if (batch.length > 0) yield batch;
}
