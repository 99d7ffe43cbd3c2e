import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { formatCompletion } from '../../../src/cli/completion/format-completion.ts';
import { formatCommandHelp, formatOverview } from '../../../src/cli/help.ts';
import { type CliContext, runCli } from '../../../src/cli/index.ts';
import { chooseStyle } from '../../../src/cli/io/choose-style.ts';
import { COLOURED, PLAIN } from '../../../src/report/index.ts';
import { quietContext } from '../../support/fakes/quiet-context.ts';

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: readonly string[];
}

/** Runs a command line that needs no guest. */
async function run(...words: string[]): Promise<Outcome> {
  const said = { out: '', err: [] as string[] };
  const status = await runCli(words, {
    environment: {},
    isTerminal: false,
    print: (text) => {
      said.out += text;
    },
    complain: (line) => said.err.push(line),
    signal: new AbortController().signal,
  });
  return { status, ...said };
}

const LIST = COMMANDS.map(({ name }) => name).join(', ');

describe('cli/runCli', () => {
  it('prints the version of the package', async () => {
    const packageFile = new URL('../../../../package.json', import.meta.url);
    const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
    expect(await run('--version')).to.deep.equal({ status: 0, out: `${version}\n`, err: [] });
  });

  for (const words of [['--help'], ['-h'], ['help']]) {
    it(`lists the commands and the exit statuses: ${words.join(' ')}`, async () => {
      const { status, out, err } = await run(...words);
      expect({ status, err }).to.deep.equal({ status: 0, err: [] });
      expect(LIST).to.match(/^translate, (.*, )?state\b/);
      for (const { name } of COMMANDS) expect(out).to.match(new RegExp(`^  pagewalk ${name} {2,}\\S`, 'm'));
      expect(out).to.match(/^Exit status: 0 all translated, 1 at least one fault, 2 .*, 3 /m);
    });
  }

  for (const words of [
    ['help', 'translate'],
    ['translate', '--help'],
    ['translate', '0x1', '-h'],
    ['translate', '--help', '--', '0x1'],
  ]) {
    it(`explains every option: ${words.join(' ')}`, async () => {
      const { status, out, err } = await run(...words);
      expect({ status, err }).to.deep.equal({ status: 0, err: [] });
      const options = [...out.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map(([, name]) => name);
      expect(options).to.deep.equal(
        (
          'from keep-going qmp guest host gdb dump registers cpu cr3 pid process symbols length names set profile nested until within live write user exec both set-accessed set-dirty force-set-accessed ' +
          'brief json strict no-host-memory trace timeout max-pause'
        ).split(' '),
      );
    });
  }

  it('has printed when it ends, also where the reader is slow', async () => {
    for (const words of [['--help'], ['help', 'map'], ['map', '--help'], ['--version'], ['completion', 'bash']]) {
      let hasPrinted = false;
      const context = quietContext({
        print: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          hasPrinted = true;
        },
      });
      expect(await runCli(words, context)).to.equal(0);
      expect(hasPrinted, words.join(' ')).to.equal(true);
    }
  });

  it('keeps its help within 120 columns', async () => {
    for (const words of [['help'], ...COMMANDS.map(({ name }) => ['help', name])]) {
      const { out } = await run(...words);
      expect(out.split('\n').filter((line) => line.length > 120)).to.deep.equal([]);
      expect(out, words.join(' ')).to.not.match(/NaN|undefined|\[object/);
    }
  });

  it('folds the help of a command for a terminal alone', async () => {
    const shown = async (isTerminal: boolean, ...words: readonly string[]): Promise<string> => {
      const out: string[] = [];
      await runCli(words, quietContext({ isTerminal, print: (text) => void out.push(text) }));
      return out.join('');
    };
    const map = await COMMANDS.find(({ name }) => name === 'map')?.load();
    if (map === undefined) throw new Error('there is no map');
    for (const words of [
      ['help', 'map'],
      ['map', '-h'],
    ]) {
      expect(await shown(true, ...words)).to.equal(formatCommandHelp(map, true));
      expect(await shown(false, ...words)).to.equal(formatCommandHelp(map, false));
    }
    expect(await shown(false, 'help')).to.equal(formatOverview(COMMANDS));
  });

  it('shows where it failed, if that is asked for', async () => {
    const said = async (PAGEWALK_DEBUG: string): Promise<string[]> => {
      const err: string[] = [];
      await runCli(
        ['walk'],
        quietContext({ environment: { PAGEWALK_DEBUG }, complain: (line) => void err.push(line) }),
      );
      return err;
    };
    expect(await said('')).to.have.length(2);
    const [line, stack, hint] = await said('1');
    expect(stack).to.match(/^UsageError: unknown command "walk".*\n +at /);
    expect([line?.split(';')[0], hint]).to.deep.equal(['pagewalk: unknown command "walk"', 'Try: pagewalk help']);
  });

  it('prints what completes it', async () => {
    const { status, out, err } = await run('completion', 'fish');
    expect({ status, err }).to.deep.equal({ status: 0, err: [] });
    expect(out).to.equal(await formatCompletion(['fish'], COMMANDS));
  });

  const refused: readonly (readonly [string[], readonly string[]])[] = [
    [[], ['pagewalk: no command was given', 'Try: pagewalk help']],
    [['walk'], [`pagewalk: unknown command "walk"; a command comes first: ${LIST}`, 'Try: pagewalk help']],
    [
      ['help', 'walk'],
      [`pagewalk: unknown command "walk"; a command comes first: ${LIST}`, 'Try: pagewalk help'],
    ],
    [
      ['tranlate', '0'],
      ['pagewalk: unknown command "tranlate"; did you mean translate?', 'Try: pagewalk help'],
    ],
    [
      ['state', '--qpm', 'unix:/x'],
      ['pagewalk: unknown option --qpm; did you mean --qmp?', 'Try: pagewalk help state'],
    ],
    [['--json'], [`pagewalk: unknown option "--json"; a command comes first: ${LIST}`, 'Try: pagewalk help']],
    [
      ['0xffff'],
      ['pagewalk: unknown command "0xffff"; to translate an address: pagewalk translate 0xffff', 'Try: pagewalk help'],
    ],
    [
      ['12345'],
      ['pagewalk: unknown command "12345"; to translate an address: pagewalk translate 12345', 'Try: pagewalk help'],
    ],
    [['a1'], [`pagewalk: unknown command "a1"; a command comes first: ${LIST}`, 'Try: pagewalk help']],
    [['completion'], ['pagewalk: completion needs the name of a shell: bash, zsh, fish', 'Try: pagewalk help']],
    [
      ['state', '--foo'],
      ['pagewalk: unknown option --foo', 'Try: pagewalk help state'],
    ],
    [
      ['translate', '--', '--help'],
      [
        'pagewalk: address "--help" is not a number (hexadecimal with 0x in front, or decimal)',
        'Try: pagewalk help translate',
      ],
    ],
  ];
  for (const [words, err] of refused) {
    it(`refuses "${words.join(' ')}" with status 2, and prints nothing`, async () => {
      expect(await run(...words)).to.deep.equal({ status: 2, out: '', err });
    });
  }
});

describe('cli/chooseStyle', () => {
  const context = (isTerminal: boolean, environment: CliContext['environment']): CliContext => {
    return quietContext({ isTerminal, environment });
  };

  it('colours for a terminal alone, and not where colours are refused', () => {
    expect(chooseStyle(context(true, {}))).to.equal(COLOURED);
    expect(chooseStyle(context(true, { NO_COLOR: '' }))).to.equal(COLOURED);
    expect(chooseStyle(context(true, { NO_COLOR: '1' }))).to.equal(PLAIN);
    expect(chooseStyle(context(true, { TERM: 'dumb' }))).to.equal(PLAIN);
    expect(chooseStyle(context(false, {}))).to.equal(PLAIN);
  });
});
