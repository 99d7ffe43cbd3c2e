import { type DescriptionPiece, readDescriptionRequest } from '../commands/registers/read-description.ts';
import { GdbReplyError, GdbTargetDescriptionError } from '../errors.ts';
import { replyText } from '../packets/reply.ts';
import type { GdbSession } from './session.ts';

// QEMU caps a piece at 2045 bytes; asking for less than that makes the offsets of the following pieces predictable.
const PIECE_BYTES = 2000;
// The register files are 8 KiB: mostly one round trip.
const PIECES_PER_FLIGHT = 5;
const MAX_ANNEX_BYTES = 1024 * 1024;
/** A stub that gives a few bytes at a time would keep us for as long as it likes. */
const MAX_FLIGHTS = 256;

/**
 * Reads one file of the target description, several pieces at once.
 *
 * @throws GdbTargetDescriptionError (`ERR_GDB_TARGET_DESCRIPTION`), GdbReplyError (`ERR_GDB_REPLY`) if there is no such file,
 * GdbUnsupportedError (`ERR_GDB_UNSUPPORTED`).
 * @internal
 */
export async function readAnnex(session: GdbSession, annex: string): Promise<string> {
  let text = '';
  for (let flight = 0; flight < MAX_FLIGHTS; flight++) {
    const start = text.length;
    for (const [index, piece] of (await readFlight(session, annex, start)).entries()) {
      // A stub may give less than was asked for; then the pieces behind do not join, and are asked for again.
      if (text.length !== start + index * PIECE_BYTES) break;
      if (piece instanceof GdbReplyError) throw piece;
      text += replyText(piece.bytes);
      if (text.length > MAX_ANNEX_BYTES) {
        throw new GdbTargetDescriptionError(annex, `longer than ${MAX_ANNEX_BYTES} bytes`, session);
      }
      if (piece.isLast) return text;
    }
    if (text.length === start) throw new GdbTargetDescriptionError(annex, 'the stub gives empty pieces of it', session);
  }
  throw new GdbTargetDescriptionError(annex, `not whole after ${MAX_FLIGHTS} round trips`, session);
}

/** A piece behind the end is refused, which is no error unless that piece turns out to be needed. */
function readFlight(session: GdbSession, annex: string, start: number): Promise<(DescriptionPiece | GdbReplyError)[]> {
  const pieces = Array.from({ length: PIECES_PER_FLIGHT }, async (_, index) => {
    try {
      return await session.send(readDescriptionRequest(annex, start + index * PIECE_BYTES, PIECE_BYTES));
    } catch (error) {
      if (error instanceof GdbReplyError) return error;
      throw error;
    }
  });
  return Promise.all(pieces);
}
