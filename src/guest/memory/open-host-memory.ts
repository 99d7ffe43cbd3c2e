import { basename } from 'node:path';
import { parseHostAddress } from '../../../protocols/qmp/index.ts';
import { formatHex } from '../../paging/index.ts';
import type { MemoryAttempt } from '../errors.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { Peer } from '../peer/peer.ts';
import { isStill } from '../peer/process-identity.ts';
import { HostDescriptorMemory, type HostMemory } from './host-memory.ts';
import type { MemoryMap, Region } from './memory-map.ts';

/** What came of looking for guest memory on this host. @internal */
export interface HostMemorySearch {
  readonly memory: HostMemory | undefined;
  readonly attempts: readonly MemoryAttempt[];
}

/** Answers whether bytes read here are the guest's: compares them with what another way shows. @internal */
export type VerifyMemory = (memory: HostMemory) => Promise<string | undefined>;

/**
 * Looks for guest memory on this host, best way first, and trusts what it finds only after comparing.
 *
 * @param peer - the only process that may be looked into
 * @param verify - gives a reason when the bytes are not the guest's
 * @internal
 */
export async function openHostMemory(
  monitor: Monitor,
  map: MemoryMap,
  peer: Peer,
  verify: VerifyMemory,
): Promise<HostMemorySearch> {
  const attempts: MemoryAttempt[] = [];
  for (const [provider, open] of [
    ['host-file', () => openBackingFile(monitor, map)],
    ['host-process', () => openProcess(monitor, map, peer)],
  ] as const) {
    const found = await open().catch((error: unknown) => describe(error));
    const reason = typeof found === 'string' ? found : await verify(found).catch((error: unknown) => describe(error));
    if (typeof found !== 'string' && reason === undefined) return { memory: found, attempts };
    if (typeof found !== 'string') found[Symbol.dispose]();
    attempts.push({ provider, reason: reason ?? 'unknown' });
  }
  return { memory: undefined, attempts };
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return `no permission (${message}): reading it takes the same user as QEMU and a permissive kernel.yama.ptrace_scope, or CAP_SYS_PTRACE`;
  }
  return message;
}

/** The RAM of the machine may be a file that QEMU shares: with `share=on` the file is the guest's memory. */
async function openBackingFile(monitor: Monitor, map: MemoryMap): Promise<HostMemory | string> {
  const backend = await monitor.qomGet('/machine', 'memory-backend');
  if (typeof backend !== 'string' || backend === '') return 'QEMU names no memory backend';
  const [path, share] = await Promise.all([monitor.qomGet(backend, 'mem-path'), monitor.qomGet(backend, 'share')]);
  if (typeof path !== 'string') return `${backend} is not a file`;
  if (share !== true) return `${backend} is not shared (share=off): ${path} is not what the guest sees`;
  const block = basename(backend);
  const offsetOf = ({ name, offset }: Region): number | undefined => (name === block ? Number(offset) : undefined);
  return new HostDescriptorMemory('host-file', path, map, offsetOf);
}

/** `gpa2hva` looks at QEMU's own tables: it has no effect on the guest. */
async function hostAddressOf(monitor: Monitor, region: Region): Promise<number | undefined> {
  const text = await monitor.hmp(`gpa2hva ${formatHex(region.first)}`);
  const address = parseHostAddress(text);
  return address === undefined ? undefined : Number(address);
}

async function openProcess(monitor: Monitor, map: MemoryMap, peer: Peer): Promise<HostMemory | string> {
  if (peer.kind === 'unknown') return peer.reason;
  // One block of RAM is one piece of the process's memory, however many ranges of addresses show parts of it.
  const blocks = new Map<string, number>();
  for (const region of map.regions) {
    if ((region.kind !== 'ram' && region.kind !== 'rom') || blocks.has(region.name)) continue;
    const address = await hostAddressOf(monitor, region);
    if (address !== undefined) blocks.set(region.name, address - Number(region.offset));
  }
  const offsetOf = ({ name, offset, kind }: Region): number | undefined => {
    const block = kind === 'ram' || kind === 'rom' ? blocks.get(name) : undefined;
    return block === undefined ? undefined : block + Number(offset);
  };
  const memory = new HostDescriptorMemory('host-process', `/proc/${peer.pid}/mem`, map, offsetOf);
  // What was opened belongs to the program that ran when it was opened: that must still be the one that was proven.
  if (isStill(peer.identity)) return memory;
  memory[Symbol.dispose]();
  return `process ${peer.pid} is not the program any more that it was when we attached`;
}
