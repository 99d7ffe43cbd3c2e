import { StillGuest } from '../guest/index.ts';
import { type DumpOptions, dumpSource } from './dump-source.ts';

/**
 * Opens a dump of a guest: an ELF core or a kdump-compressed file (QEMU's `dump-guest-memory`, `virsh dump --memory-only`,
 * makedumpfile), LiME, or raw memory. All that can be asked of a guest can be asked of it; nothing is written. It is not read as a
 * whole, and may be larger than memory. Detach from it when it is not needed any more.
 *
 * @example
 * ```ts
 * const dump = await openDump('vmcore');
 * const view = await dump.look();
 * const [answer] = await view.translate([{ linearAddress: 0xffff_ffff_8100_0000n, access }]);
 * await dump.detach();
 * ```
 * @throws DumpFileError `ERR_DUMP_FILE` for a file that cannot be read; DumpFormatError `ERR_DUMP_FORMAT` for one that is damaged;
 * DumpUnsupportedError `ERR_DUMP_UNSUPPORTED` for one of another kind; DumpRegistersError `ERR_DUMP_REGISTERS` where registers
 * are missing. The first three also while it is asked.
 * @public
 */
export async function openDump(file: string, options: DumpOptions = {}): Promise<StillGuest> {
  return new StillGuest(dumpSource(file, options), file);
}
