import { type Facts, hmpOf, type Lie, monitorCommand, monitorOutput, type Request } from '../lie.ts';

const HEADER = [
  'FlatView #0',
  ' AS "memory", root: system',
  ' AS "cpu-memory-0", root: system',
  ' Root memory region: system',
];

function answerMonitor(command: RegExp, text: (facts: Facts) => string): Lie {
  return {
    answer(request, facts) {
      return command.test(hmpOf(request)) ? { value: text(facts) } : undefined;
    },
    packet(payload, facts) {
      return command.test(monitorCommand(payload)) ? monitorOutput(text(facts)) : undefined;
    },
  };
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

function views(lines: readonly string[]): string {
  return [...HEADER, ...lines, ''].join('\r\n');
}

const RAM = '  0000000000000000-0000000001ffffff (prio 0, ram): pc.ram';

function ranges(count: number, step: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => {
    const first = at * step;
    return `  ${hex(first)}-${hex(first + 0xfff)} (prio 0, ram): pc.ram @${hex(first)}`;
  });
}

/** The value of every `return` of a command. */
function answerCommand(command: string, value: (request: Request) => unknown): Lie {
  return { answer: (request) => (request.execute === command ? { value: value(request) } : undefined) };
}

/** Texts that are long, or made so that a careless parser takes for ever over them. */
export const BOMBS: Readonly<Record<string, Lie>> = {
  'mtree-owners': answerMonitor(/^info mtree/, () =>
    views([RAM, `  0000000002000000-000000000200ffff (prio 0, ram): x${' owner:{}'.repeat(40)}!`]),
  ),
  'mtree-spaces': answerMonitor(/^info mtree/, () =>
    views([RAM, `  0000000002000000-000000000200ffff (prio 0, ram): ${'x '.repeat(100_000)}\u0001`]),
  ),
  'mtree-kvm': answerMonitor(/^info mtree/, () =>
    views([RAM, `  0000000002000000-000000000200ffff (prio 0, ram): x${' KVM'.repeat(50_000)}!`]),
  ),
  'mtree-ranges': answerMonitor(/^info mtree/, () => views(ranges(200_000, 0x2000))),
  'mtree-views': answerMonitor(/^info mtree/, () =>
    Array.from({ length: 20_000 }, (_, at) =>
      [`FlatView #${at}`, ` AS "as-${at}", root: system`, ...ranges(3, 0x2000), ''].join('\r\n'),
    ).join('\r\n'),
  ),
  'mtree-spaces-of-one-view': answerMonitor(/^info mtree/, () =>
    [
      'FlatView #0',
      ...Array.from({ length: 200_000 }, (_, at) => ` AS "as-${at}", root: system`),
      ...HEADER.slice(1),
      RAM,
      '',
    ].join('\r\n'),
  ),
  'mtree-one-line': answerMonitor(/^info mtree/, () => `FlatView #0\r\n AS "memory${'"'.repeat(5_000_000)}\r\n`),
  'registers-text': answerMonitor(/^info registers/, () => `CPU#0\r\n${'CR0=00000000 '.repeat(500_000)}\r\n`),
  'status-text': answerMonitor(/^info status/, () => `VM status: ${'running ('.repeat(200_000)}`),
  'gdbserver-text': answerMonitor(/^gdbserver/, () => `${'Could not open '.repeat(200_000)}`),
  'gpa2hva-text': answerMonitor(/^gpa2hva/, () => `Host virtual address for 0x0 (${') ('.repeat(500_000)}`),
  chardevs: answerCommand('query-chardev', () =>
    Array.from({ length: 100_000 }, (_, at) => ({
      label: `c${at}`,
      'frontend-open': true,
      filename: `disconnected:unix:${'/x'.repeat(50)},server=on`,
    })),
  ),
  'chardev-name': answerCommand('query-chardev', () => [
    {
      label: 'gdb',
      'frontend-open': true,
      filename: `disconnected:tcp:${'['.repeat(1_000_000)}:1,server=on <-> ${':'.repeat(1_000_000)}`,
    },
  ]),
  cpus: answerCommand('query-cpus-fast', () =>
    Array.from({ length: 50_000 }, (_, at) => ({
      'cpu-index': at,
      'thread-id': at,
      'qom-path': `/machine/cpu[${at}]`,
      target: 'x86_64',
    })),
  ),
  'description-endless': {
    packet: (payload) => (payload.startsWith('qXfer:features:read:') ? ['m'.padEnd(2000, ' ')] : undefined),
  },
  'description-empty-parts': {
    packet: (payload) => (payload.startsWith('qXfer:features:read:') ? ['m'] : undefined),
  },
  'description-nested': {
    packet(payload) {
      const annex = /^qXfer:features:read:([^:]*):0,/.exec(payload)?.[1];
      if (annex === undefined) return payload.startsWith('qXfer:features:read:') ? ['l'] : undefined;
      const next = `a${annex.length}${annex}`.slice(0, 60);
      return [
        `l<target><architecture>i386:x86-64</architecture><xi:include href="${next}"/><xi:include href="b${next}"/></target>`,
      ];
    },
  },
  'description-tags': {
    packet: (payload) =>
      /^qXfer:features:read:.*:0,/.test(payload)
        ? [`l${'<a '.repeat(600)}`]
        : payload.startsWith('qXfer:features:read:')
          ? ['l']
          : undefined,
  },
  'monitor-output-endless': {
    packet: (payload) => (payload.startsWith('qRcmd,') ? Array.from({ length: 200_000 }, () => 'O61') : undefined),
  },
  'big-memory-reply': {
    packet: (payload) => (/^m/.test(payload) ? ['00'.repeat(5_000_000)] : undefined),
  },
};
