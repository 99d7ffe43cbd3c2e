import { openSync, readFileSync } from 'node:fs';
import { parseHostAddress } from '../../../../protocols/qmp/index.ts';
import type { RemoteProcess } from '../../../../protocols/transport/internal.ts';
import { formatHex } from '../../../paging/index.ts';
import type { MemoryCause } from '../../causes/memory-cause.ts';
import type { MemoryAttempt } from '../../errors.ts';
import type { Monitor } from '../../monitor/monitor.ts';
import type { Peer, PeerProcess, RemotePeer } from '../../peer/peer.ts';
import { isStill } from '../../peer/process-identity.ts';
import type { MemoryMap, Region } from '../memory-map.ts';
import { descriptorBytes } from './descriptor-bytes.ts';
import { type HostBlock, type HostBytes, HostMemory, type RegionSource } from './host-memory.ts';
import { HostPlaces } from './host-places.ts';
import { type Mapping, mappingsOf, parseMappings, sharedFileOffset } from './mappings.ts';
import { openMappedFile } from './open-mapped-file.ts';
import { remoteBytes } from './remote-bytes.ts';

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
 * @param places - what QEMU has said before, and what it says now
 * @returns why nothing was found, where nothing was
 * @internal
 */
export async function openHostMemory(
  monitor: Pick<Monitor, 'hmp'>,
  map: MemoryMap,
  peer: Peer,
  places = new HostPlaces(),
): Promise<HostMemory | readonly MemoryAttempt[]> {
  if (peer.kind === 'unknown') return [{ provider: 'host-process', cause: peer.cause }];
  try {
    const [located, maps] = await Promise.all([
      locate(monitor, map, places),
      peer.kind === 'remote' ? peer.process.readMaps() : undefined,
    ]);
    if (located.length === 0) return [{ provider: 'host-process', cause: { code: 'places-unknown' } }];
    const opening = peer.kind === 'remote' ? new RemoteOpening(peer, maps ?? '') : new LocalOpening(peer);
    return opening.open(located, map, () => places.forget());
  } catch (error) {
    return [{ provider: 'host-process', cause: causeOf(error) }];
  }
}

function regionsHere(map: MemoryMap): readonly Region[] {
  return map.regions.filter(({ kind }) => kind === 'ram' || kind === 'rom').slice(0, MOST_REGIONS);
}

/** What QEMU's system view shows, at which `gpa2hva` looks: something else where SMRAM is. */
function isShown(region: Region): boolean {
  return region.onlyInSmm !== true;
}

/**
 * Asks where regions are, those that were not asked for before. `gpa2hva` looks at QEMU's own tables: it has no effect on the guest.
 *
 * @internal
 */
export async function askForPlaces(monitor: Pick<Monitor, 'hmp'>, map: MemoryMap, places: HostPlaces): Promise<void> {
  const asked = regionsHere(map).filter((region) => isShown(region) && places.addressOf(region) === undefined);
  const texts = await Promise.all(asked.map(({ first }) => monitor.hmp(`gpa2hva ${formatHex(first)}`)));
  asked.forEach((region, at) => {
    places.note(region, Number(parseHostAddress(texts[at] ?? '') ?? Number.NaN));
  });
}

async function locate(monitor: Pick<Monitor, 'hmp'>, map: MemoryMap, places: HostPlaces): Promise<readonly Located[]> {
  await askForPlaces(monitor, map, places);
  const regions = regionsHere(map);
  const blocks = new Map<string, { readonly base: number; readonly name: string; readonly regions: Region[] }>();
  for (const region of regions.filter(isShown)) {
    const address = places.addressOf(region) ?? Number.NaN;
    if (!Number.isSafeInteger(address)) continue;
    const base = address - Number(region.offset);
    const block = blocks.get(`${base} ${region.name}`) ?? { base, name: region.name, regions: [] };
    block.regions.push(region);
    blocks.set(`${base} ${region.name}`, block);
  }
  // SMRAM is known only by its name and offset.
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
abstract class Opening {
  readonly #attempts: MemoryAttempt[] = [];

  protected abstract readonly pid: number;
  /** `/proc/PID/maps`. */
  protected abstract readMappings(): string;
  protected abstract openFile(mapping: Mapping): HostBytes | undefined;
  protected abstract openMemory(): HostBytes | undefined;
  /** It is the program still that it was. */
  protected abstract isStill(): boolean;

  open(located: readonly Located[], map: MemoryMap, onForeign: () => void): HostMemory | readonly MemoryAttempt[] {
    const mappings = parseMappings(this.readMappings());
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
    const memory = new HostMemory(main?.kind ?? 'host-process', map, sources, attempts, onForeign);
    // What was opened belongs to the program that ran when it was opened: that must still be the one that was proven.
    if (main !== undefined && this.isStill()) return memory;
    memory[Symbol.dispose]();
    const cause = { code: 'program-changed', pid: this.pid } as const;
    return main === undefined ? attempts : [{ provider: 'host-process', cause }];
  }

  #sourceOf({ region, address, block }: Located, mappings: readonly Mapping[]): RegionSource | undefined {
    const found = mappingsOf(mappings, address, sizeOf(region));
    if (found === undefined) {
      this.note('host-process', { code: 'block-elsewhere', block: block.name });
      return undefined;
    }
    const offset = sharedFileOffset(found, address);
    const file = offset === undefined ? undefined : this.openFile(found[0]);
    if (offset !== undefined && file !== undefined) {
      return { kind: 'host-file', bytes: file, position: offset, block };
    }
    this.note('host-file', whyNoFile(block.name, found[0]));
    const memory = this.openMemory();
    return memory === undefined ? undefined : { kind: 'host-process', bytes: memory, position: address, block };
  }

  protected note(provider: MemoryAttempt['provider'], cause: MemoryCause): void {
    this.#attempts.push({ provider, cause });
  }
}

class LocalOpening extends Opening {
  readonly #peer: PeerProcess;
  readonly #files = new Map<string, HostBytes | undefined>();
  #memory: HostBytes | undefined;
  #memoryFailed = false;

  constructor(peer: PeerProcess) {
    super();
    this.#peer = peer;
  }

  protected override get pid(): number {
    return this.#peer.pid;
  }

  protected override readMappings(): string {
    return readFileSync(`/proc/${this.pid}/maps`, 'latin1');
  }

  protected override openFile(mapping: Mapping): HostBytes | undefined {
    const key = `${mapping.device} ${mapping.inode}`;
    if (!this.#files.has(key)) {
      const descriptor = openMappedFile(this.pid, mapping);
      this.#files.set(key, descriptor === undefined ? undefined : descriptorBytes(descriptor));
    }
    return this.#files.get(key);
  }

  protected override openMemory(): HostBytes | undefined {
    if (this.#memoryFailed) return undefined;
    try {
      this.#memory ??= descriptorBytes(openSync(`/proc/${this.pid}/mem`, 'r'));
    } catch (error) {
      this.#memoryFailed = true;
      this.note('host-process', causeOf(error));
    }
    return this.#memory;
  }

  protected override isStill(): boolean {
    return isStill(this.#peer.identity);
  }
}

/** A process of another host, on to which the helper there holds: a later program in its place has nothing to show. */
class RemoteOpening extends Opening {
  readonly #process: RemoteProcess;
  readonly #maps: string;
  readonly #memory: HostBytes;

  constructor({ process }: RemotePeer, maps: string) {
    super();
    this.#process = process;
    this.#maps = maps;
    this.#memory = remoteBytes(process);
  }

  protected override get pid(): number {
    return this.#process.pid;
  }

  protected override readMappings(): string {
    return this.#maps;
  }

  /** Its memory is as good, through the same helper. */
  protected override openFile(): undefined {
    return undefined;
  }

  protected override openMemory(): HostBytes | undefined {
    const { memoryProblem } = this.#process;
    if (memoryProblem === undefined) return this.#memory;
    this.note('host-process', { code: 'no-permission', message: memoryProblem });
    return undefined;
  }

  protected override isStill(): boolean {
    return true;
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
