/** A file of an initramfs. */
export interface ArchivedFile {
  /** Without a slash in front; folders are made as they are needed. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable?: boolean;
}

const DIRECTORY = 0o040755;
const PLAIN = 0o100644;
const EXECUTABLE = 0o100755;

/** An archive in the "newc" format, as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function encodeCpio(files: readonly ArchivedFile[]): Buffer {
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  const entries = [
    ...[...folders].sort().map((path) => encodeEntry(path, DIRECTORY, new Uint8Array())),
    ...files.map(({ path, bytes, isExecutable }) => encodeEntry(path, isExecutable ? EXECUTABLE : PLAIN, bytes)),
    encodeEntry('TRAILER!!!', 0, new Uint8Array()),
  ];
  return Buffer.concat(entries);
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

let inode = 1;

function encodeEntry(path: string, mode: number, bytes: Uint8Array): Buffer {
  const fields = [inode++, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, path.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${path}\0`;
  return Buffer.concat([Buffer.from(padded(header), 'latin1'), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** Name and contents begin at multiples of four. */
function padded(header: string): string {
  return header.padEnd(Math.ceil(header.length / 4) * 4, '\0');
}
