import { qemuSupportedRequest } from '../commands/features/qemu-supported.ts';
import { type StubFeatures, supportedRequest } from '../commands/features/supported.ts';
import { GdbBusyError, GdbReplyError, GdbTimeoutError, GdbUnsupportedError } from '../errors.ts';
import type { GdbSession } from './session.ts';

/** What both questions of the handshake brought to light. @public */
export interface GdbFeatures extends StubFeatures {
  /** QEMU's extensions, e.g. `PhyMemMode`. */
  readonly qemu: ReadonlySet<string>;
  /** The stub can be made to read and write guest-physical memory. */
  readonly physicalMemoryMode: boolean;
}

/**
 * Finds out whether a stub is there and listens, and what it can do. Begins with `$` and nothing else: after another client's
 * unfinished business a leading ack would be answered with a reply that is not ours.
 *
 * @throws {@link GdbBusyError} (`ERR_GDB_BUSY`) if nothing comes; GdbProtocolError (`ERR_GDB_PROTOCOL`) if no stub;
 * GdbClosedError (`ERR_GDB_CLOSED`).
 * @internal
 */
export async function runHandshake(session: GdbSession, timeoutMs: number): Promise<GdbFeatures> {
  const features = await askFeatures(session, timeoutMs);
  session.open(features.packetSizeBytes);
  const qemu = await session.send({ ...qemuSupportedRequest(), timeoutMs });
  return { ...features, qemu, physicalMemoryMode: qemu.has('PhyMemMode') };
}

async function askFeatures(session: GdbSession, timeoutMs: number): Promise<StubFeatures> {
  const request = { ...supportedRequest(), timeoutMs };
  try {
    return await session.send(request);
  } catch (error) {
    if (error instanceof GdbTimeoutError && session.stats.bytesReceived === 0) {
      throw new GdbBusyError(timeoutMs, { endpoint: session.endpoint, cause: error });
    }
    // Half a packet that an earlier client left in the stub's parser, and ours behind it, pass the checksum together once in
    // 256 times. What is answered then is not our request.
    if (error instanceof GdbReplyError || error instanceof GdbUnsupportedError) return session.send(request);
    throw error;
  }
}
