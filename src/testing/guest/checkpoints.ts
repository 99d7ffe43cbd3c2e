import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { QmpClient } from '../../../protocols/qmp/index.ts';
import { CheckpointError } from '../errors.ts';

/** A moment of a guest that it can be put back to. @public */
export interface Checkpoint {
  /** The name of the snapshot in the guest's own file. */
  readonly tag: string;
}

const FILE_NODE = 'pagewalk-file';
const NODE = 'pagewalk-checkpoints';
/** Of the disk in the image, which has none: what a checkpoint holds lies beside it. */
const DISK_BYTES = 1024 * 1024;
/** A guest of gigabytes is saved in seconds; a machine may be slow. */
const JOB_TIMEOUT_MS = 300_000;
const POLL_MS = 5;

const jobsSchema = z.array(z.object({ id: z.string(), status: z.string(), error: z.optional(z.string()) }));
const blocksSchema = z.array(
  z.object({ inserted: z.optional(z.object({ ro: z.boolean(), 'node-name': z.optional(z.string()) })) }),
);

/**
 * Moments of a guest in a qcow2 of its own, in the guest's directory: made by QEMU itself when the first is taken, and gone with the
 * guest. A moment has RAM, vCPUs and devices; disks only where their format has snapshots, and QEMU refuses others.
 *
 * @internal
 */
export class Checkpoints {
  readonly #qmp: QmpClient;
  readonly #directory: string;
  readonly #tags = new Set<string>();
  readonly #prefix = `pagewalk-${randomBytes(4).toString('base64url')}`;
  #file: Promise<void> | undefined;
  #jobs = 0;

  constructor(qmp: QmpClient, directory: string) {
    this.#qmp = qmp;
    this.#directory = directory;
  }

  /** Saves the guest, which is paused for it by the caller. @throws CheckpointError `ERR_TESTING_CHECKPOINT`. */
  async save(): Promise<Checkpoint> {
    this.#file ??= this.#makeFile();
    await this.#file;
    const tag = `${this.#prefix}-${this.#tags.size + 1}`;
    await this.#run('snapshot-save', { tag, vmstate: NODE, devices: await this.#nodes() });
    this.#tags.add(tag);
    return { tag };
  }

  /** @throws CheckpointError `ERR_TESTING_CHECKPOINT` for what was not taken of this guest. */
  require(checkpoint: Checkpoint | undefined): void {
    const tag = checkpoint?.tag ?? String(checkpoint);
    if (this.#tags.has(tag)) return;
    throw new CheckpointError(`the checkpoint ${JSON.stringify(tag)} was not taken of this guest`);
  }

  /** Puts the guest back, which is paused for it by the caller. @throws CheckpointError `ERR_TESTING_CHECKPOINT`. */
  async load(checkpoint: Checkpoint): Promise<void> {
    this.require(checkpoint);
    const { tag } = checkpoint;
    await this.#run('snapshot-load', { tag, vmstate: NODE, devices: await this.#nodes() });
  }

  async #makeFile(): Promise<void> {
    const filename = join(this.#directory, 'checkpoints.qcow2');
    await this.#run('blockdev-create', { options: { driver: 'file', filename, size: 0 } });
    await this.#qmp.execute('blockdev-add', { driver: 'file', 'node-name': FILE_NODE, filename });
    await this.#run('blockdev-create', { options: { driver: 'qcow2', file: FILE_NODE, size: DISK_BYTES } });
    await this.#qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': NODE, file: FILE_NODE });
  }

  /** What the guest can write to belongs to its moment. */
  async #nodes(): Promise<string[]> {
    const blocks = await this.#qmp.execute('query-block', undefined, { schema: blocksSchema });
    const written = blocks.flatMap(({ inserted }) => {
      const name = inserted?.['node-name'];
      return inserted === undefined || inserted.ro || name === undefined ? [] : [name];
    });
    return [NODE, ...written.filter((name) => name !== NODE)];
  }

  /** A job blocks QEMU's monitor while it saves or loads, so its end is asked for. */
  async #run(command: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    this.#jobs += 1;
    const id = `${this.#prefix}-job${this.#jobs}`;
    const limits = { timeoutMs: JOB_TIMEOUT_MS };
    try {
      await this.#qmp.execute(command, { 'job-id': id, ...args }, limits);
      for (const deadline = Date.now() + JOB_TIMEOUT_MS; Date.now() < deadline; await delay(POLL_MS)) {
        const jobs = await this.#qmp.execute('query-jobs', undefined, { schema: jobsSchema, ...limits });
        const job = jobs.find((each) => each.id === id);
        if (job?.status !== 'concluded') continue;
        await this.#qmp.execute('job-dismiss', { id }, limits);
        if (job.error !== undefined) throw new CheckpointError(`QEMU's ${command} failed: ${job.error}`);
        return;
      }
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CheckpointError(`QEMU did not take ${command}: ${why}`, { cause });
    }
    throw new CheckpointError(`QEMU's ${command} did not end in ${JOB_TIMEOUT_MS} ms`);
  }
}
