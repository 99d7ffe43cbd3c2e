import { openSync, readFileSync } from 'node:fs';
import { parseHostAddress } from '../../../../protocols/qmp/index.ts';
import { formatHex } from '../../../paging/index.ts';
import type { MemoryCause } from '../../causes/memory-cause.ts';
import type { MemoryAttempt } from '../../errors.ts';
import type { Monitor } from '../../monitor/monitor.ts';
import type { Peer, PeerProcess } from '../../peer/peer.ts';
import { isStill } from '../../peer/process-identity.ts';
import type { MemoryMap, Region } from '../memory-map.ts';
import { type HostBlock, HostMemory, type RegionSource } from './host-memory.ts';
import { type Mapping, mappingsOf, parseMappings, sharedFileOffset } from './mappings.ts';
import { openMappedFile } from './open-mapped-file.ts';

/** A machine has some dozen; what is beyond is read in the slow way. */
const MOST_REGIONS = 1024;

/** A region, and where QEMU says that it is in its own memory. */
interface Located {
  readonly region: Region;
  readonly address: number;
  readonly block: HostBlock;
}

/**
 * Looks for guest memory on this host. QEMU says where each region is in its memory, by the region's address in the guest: names
 * of regions can be equal, addresses cannot. Everything else is the kernel's word on the one process that was proven to be QEMU:
 * what is mapped there, which file lies behind, whether QEMU shares it. Nothing is opened because the peer named it.
 *
 * @param peer - the only process that is looked into
 * @returns why nothing was found, where nothing was
 * @internal
 */
export async function openHostMemory(
  monitor: Pick<Monitor, 'hmp'>,
  map: MemoryMap,
  peer: Peer,
): Promise<HostMemory | readonly MemoryAttempt[]> {
  if (peer.kind === 'unknown') return [{ provider: 'host-process', cause: peer.cause }];
  const located = await locate(monitor, map);
  if (located.length === 0) return [{ provider: 'host-process', cause: { code: 'places-unknown' } }];
  const opening = new Opening(peer);
  try {
    return opening.open(located, map);
  } catch (error) {
    return [{ provider: 'host-process', cause: causeOf(error) }];
  }
}

/** `gpa2hva` looks at QEMU's own tables: it has no effect on the guest. */
async function locate(monitor: Pick<Monitor, 'hmp'>, map: MemoryMap): Promise<readonly Located[]> {
  const regions = map.regions.filter(({ kind }) => kind === 'ram' || kind === 'rom').slice(0, MOST_REGIONS);
  const asked = regions.filter((region) => region.onlyInSmm !== true);
  const texts = await Promise.all(asked.map(({ first }) => monitor.hmp(`gpa2hva ${formatHex(first)}`)));
  const blocks = new Map<string, { readonly base: number; readonly name: string; readonly regions: Region[] }>();
  asked.forEach((region, at) => {
    const address = Number(parseHostAddress(texts[at] ?? '') ?? Number.NaN);
    if (!Number.isSafeInteger(address)) return;
    const base = address - Number(region.offset);
    const block = blocks.get(`${base} ${region.name}`) ?? { base, name: region.name, regions: [] };
    block.regions.push(region);
    blocks.set(`${base} ${region.name}`, block);
  });
  // QEMU looks at the system's view, which has something else where SMRAM is: that is known only by its name and offset.
  for (const region of regions.filter(({ onlyInSmm }) => onlyInSmm)) {
    const [block, another] = [...blocks.values()].filter(({ name }) => name === region.name);
    if (another === undefined) block?.regions.push(region);
  }
  return [...blocks.values()].flatMap(({ base, name, regions: parts }) => {
    const block: HostBlock = { name, regions: parts, verdict: 'open' };
    return parts.map((region) => ({ region, block, address: base + Number(region.offset) }));
  });
}

/** One look into the process, which is over before the event loop turns: what was opened is of one moment. */
class Opening {
  readonly #peer: PeerProcess;
  readonly #files = new Map<string, number | undefined>();
  readonly #attempts: MemoryAttempt[] = [];
  #memory: number | undefined;
  #memoryFailed = false;

  constructor(peer: PeerProcess) {
    this.#peer = peer;
  }

  open(located: readonly Located[], map: MemoryMap): HostMemory | readonly MemoryAttempt[] {
    const { pid, identity } = this.#peer;
    const mappings = parseMappings(readFileSync(`/proc/${pid}/maps`, 'latin1'));
    // The largest first: what is said of how memory is read is said of it.
    const bySize = [...located].sort((one, other) => sizeOf(other.region) - sizeOf(one.region));
    const sources = new Map<Region, RegionSource>();
    for (const part of bySize) {
      const source = this.#sourceOf(part, mappings);
      if (source !== undefined) sources.set(part.region, source);
    }
    const [main] = sources.values();
    // That ROM is no file is no news where RAM is one.
    const attempts = distinct(this.#attempts).filter(
      ({ provider }) => !(provider === 'host-file' && main?.kind === 'host-file'),
    );
    const memory = new HostMemory(main?.kind ?? 'host-process', map, sources, attempts);
    // What was opened belongs to the program that ran when it was opened: that must still be the one that was proven.
    if (main !== undefined && isStill(identity)) return memory;
    memory[Symbol.dispose]();
    return main === undefined ? attempts : [{ provider: 'host-process', cause: { code: 'program-changed', pid } }];
  }

  #sourceOf({ region, address, block }: Located, mappings: readonly Mapping[]): RegionSource | undefined {
    const { pid } = this.#peer;
    const found = mappingsOf(mappings, address, sizeOf(region));
    if (found === undefined) {
      this.#note('host-process', { code: 'block-elsewhere', block: block.name });
      return undefined;
    }
    const offset = sharedFileOffset(found, address);
    const file = offset === undefined ? undefined : this.#openFile(found[0]);
    if (offset !== undefined && file !== undefined) {
      return { kind: 'host-file', descriptor: file, position: offset, block };
    }
    this.#note('host-file', whyNoFile(block.name, found[0]));
    const memory = this.#openMemory(pid);
    return memory === undefined ? undefined : { kind: 'host-process', descriptor: memory, position: address, block };
  }

  #openFile(mapping: Mapping): number | undefined {
    const key = `${mapping.device} ${mapping.inode}`;
    if (!this.#files.has(key)) this.#files.set(key, openMappedFile(this.#peer.pid, mapping));
    return this.#files.get(key);
  }

  #openMemory(pid: number): number | undefined {
    if (this.#memoryFailed) return undefined;
    try {
      this.#memory ??= openSync(`/proc/${pid}/mem`, 'r');
    } catch (error) {
      this.#memoryFailed = true;
      this.#note('host-process', causeOf(error));
    }
    return this.#memory;
  }

  #note(provider: MemoryAttempt['provider'], cause: MemoryCause): void {
    this.#attempts.push({ provider, cause });
  }
}

/** The first of each way, and that is of the largest region. */
function distinct(attempts: readonly MemoryAttempt[]): MemoryAttempt[] {
  return attempts.filter((attempt, at) => attempts.findIndex(({ provider }) => provider === attempt.provider) === at);
}

function whyNoFile(block: string, { isShared, inode }: Mapping): MemoryCause {
  if (inode === 0n) return { code: 'no-file', block };
  return { code: isShared ? 'file-unreachable' : 'private-file', block };
}

function sizeOf({ first, last }: Region): number {
  return Number(last - first) + 1;
}

function causeOf(error: unknown): MemoryCause {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code === 'EACCES' || code === 'EPERM' ? 'no-permission' : 'unreadable', message };
}
