import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { InstalledPackage } from '../support/live/installed-package.ts';

const run = promisify(execFile);

/** Two exports of each entry that a user would look for. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  '.': ['attach', 'GuestStubError'],
  './paging': ['translate', 'createContext'],
  './abi': ['toTranslate2Answer', 'encodeTranslate2'],
  './report': ['formatTranslation', 'encodeState'],
  './gdb': ['GdbClient', 'connect'],
  './qmp': ['QmpClient', 'queryStatus'],
  './testing': ['launchGuest', 'expectMapped'],
  './testing/chai': ['default'],
  './testing/matchers': ['default'],
};

/** What can be found, and is not imported: the watchdog is a program. */
const NO_ENTRIES = new Set(['./package.json', './watchdog']);

/** Each entry with names that it must not have: what the layers say to each other, and what belongs to another entry. */
const STRANGERS: Readonly<Record<string, readonly string[]>> = {
  '.': ['translate', 'formatTranslation', 'toTranslate2Answer', 'connect'],
  './paging': ['Walk', 'asAnswer', 'startWalk', 'StructureCache'],
  './report': ['describeRecovery'],
  './gdb': ['duplexOf', 'escapeLines', 'readMemoryRequest'],
};

const EVERYTHING = Object.keys(EXPORTS)
  .map((entry, index) => `export * as entry${index} from '${specifierOf(entry)}';\n`)
  .join('');

/** A program that uses what it imports as README's examples do. */
const PROGRAM = `
import { attach, type GuestTranslation, type Translation } from 'pagewalk';
import { connect, GdbClient } from 'pagewalk/gdb';
import { bufferMemory, createContext, translate } from 'pagewalk/paging';
import { formatTranslation, PLAIN } from 'pagewalk/report';

export async function ask(signal: { readonly aborted: boolean }): Promise<readonly GuestTranslation[]> {
  if (signal.aborted) return [];
  const guest = await attach({ qmp: 'unix:/run/vm.qmp', trace: ({ channel, text }) => [channel, text] });
  const access = { write: true, user: false, exec: false };
  return guest.whilePaused((paused) => paused.translate([{ linearAddress: 0n, access }]));
}

export function walk(bytes: Uint8Array): Translation {
  const context = createContext({ cr0: 0n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 46, vendor: 'intel' });
  return translate(context, bufferMemory(bytes, 0n), 0n, { write: false, user: false, exec: false });
}

export async function read(): Promise<Uint8Array> {
  const client = await GdbClient.connect(await connect('tcp::1234', { timeoutMs: 1000 }));
  return client.readMemory(0n, 16);
}

export const show: readonly unknown[] = [formatTranslation, PLAIN];
`;

/** What the compiler has to refuse: a typing that led nowhere would be \`any\`, and take it. */
const WRONG: readonly (readonly [code: string, complaint: RegExp])[] = [
  ["import { Walk } from 'pagewalk/paging';", /no exported member '?"?Walk/],
  ["import { attach } from 'pagewalk';\nvoid attach({ qmp: 5 });", /'number' is not assignable to type 'string/],
  [
    "import { attach } from 'pagewalk';\nvoid attach({ signal: { aborted: true } });",
    /missing the following properties from type 'AbandonSignal'/,
  ],
  [
    "import { connect } from 'pagewalk/gdb';\nconst stream: string = (await connect('x', { timeoutMs: 1 })).stream;",
    /'ByteStream' is not assignable/,
  ],
  [
    "import { createContext } from 'pagewalk/paging';\nconst context: string = createContext({ cr0: 0n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 46, vendor: 'intel' });",
    /'PagingContext' is not assignable/,
  ],
];

function specifierOf(entry: string): string {
  return entry.replace('.', 'pagewalk');
}

describe('the package, as a user gets it who installs it', function () {
  this.timeout(120_000);

  let installed: InstalledPackage;

  before(async () => {
    installed = await InstalledPackage.make();
  });

  after(() => installed[Symbol.asyncDispose]());

  it('is installed without a script that runs, or a word about one', () => {
    expect(installed.installLog).to.not.match(/warn|script/i);
  });

  it('has every entry that it says, what belongs there, and nothing of the layers themselves', async () => {
    const entries = Object.keys(installed.description.exports).filter((name) => !NO_ENTRIES.has(name));
    expect(entries).to.have.members(Object.keys(EXPORTS));
    for (const [entry, names] of Object.entries(EXPORTS)) {
      const specifier = specifierOf(entry);
      const printed = await installed.run(
        `const m = await import('${specifier}'); console.log(Object.keys(m).join(' '))`,
      );
      const found = printed.trim().split(' ');
      expect(found, specifier).to.include.members([...names]);
      for (const name of STRANGERS[entry] ?? []) expect(found, specifier).not.to.include(name);
    }
  });

  it('gives no module that is not an entry', async () => {
    const outcome = await installed.run("await import('pagewalk/dist/src/guest/attach.js')").then(
      () => 'imported',
      (error: Error & { stderr?: string }) => error.stderr ?? '',
    );
    expect(outcome).to.contain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has a command that runs', async () => {
    const program = installed.path(installed.description.bin['pagewalk'] ?? '');
    expect((await readFile(program, 'utf8')).split('\n', 1)).to.deep.equal(['#!/usr/bin/env node']);
    const { stdout } = await run(process.execPath, [program, '--version']);
    expect(stdout).to.equal(`${installed.description.version}\n`);
  });

  it('has a command whose files hold nothing but ASCII, as they are read', async () => {
    const folder = dirname(installed.path(installed.description.bin['pagewalk'] ?? ''));
    for (const name of ['pagewalk.js', 'main.js', 'watchdog-main.js'])
      expect((await readFile(join(folder, name))).findIndex((byte) => byte > 0x7e)).to.equal(-1, name);
  });

  it('has stack traces that name its modules, where they are asked for', async () => {
    const program = installed.path(installed.description.bin['pagewalk'] ?? '');
    const words = [program, 'state', '--qmp', 'unix:/no/such/socket'];
    const environment = { ...process.env, PAGEWALK_DEBUG: '1' };
    const { stderr } = await run(process.execPath, words, { env: environment }).catch(
      (error: unknown) => error as { stderr: string },
    );
    expect(stderr).to.match(/^ConnectError: .*$/m);
    expect(stderr).to.match(
      /^ {4}at \w+ \(file:.*\/dist\/protocols\/transport\/socket\/connect-failure\.js:\d+:\d+\)$/m,
    );
  });

  for (const resolution of ['nodenext', 'bundler'] as const) {
    it(`has types that hold for a program with neither Node's types nor the DOM's (${resolution})`, async () => {
      const files = { 'everything.ts': EVERYTHING, 'program.ts': PROGRAM };
      expect(await installed.compile(files, resolution)).to.deep.equal([]);
    });
  }

  it('has types that refuse what is wrong', async () => {
    const files = WRONG.map(([code], index) => [`wrong${index}.ts`, `${code}\nexport {};\n`] as const);
    const complaints = await installed.compile(Object.fromEntries(files), 'nodenext');
    WRONG.forEach(([code, complaint], index) => {
      const own = complaints.filter((line) => line.startsWith(`wrong${index}.ts`));
      expect(own, code).to.have.length(1);
      expect(own[0], code).to.match(complaint);
    });
  });

  it('has no word of what is internal in its types', async () => {
    for (const name of (await installed.files()).filter((file) => file.endsWith('.d.ts'))) {
      expect(await readFile(installed.path(name), 'utf8'), name).not.to.contain('@internal');
    }
  });

  it('has documents, and nothing of tests, scripts and source maps', async () => {
    const files = await installed.files();
    expect(files.filter((name) => name.endsWith('.js')).length).to.be.above(100);
    for (const document of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'protocols/README.md']) {
      expect(files).to.include(document);
    }
    const readme = await readFile(installed.path('README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !files.includes(target.replace(/\/$/, '')))).to.deep.equal([]);
    const strays = files.filter((name) =>
      /\.map$|\.tsbuildinfo$|^dist\/(test|scripts|kernels|examples)\b|^dist\/(src|protocols)\/.*\.d\.ts$|\.test\./.test(
        name,
      ),
    );
    expect(strays).to.deep.equal([]);
  });
});
