import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import * as z from 'zod/mini';
import { isAlive, lifeOf, type ProcessLife, startTimeOf } from '../peer/process-life.ts';
import { removePrivateDirectory } from './private-directory.ts';
import { printOf } from './register-prints.ts';
import type { RestorePlan } from './restore-plan.ts';

const SUFFIX = '.journal';
/** Ends the name of one that is not whole yet: the one that it replaces still counts. */
const UNFINISHED = '.new';
/** An entry has a few hundred bytes, and a line is added for each pause. */
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;
/** A journal longer than this is begun anew, so that a client that pauses for days stays below the bound. */
const COMPACT_BYTES = 256 * 1024;
/** How often a directory may go while a file is made in it. */
const CREATE_TRIES = 10;

const lifeSchema = z.object({ pid: z.int().check(z.positive()), startTime: z.nullable(z.string()) });
const headSchema = z.object({
  version: z.literal(1),
  client: lifeSchema,
  /** ISO 8601. */
  since: z.string(),
  endpoint: z.string(),
  qemu: z.nullable(lifeSchema),
});
const planSchema = z.object({
  qmp: z.optional(z.string()),
  qmpFile: z.optional(z.string()),
  stub: z.optional(z.string()),
  stubFile: z.optional(z.string()),
  resume: z.optional(z.boolean()),
  registers: z.optional(z.record(z.string(), z.string())),
  ungreeted: z.optional(z.boolean()),
  ownStub: z.optional(z.boolean()),
  handed: z.optional(z.string().check(z.regex(/^pagewalk-[0-9a-f]{8}$/))),
  handedStub: z.optional(z.boolean()),
  directory: z.optional(
    z.object({ path: z.string(), room: z.string().check(z.regex(/^[\w-]+$/)), inQemu: z.optional(z.string()) }),
  ),
});

/** Who wrote a journal, and about which guest. @internal */
export type JournalHead = z.output<typeof headSchema>;

/** A journal whose client is dead. @internal */
export interface LeftJournal {
  readonly file: string;
  readonly head: JournalHead;
  readonly plan: RestorePlan;
}

/**
 * The directory for journals: of this user alone, where the next run finds it whatever its temporary folder is.
 *
 * @throws Error in words when there is none that is ours alone.
 */
function journalDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  const { XDG_RUNTIME_DIR: runtime = '' } = process.env;
  if (isAbsolute(runtime) && isOwn(runtime, uid)) return join(runtime, 'pagewalk');
  return uid === 0 ? '/run/pagewalk' : join(tmpdir(), `pagewalk-${uid}`);
}

function isOwn(path: string, uid: number): boolean {
  try {
    return lstatSync(path).uid === uid;
  } catch {
    return false;
  }
}

/** @throws Error in words, or the system's where there is none. */
function requireOwn(directory: string): void {
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0) {
    throw new Error(`${directory} is not a directory of this user alone`);
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** Makes a file, and its directory where that is not there. @throws as {@link requireOwn} */
function createFile(file: string): number {
  const directory = dirname(file);
  for (let tries = CREATE_TRIES; ; tries -= 1) {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    try {
      requireOwn(directory);
      return openSync(file, 'wx', 0o600);
    } catch (error) {
      // Another client's last journal has just taken the directory with it.
      if (!isCode(error, 'ENOENT') || tries <= 1) throw error;
    }
  }
}

/**
 * What has to be put back, on disk: for the case that the client and its watchdog are both killed. It is written before each
 * thing is done, and gone when nothing is left to put back. Losing power loses the guest too, so nothing is flushed.
 *
 * @internal
 */
export class Journal {
  static #count = 0;
  readonly file: string;
  readonly #head: JournalHead;
  #descriptor: number;
  #bytes = 0;

  private constructor(file: string, head: JournalHead) {
    this.file = file;
    this.#head = head;
    this.#descriptor = createFile(file);
    this.#append(head);
  }

  /**
   * Where the next one will be: nothing is made yet, so that the watchdog can know of it first.
   *
   * @param endpoint - by which the guest is reached, in canonical form
   * @throws Error in words when the directory is there, and not this user's alone.
   */
  static place(endpoint: string): string {
    Journal.#count += 1;
    const name = printOf(endpoint);
    const directory = journalDirectory();
    try {
      requireOwn(directory);
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
    }
    return join(directory, `${name}-${process.pid}-${Journal.#count}${SUFFIX}`);
  }

  /**
   * @param file - of {@link Journal.place}
   * @param endpoint - as there
   * @param qemu - the process, where it is proven
   * @throws Error in words, or the system's, when none can be kept.
   */
  static begin(file: string, endpoint: string, qemu: ProcessLife | null): Journal {
    return new Journal(file, {
      version: 1,
      client: lifeOf(process.pid),
      since: new Date().toISOString(),
      endpoint,
      qemu,
    });
  }

  /** The last line counts. */
  write({ journal, ...plan }: RestorePlan): void {
    if (this.#bytes > COMPACT_BYTES) this.#beginAnew(plan);
    else this.#append(plan);
  }

  /** Nothing is left to put back. */
  end(): void {
    closeSync(this.#descriptor);
    removeJournal(this.file);
  }

  /** It is another's business from now on: the file stays. */
  leave(): void {
    closeSync(this.#descriptor);
  }

  #append(value: unknown): void {
    this.#bytes += writeSync(this.#descriptor, `${JSON.stringify(value)}\n`);
  }

  /** The new one is whole before it takes the old one's place. */
  #beginAnew(plan: RestorePlan): void {
    const next = `${this.file}${UNFINISHED}`;
    const descriptor = openSync(next, 'wx', 0o600);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#bytes = 0;
    this.#append(this.#head);
    this.#append(plan);
    renameSync(next, this.file);
  }
}

/** @internal */
export function removeJournal(file: string): void {
  // One that was begun anew when its client was killed is there twice. The last one takes the directory with it.
  for (const remove of [
    () => unlinkSync(file),
    () => unlinkSync(`${file}${UNFINISHED}`),
    () => rmdirSync(dirname(file)),
  ]) {
    try {
      remove();
    } catch {
      // It is gone, or others are there.
    }
  }
}

/** Adds what is still to be put back, to a journal that was claimed. @internal */
export function noteLeft(file: string, { journal, ...plan }: RestorePlan): void {
  const descriptor = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    writeSync(descriptor, `${JSON.stringify(plan)}\n`);
  } finally {
    closeSync(descriptor);
  }
}

/** What a guest is known by. @internal */
export interface JournalOf {
  readonly endpoint: string;
  readonly qemu: ProcessLife | null;
}

/**
 * The journals of dead clients about one guest. Those about guests that are gone are removed on the way, with what lies on this host.
 *
 * @internal
 */
export function findLeftJournals(guest: JournalOf): LeftJournal[] {
  let names: string[];
  let directory: string;
  try {
    directory = journalDirectory();
    names = readdirSync(directory).filter((name) => name.includes(SUFFIX));
    if (names.length > 0) requireOwn(directory);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const file = join(directory, name);
    const left = readJournal(file);
    if (left === undefined || isAlive(left.head.client) || isClaimedByOthers(name)) return [];
    const { qemu } = left.head;
    const isGone = qemu !== null && !isAlive(qemu);
    if (name.endsWith(UNFINISHED) || isGone) {
      if (isGone && left.plan.directory !== undefined) removePrivateDirectory(left.plan.directory);
      removeJournal(file);
      return [];
    }
    return isAbout(left.head, guest) ? [left] : [];
  });
}

function isAbout(head: JournalHead, { endpoint, qemu }: JournalOf): boolean {
  if (head.qemu !== null && qemu !== null) {
    return head.qemu.pid === qemu.pid && head.qemu.startTime === qemu.startTime;
  }
  return head.endpoint === endpoint;
}

/** A process that claims a journal puts its id behind the name, and may die over it like the first. */
function isClaimedByOthers(name: string): boolean {
  const pid = Number(name.slice(name.indexOf(SUFFIX) + SUFFIX.length + 1));
  return Number.isInteger(pid) && pid > 0 && pid !== process.pid && isAlive({ pid, startTime: startTimeOf(pid) });
}

/**
 * Makes a left journal this process's business alone.
 *
 * @returns the journal under its new name; undefined when another process was faster
 * @internal
 */
export function claimJournal(left: LeftJournal): LeftJournal | undefined {
  const file = `${left.file.slice(0, left.file.indexOf(SUFFIX))}${SUFFIX}.${process.pid}`;
  try {
    renameSync(left.file, file);
    return { ...left, file };
  } catch {
    return undefined;
  }
}

/** Undefined for what is no journal of ours. A last line that was cut short does not count: what it announces was not done. */
function readJournal(file: string): LeftJournal | undefined {
  try {
    const lines = readOwnFile(file).split('\n').slice(0, -1);
    const [first = '', ...rest] = lines;
    const head = headSchema.parse(JSON.parse(first));
    const last = rest.at(-1);
    const plan = last === undefined ? {} : planSchema.parse(JSON.parse(last));
    return { file, head, plan: plan as RestorePlan };
  } catch {
    return undefined;
  }
}

function readOwnFile(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.uid !== process.getuid?.() || stat.size > MAX_JOURNAL_BYTES)
      throw new Error('no journal');
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, stat.size, 0));
  } finally {
    closeSync(descriptor);
  }
}
