/** `+` and `$`, `#` and two digits around each payload. */
const FRAMING_BYTES = 4;
const SKB_BYTES = 256;
const SHARED_INFO_BYTES = 320;
/** The most that the kernel puts behind a header in one piece; the rest goes to pages. */
const MAX_HEAD_BYTES = 3776;
const PAGE_BYTES = 4096;
const SMALLEST_WRITE = SKB_BYTES + 512;

/**
 * What Linux charges a unix socket's buffer for one write: the data with its headers, rounded up to what the allocator has. A
 * write that is longer than a page goes to pages, and keeps the smallest of headers.
 */
function chargeOf(writeBytes: number): number {
  if (writeBytes <= MAX_HEAD_BYTES) return SKB_BYTES + 2 ** Math.ceil(Math.log2(writeBytes + SHARED_INFO_BYTES));
  return SMALLEST_WRITE + PAGE_BYTES * Math.ceil((writeBytes - MAX_HEAD_BYTES) / PAGE_BYTES);
}

/**
 * What an unread reply takes of the socket buffer on QEMU's side: QEMU writes `+` and the packet separately.
 *
 * Measured on Linux 6.18 with the default buffer of 212 992 bytes and a client that reads nothing: QEMU blocks on the 140th reply
 * to an 8-byte read, the 105th of 200 bytes, the 71st of 500, the 43rd of 1000, the 39th of 2048; by this count a buffer holds
 * 138, 104, 69, 41 and 37.
 *
 * @internal
 */
export function socketBufferBytes(replyPayloadBytes: number): number {
  return SMALLEST_WRITE + chargeOf(replyPayloadBytes + FRAMING_BYTES);
}

/** Six sevenths of Linux's default buffer: 118 replies to 8-byte reads, 32 to 2048-byte ones. @internal */
export const DEFAULT_OUTSTANDING_BYTES = 182_564;
