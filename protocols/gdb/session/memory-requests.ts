import { MAX_READ_BYTES, ReadMemoryRequest } from '../commands/memory/read-memory.ts';
import { GdbArgumentError } from '../errors.ts';
import { formatHex } from '../hex.ts';

/** A piece of memory to read. @public */
export interface MemoryPiece {
  readonly address: number | bigint;
  readonly lengthBytes: number;
}

/** Many blocks of one size. @public */
export interface BlockReads {
  readonly addresses: ArrayLike<number> | readonly bigint[];
  readonly blockBytes: number;
  /** At least as long as all blocks together. */
  readonly target: Uint8Array;
}

const ADDRESS_LIMIT = 1n << 64n;

/** The packets that read each piece into its own target. @throws {@link GdbArgumentError}. @internal */
export function makePieceReads(pieces: readonly MemoryPiece[], targets: readonly Uint8Array[]): ReadMemoryRequest[] {
  const requests: ReadMemoryRequest[] = [];
  for (const [index, { address, lengthBytes }] of pieces.entries()) {
    addReads(requests, address, lengthBytes, targets[index] as Uint8Array, 0);
  }
  return requests;
}

/** The packets that read blocks of one size into one target. @throws {@link GdbArgumentError}. @internal */
export function makeBlockReads({ addresses, blockBytes, target }: BlockReads): ReadMemoryRequest[] {
  if (addresses.length * blockBytes > target.length) {
    throw new GdbArgumentError(`${addresses.length} blocks of ${blockBytes} bytes do not fit ${target.length} bytes`);
  }
  const requests: ReadMemoryRequest[] = [];
  for (let index = 0; index < addresses.length; index++) {
    addReads(requests, addresses[index] as number | bigint, blockBytes, target, index * blockBytes);
  }
  return requests;
}

/** Checks that a range lies within 2^64: QEMU would go on at address 0. @throws {@link GdbArgumentError}. @internal */
export function requireRange(address: number | bigint, lengthBytes: number): void {
  if (!(Number.isSafeInteger(lengthBytes) && lengthBytes >= 0)) {
    throw new GdbArgumentError(`not a length in bytes: ${lengthBytes}`);
  }
  if (typeof address === 'number' && address >= 0 && Number.isSafeInteger(address + lengthBytes)) return;
  if (typeof address === 'number' || address < 0n || address + BigInt(lengthBytes) > ADDRESS_LIMIT) {
    const shown = typeof address === 'number' ? String(address) : `0x${formatHex(address)}`;
    throw new GdbArgumentError(`not a range of 64-bit addresses: ${lengthBytes} bytes at ${shown}`);
  }
}

function addReads(
  requests: ReadMemoryRequest[],
  address: number | bigint,
  lengthBytes: number,
  target: Uint8Array,
  targetOffset: number,
): void {
  requireRange(address, lengthBytes);
  for (let done = 0; done < lengthBytes; done += MAX_READ_BYTES) {
    const at = typeof address === 'bigint' ? address + BigInt(done) : address + done;
    requests.push(new ReadMemoryRequest(at, Math.min(MAX_READ_BYTES, lengthBytes - done), target, targetOffset + done));
  }
}
