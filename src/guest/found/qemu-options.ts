/** `socket,id=mon0,path=/run/a,,b,server=on` as QEMU reads it. @internal */
export interface QemuOption {
  /** What stands before the first comma without a name of its own: `socket`. */
  readonly first: string;
  /** By name; a name alone is `on`. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Takes an argument of QEMU's apart: parts are separated by commas, and a comma in a part is doubled.
 *
 * @param implied - the name of a first part that has none
 * @internal
 */
export function parseQemuOption(text: string, implied = ''): QemuOption {
  const parts = splitAtCommas(text);
  const values = new Map<string, string>();
  parts.forEach((part, at) => {
    const equals = part.indexOf('=');
    if (equals >= 0) values.set(part.slice(0, equals), part.slice(equals + 1));
    else if (at === 0 && implied !== '') values.set(implied, part);
    else values.set(part, 'on');
  });
  return { first: parts[0] ?? '', values };
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let from = 0;
  for (let comma = text.indexOf(','); comma >= 0; comma = text.indexOf(',', from)) {
    const isDoubled = text[comma + 1] === ',';
    part += text.slice(from, isDoubled ? comma + 1 : comma);
    from = comma + (isDoubled ? 2 : 1);
    if (isDoubled) continue;
    parts.push(part);
    part = '';
  }
  return [...parts, part + text.slice(from)];
}

/** Where a character device of QEMU's leads. @internal */
export type ChardevAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly wire: 'plain' | 'tls' | 'other' }
  | { readonly kind: 'fd'; readonly descriptor: number }
  /** A terminal, a file, a socket that QEMU connects itself: nothing to connect to. */
  | { readonly kind: 'other'; readonly text: string };

/** `-chardev socket,…`, or a section of a configuration file that says the same. @internal */
export function addressOfChardev({ first, values }: QemuOption, text: string): ChardevAddress {
  const backend = values.get('backend') ?? first;
  const descriptor = values.get('fd');
  const isServer = isOn(values, 'server') || descriptor !== undefined;
  if (backend !== 'socket' || !isServer) return { kind: 'other', text };
  if (descriptor !== undefined) return { kind: 'fd', descriptor: Number(descriptor) };
  const path = values.get('path');
  if (path !== undefined) return isOn(values, 'abstract') ? { kind: 'other', text } : { kind: 'unix', path };
  return tcpAddress(values.get('host') ?? '', values.get('port') ?? '', values, text);
}

/** `-qmp`, `-monitor`, `-gdb`: `unix:PATH,server=on`, `tcp:HOST:PORT,server`, `chardev:ID`. @internal */
export function addressOfDevice(
  text: string,
  chardevs: ReadonlyMap<string, ChardevAddress>,
  { listens = false }: { readonly listens?: boolean } = {},
): ChardevAddress {
  const { first, values } = parseQemuOption(text);
  const colon = first.indexOf(':');
  const scheme = first.slice(0, Math.max(0, colon));
  const rest = first.slice(colon + 1);
  if (scheme === 'chardev') return chardevs.get(rest) ?? { kind: 'other', text };
  const isServer = listens || isOn(values, 'server');
  if (scheme === 'unix' && isServer) return { kind: 'unix', path: rest };
  if (scheme === 'tcp' && isServer) {
    const last = rest.lastIndexOf(':');
    return tcpAddress(rest.slice(0, Math.max(0, last)), rest.slice(last + 1), values, text);
  }
  return { kind: 'other', text };
}

function tcpAddress(host: string, port: string, values: ReadonlyMap<string, string>, text: string): ChardevAddress {
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number < 1 || number > 65_535) return { kind: 'other', text };
  const isOther = isOn(values, 'websocket') || isOn(values, 'telnet') || isOn(values, 'tn3270');
  const wire = isOther ? 'other' : values.has('tls-creds') ? 'tls' : 'plain';
  return { kind: 'tcp', host: host.startsWith('[') ? host.slice(1, -1) : host, port: number, wire };
}

function isOn(values: ReadonlyMap<string, string>, name: string): boolean {
  const value = values.get(name);
  return value !== undefined && !/^(?:off|no|false)$/.test(value);
}
