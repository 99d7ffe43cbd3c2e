import { closeSync, openSync, readSync } from 'node:fs';

/**
 * Bytes that none guesses, for names. From the kernel itself: node:crypto takes 6 ms to load, half as long as a guest is paused for an answer.
 *
 * @throws the system's error where there is no /dev/urandom.
 * @internal
 */
export function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const descriptor = openSync('/dev/urandom', 'r');
  try {
    // The kernel gives 256 bytes at once, and no fewer than were asked for (urandom(4)).
    if (readSync(descriptor, bytes) !== count)
      throw new RangeError(`/dev/urandom does not give ${count} bytes at once`);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** The same as 8 hexadecimal digits. @internal */
export function randomDigits(): string {
  return randomBytes(4).toString('hex');
}
