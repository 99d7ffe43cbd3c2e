import { LIBVIRT_MONITOR } from './chardev-labels.ts';
import type { ChannelPurpose } from './found-guest.ts';
import {
  addressOfChardev,
  addressOfDevice,
  type ChardevAddress,
  parseQemuOption,
  type QemuOption,
} from './qemu-options.ts';

/** A monitor or a stub that a command line asks for. @internal */
export interface SaidChannel {
  readonly purpose: ChannelPurpose;
  readonly address: ChardevAddress;
}

/** What a QEMU's command line says of it. Every word of it is the process's own. @internal */
export interface QemuCommandLine {
  readonly name: string | null;
  readonly uuid: string | null;
  readonly machine: string | null;
  /** As it was asked for: `kvm`, `kvm:tcg`; null where nothing was. */
  readonly accelerator: string | null;
  readonly channels: readonly SaidChannel[];
  /** `-readconfig`. */
  readonly configurationFiles: readonly string[];
  /** It bears the marks of libvirt. */
  readonly isLibvirts: boolean;
}

/**
 * Understands the words of a QEMU's command line, as far as a client needs.
 *
 * @param configuration - the texts of its configuration files, as far as they can be read
 * @internal
 */
export function parseQemuCommandLine(words: readonly string[], configuration: readonly string[] = []): QemuCommandLine {
  const given = (name: string): string[] =>
    words.flatMap((word, at) => {
      const value = words[at + 1];
      return (word === `-${name}` || word === `--${name}`) && value !== undefined ? [value] : [];
    });
  const has = (name: string): boolean => words.includes(`-${name}`) || words.includes(`--${name}`);
  const sections = configuration.flatMap(parseConfiguration);
  const chardevs = chardevsOf(given('chardev'), sections);
  const machine = parseQemuOption(given('machine').at(-1) ?? given('M').at(-1) ?? '', 'type').values;
  const accelerators = [
    ...given('accel').map((text) => parseQemuOption(text, 'accel').values.get('accel')),
    ...(has('enable-kvm') ? ['kvm'] : []),
    machine.get('accel'),
    ...sections
      .filter(({ kind }) => kind === 'accel' || kind === 'machine')
      .map(({ option }) => option.values.get('accel')),
  ].filter((value) => value !== undefined);
  return {
    name: nameOf(given('name').at(-1), sections),
    uuid: given('uuid').at(-1) ?? null,
    machine: machine.get('type') || typeOf(sections),
    accelerator: accelerators[0] ?? null,
    channels: [...channelsOf(given, has, chardevs), ...channelsOfSections(sections, chardevs)],
    configurationFiles: given('readconfig'),
    isLibvirts: chardevs.has(LIBVIRT_MONITOR),
  };
}

function nameOf(text: string | undefined, sections: readonly Section[]): string | null {
  const option = text === undefined ? undefined : parseQemuOption(text, 'guest').values;
  return option?.get('guest') ?? sections.find(({ kind }) => kind === 'name')?.option.values.get('guest') ?? null;
}

function typeOf(sections: readonly Section[]): string | null {
  return sections.find(({ kind }) => kind === 'machine')?.option.values.get('type') ?? null;
}

function chardevsOf(texts: readonly string[], sections: readonly Section[]): ReadonlyMap<string, ChardevAddress> {
  const chardevs = new Map<string, ChardevAddress>();
  for (const text of texts) {
    const option = parseQemuOption(text);
    chardevs.set(option.values.get('id') ?? '', addressOfChardev(option, text));
  }
  for (const { kind, id, option } of sections) {
    if (kind === 'chardev') chardevs.set(id, addressOfChardev(option, id));
  }
  return chardevs;
}

function* channelsOf(
  given: (name: string) => string[],
  has: (name: string) => boolean,
  chardevs: ReadonlyMap<string, ChardevAddress>,
): Generator<SaidChannel> {
  for (const text of [...given('qmp'), ...given('qmp-pretty')]) {
    yield { purpose: 'qmp', address: addressOfDevice(text, chardevs) };
  }
  for (const text of given('monitor')) yield { purpose: 'hmp', address: addressOfDevice(text, chardevs) };
  for (const text of given('mon')) yield monitorOf(parseQemuOption(text, 'chardev'), chardevs);
  // What listens is said of the stub alone: QEMU adds "server" to it.
  for (const text of given('gdb'))
    yield { purpose: 'gdb', address: addressOfDevice(text, chardevs, { listens: true }) };
  if (has('s')) yield { purpose: 'gdb', address: { kind: 'tcp', host: '', port: 1234, wire: 'plain' } };
}

function channelsOfSections(
  sections: readonly Section[],
  chardevs: ReadonlyMap<string, ChardevAddress>,
): readonly SaidChannel[] {
  return sections.filter(({ kind }) => kind === 'mon').map(({ option }) => monitorOf(option, chardevs));
}

function monitorOf({ values }: QemuOption, chardevs: ReadonlyMap<string, ChardevAddress>): SaidChannel {
  const id = values.get('chardev') ?? '';
  return {
    purpose: values.get('mode') === 'control' ? 'qmp' : 'hmp',
    address: chardevs.get(id) ?? { kind: 'other', text: id },
  };
}

/** `[chardev "mon0"]` and the lines below it. */
interface Section {
  readonly kind: string;
  readonly id: string;
  readonly option: QemuOption;
}

const HEADING = /^\[([\w-]{1,64})(?: "([^"]{0,4096})")?\]$/;
const NAME = /^([\w.-]{1,64})$/;
const VALUE = /^"([^"]{0,4096})"$/;
const MOST_LINES = 10_000;

function parseConfiguration(text: string): Section[] {
  const sections: { kind: string; id: string; values: Map<string, string> }[] = [];
  for (const written of text.split('\n', MOST_LINES)) {
    const line = written.trim();
    const heading = HEADING.exec(line);
    const equals = line.indexOf('=');
    const [, name] = NAME.exec(line.slice(0, Math.max(0, equals)).trim()) ?? [];
    const [, value] = VALUE.exec(line.slice(equals + 1).trim()) ?? [];
    if (heading !== null) sections.push({ kind: heading[1] ?? '', id: heading[2] ?? '', values: new Map() });
    else if (name !== undefined && value !== undefined) sections.at(-1)?.values.set(name, value);
  }
  return sections.map(({ kind, id, values }) => ({ kind, id, option: { first: values.get('backend') ?? '', values } }));
}
