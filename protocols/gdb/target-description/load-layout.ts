import { GdbArchitectureError, GdbTargetDescriptionError } from '../errors.ts';
import { type DescriptionItem, parseDescription } from './parse-description.ts';
import { buildRegisterLayout, type RegisterLayout } from './register-layout.ts';

const MAX_FILES = 32;
/** QEMU's are 8 KB each. */
const MAX_CHARS = 2 * 1024 * 1024;
/** The files of as many machines as a program is likely to meet. */
const MAX_KNOWN = 16;
const MAX_KNOWN_CHARS = 65_536;
/** All QEMUs of a build have the same few files, and parsing one takes longer than fetching it from a paused guest. */
const known = new Map<string, readonly DescriptionItem[]>();

function parseOnce(annex: string, text: string): readonly DescriptionItem[] {
  const items = known.get(text) ?? parseDescription(annex, text);
  if (known.size < MAX_KNOWN && text.length <= MAX_KNOWN_CHARS) known.set(text, items);
  return items;
}

/**
 * Reads a target description with all that it includes, and makes the register layout of it.
 *
 * @param readAnnex - fetches one file of the description.
 * @throws {@link GdbArchitectureError} (`ERR_GDB_ARCHITECTURE`), {@link GdbTargetDescriptionError}
 * (`ERR_GDB_TARGET_DESCRIPTION`), and what `readAnnex` throws.
 * @internal
 */
export async function loadRegisterLayout(readAnnex: (annex: string) => Promise<string>): Promise<RegisterLayout> {
  let architecture: string | undefined;
  const read = new Set<string>();
  let chars = 0;
  const items: DescriptionItem[] = [];

  async function load(annex: string): Promise<void> {
    // A register that is described twice is refused anyhow; and this ends a file that includes itself.
    if (read.has(annex)) throw new GdbTargetDescriptionError(annex, 'it is included twice');
    read.add(annex);
    if (read.size > MAX_FILES) throw new GdbTargetDescriptionError(annex, `more than ${MAX_FILES} files`);
    const text = await readAnnex(annex);
    chars += text.length;
    if (chars > MAX_CHARS)
      throw new GdbTargetDescriptionError(annex, `with the others more than ${MAX_CHARS} characters`);
    for (const item of parseOnce(annex, text)) {
      if (item.kind === 'include') {
        await load(item.annex);
      } else if (item.kind === 'architecture') {
        architecture = item.name;
        // Before any of its register files is asked for: they may be anything.
        if (!/^i386(:|$)/.test(item.name)) throw new GdbArchitectureError(item.name);
      } else {
        items.push(item);
      }
    }
  }

  await load('target.xml');
  if (architecture === undefined) throw new GdbTargetDescriptionError('target.xml', 'it names no architecture');
  return buildRegisterLayout(architecture, items);
}
