const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
/** The root, and a table of each level below it: all entries of one lead to the next. */
const ROOT_PAGE = 1;
const LAST_TABLE_PAGE = 4;

const PRESENT_WRITABLE = 0x3;
const USER = 0x4;
const ROOT_ENTRIES_OF_USERS = 256;

/**
 * Memory in which every linear address is mapped, by four tables, to one page: those of the lower half for users. Neither accessed
 * nor dirty is set, and what is written stays.
 *
 * @internal
 */
export class ScriptedMemory {
  readonly #written = new Map<number, number>();

  read(address: number, lengthBytes: number): Buffer {
    return Buffer.from(
      Uint8Array.from({ length: lengthBytes }, (_, at) => this.#written.get(address + at) ?? byteAt(address + at)),
    );
  }

  write(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, at) => {
      this.#written.set(address + at, byte);
    });
  }
}

function byteAt(address: number): number {
  const page = Math.floor(address / PAGE_BYTES);
  if (page < ROOT_PAGE || page > LAST_TABLE_PAGE) return 0;
  const index = Math.floor((address % PAGE_BYTES) / ENTRY_BYTES);
  const isForUsers = page > ROOT_PAGE || index < ROOT_ENTRIES_OF_USERS;
  const entry = (page + 1) * PAGE_BYTES + PRESENT_WRITABLE + (isForUsers ? USER : 0);
  return Math.floor(entry / 2 ** (8 * (address % ENTRY_BYTES))) & 0xff;
}
