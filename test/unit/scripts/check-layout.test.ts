import { expect } from 'chai';
import { complaints, importing } from './complaints.ts';

describe('the layout of the repository', () => {
  it('finds nothing in a tree that is in order', () => {
    expect(
      complaints({
        'README.md': '# pagewalk',
        'protocols/transport/socket-connection.ts': importing('node:net'),
        'protocols/gdb/gdb-client.ts': importing('../transport/index.ts'),
        'src/guest/restore/watchdog.ts': importing('node:child_process'),
        'src/guest/guest.ts': importing('../../protocols/gdb/index.ts'),
        'src/guest/index.ts': "export { Guest } from './guest.ts';\nexport type * from './guest.ts';\n",
        'src/paging/tsconfig.json': '{ "compilerOptions": { "types": [] } }',
        'src/paging/format-hex.ts': 'export const hex = (value: number) => value.toString(16);\n',
        'test/live/a-guest.test.ts': importing('node:net'),
        'test/support/fixtures/qmp/device-state/x86_64.bin': undefined,
        '.ci/run': '#!/bin/sh\n',
      }),
    ).to.deep.equal([]);
  });

  describe('imports', () => {
    it('gdb and qmp know nothing of each other', () => {
      const tree = {
        'protocols/gdb/session.ts': importing('../qmp/index.ts'),
        'protocols/qmp/client.ts': importing('../gdb/index.ts'),
      };
      expect(complaints(tree)).to.deep.equal([
        'protocols/gdb/session.ts:2 protocols/gdb/ must not know protocols/qmp/',
        'protocols/qmp/client.ts:2 protocols/qmp/ must not know protocols/gdb/',
      ]);
    });

    it('also when they are loaded later, or only for their types', () => {
      expect(
        complaints({
          'protocols/qmp/client.ts': "const gdb = await import('../gdb/index.ts');\n",
          'protocols/qmp/reply.ts': "import type { GdbClient } from '../gdb/index.ts';\n",
          'protocols/qmp/index.ts': "export { GdbClient } from '../gdb/index.ts';\n",
          'protocols/qmp/greeting.ts': "import '../gdb/index.ts';\n",
        }),
      ).to.have.length(4);
    });

    it('sockets belong to the transport', () => {
      for (const path of [
        'src/guest/attach.ts',
        'protocols/qmp/client.ts',
        'src/testing/launch-qemu.ts',
        'scripts/a.ts',
      ]) {
        for (const module of ['node:net', 'net']) {
          expect(complaints({ [path]: importing(module) }), path).to.deep.equal([
            `${path}:2 ${module} is for protocols/transport/, scripts/torture/, test/`,
          ]);
        }
      }
      expect(complaints({ 'protocols/transport/datagrams.ts': importing('node:dgram') })).to.deep.equal([
        'protocols/transport/datagrams.ts:2 node:dgram is for no layer',
      ]);
    });

    it('processes are started by the transport, the watchdog and the test kit', () => {
      for (const path of ['src/guest/attach.ts', 'src/cli/main.ts', 'protocols/gdb/session.ts']) {
        expect(complaints({ [path]: importing('node:child_process') }), path).to.have.length(1);
      }
      for (const path of ['src/testing/launch-qemu.ts', 'protocols/transport/exec-connection.ts', 'scripts/demo.ts']) {
        expect(complaints({ [path]: importing('node:child_process') }), path).to.deep.equal([]);
      }
    });

    it('a layer is entered through its index, but by its own files, by tests and by scripts', () => {
      expect(complaints({ 'src/cli/state.ts': importing('../report/style.ts') })).to.deep.equal([
        'src/cli/state.ts:2 src/report is entered through its index.ts or internal.ts, not src/report/style.ts',
      ]);
      expect(complaints({ 'src/guest/a.ts': importing('../../protocols/gdb/hex.ts') })).to.have.length(1);
      expect(
        complaints({
          'src/guest/guest.ts': importing('../paging/internal.ts'),
          'src/report/format-size.ts': importing('./style.ts'),
          'protocols/gdb/commands/run/resume.ts': importing('../../packets/request.ts'),
          'scripts/demo.ts': importing('../src/report/style.ts'),
          'test/unit/report/style.test.ts': importing('../../../src/report/style.ts'),
        }),
      ).to.deep.equal([]);
    });
  });

  describe('names', () => {
    for (const path of [
      'src/guest/PausedGuest.ts',
      'src/guest/paused_guest.ts',
      'src/Guest/guest.ts',
      'test/unit/aB.test.ts',
    ]) {
      it(`${path} is not kebab-case`, () => {
        expect(complaints({ [path]: '' })).to.have.length(1);
        expect(complaints({ [path]: '' })[0]).to.match(/is not kebab-case$/);
      });
    }

    it('dumping grounds are refused', () => {
      for (const name of ['util.ts', 'utils.ts', 'types.ts', 'helpers.ts']) {
        expect(complaints({ [`src/guest/${name}`]: '' }), name).to.have.length(1);
      }
    });

    it('two names that differ by case alone are refused', () => {
      expect(complaints({ 'docs/readme.md': '', 'docs/README.md': '' })).to.deep.equal([
        'docs/README.md:0 differs from docs/readme.md by case alone',
      ]);
    });
  });

  it('an index.ts re-exports and does nothing else', () => {
    const reExports =
      "/**\n * What there is.\n */\nexport { a, type B } from './a.ts';\n// more\nexport * as c from './c.ts';\nexport type {\n  D,\n} from './d.ts';\n";
    expect(complaints({ 'src/guest/index.ts': reExports })).to.deep.equal([]);
    expect(complaints({ 'src/guest/index.ts': `${reExports}export const five = 5;\n` })).to.deep.equal([
      'src/guest/index.ts:0 does more than re-export: export const five = 5;',
    ]);
    expect(complaints({ 'src/guest/index.ts': "import './side-effect.ts';\n" })).to.have.length(1);
  });

  describe('doors', () => {
    const INDEX = "export { shown } from './shown.ts';\n";
    const SHOWN = '/** Seen by users. @public */\nexport const shown = 1;\n';
    const HIDDEN = '/** @internal */\nexport function hidden(): void {}\n';
    const tree = {
      'package.json':
        '{"exports":{".":{"types":"./dist/types/src/index.d.ts","default":"./dist/src/index.js"},"./paging":{"default":"./dist/src/paging/index.js"},"./package.json":"./package.json"}}',
      'src/index.ts': "export { shown } from './paging/index.ts';\n",
      'src/paging/index.ts': INDEX,
      'src/paging/internal.ts':
        "export * from './index.ts';\n/** @internal */\nexport { hidden } from './hidden.ts';\n",
      'src/paging/shown.ts': SHOWN,
      'src/paging/hidden.ts': HIDDEN,
    };

    it('are in order where users get what is public, and the other layers the rest', () => {
      expect(complaints(tree)).to.deep.equal([]);
    });

    it('show nothing that is internal, directly or through another door', () => {
      expect(
        complaints({ ...tree, 'src/paging/index.ts': `${INDEX}export { hidden } from './hidden.ts';\n` }),
      ).to.deep.equal(['src/paging/index.ts:2 hidden is @internal, and this is a door of the package']);
      expect(
        complaints({ ...tree, 'src/index.ts': "export { shown, hidden as seen } from './paging/internal.ts';\n" }),
      ).to.deep.equal(['src/index.ts:1 hidden is @internal, and this is a door of the package']);
    });

    it('show all that is public', () => {
      const more = { ...tree, 'src/paging/shown.ts': `${SHOWN}/** @public */\nexport type Other = 1;\n` };
      expect(complaints(more)).to.deep.equal([
        'src/paging/shown.ts:4 Other is @public, and no door of the package exports it',
      ]);
    });

    it('name what they show', () => {
      expect(complaints({ ...tree, 'src/index.ts': "export * from './paging/index.ts';\n" })).to.deep.equal([
        'src/index.ts:1 a door names what it exports',
      ]);
    });

    it('lead somewhere', () => {
      expect(complaints({ ...tree, 'src/index.ts': "export { gone } from './paging/index.ts';\n" })).to.deep.equal([
        'src/index.ts:1 gone: no declaration was found',
      ]);
      expect(complaints({ ...tree, 'src/index.ts': undefined })).to.deep.equal([
        'package.json:0 exports src/index.ts, which does not exist',
      ]);
    });

    it('of the other layers are marked, so that the typings lack what is behind them', () => {
      const unmarked = "export * from './index.ts';\nexport { hidden } from './hidden.ts';\n";
      expect(complaints({ ...tree, 'src/paging/internal.ts': unmarked })).to.deep.equal([
        'src/paging/internal.ts:2 lacks /** @internal */ in front of it',
      ]);
      const stray = "/** @internal */\nexport { shown } from './shown.ts';\n";
      expect(complaints({ ...tree, 'src/paging/internal.ts': stray })).to.deep.equal([
        'src/paging/internal.ts:2 shown is @public: it belongs into index.ts',
      ]);
    });

    it('cannot be judged for what says neither', () => {
      expect(complaints({ ...tree, 'src/paging/hidden.ts': '/** Words. */\nexport class Bare {}\n' })).to.deep.equal([
        'src/paging/hidden.ts:2 Bare is exported, and neither @public nor @internal',
      ]);
      expect(complaints({ ...tree, 'src/cli/a.ts': 'export class Bare {}\n' })).to.deep.equal([]);
    });
  });

  it('hexadecimal is made in few places', () => {
    const text = 'const a = 1;\nconst b = a.toString(16);\n';
    expect(complaints({ 'src/cli/state.ts': text })).to.deep.equal([
      'src/cli/state.ts:2 .toString(16): hexadecimal is made by src/paging/format-hex.ts',
    ]);
    expect(complaints({ 'protocols/qmp/client.ts': "bytes.toString('hex');" })).to.have.length(1);
    expect(complaints({ 'test/unit/a.test.ts': text, 'scripts/a.ts': text })).to.deep.equal([]);
  });

  it('the compiler keeps I/O out of the pure layers', () => {
    for (const layer of ['src/paging', 'src/linux', 'src/abi', 'src/report']) {
      const config = { [`${layer}/tsconfig.json`]: '{ "compilerOptions": { "types": ["node"] } }' };
      expect(complaints(config), layer).to.have.length(1);
    }
  });

  describe('words', () => {
    it('what is to be done later has an issue', () => {
      const mark = 'TO'.concat('DO');
      expect(complaints({ 'src/a/b.ts': `const a = 1;\n// ${mark}: later\n` })).to.have.length(1);
      expect(complaints({ 'README.md': `# ${mark}\n` })).to.have.length(1);
      expect(complaints({ 'src/a/b.ts': `const a = 1; // ${mark}(#12) later\n` })).to.deep.equal([]);
    });

    it('one word for one thing, in every text', () => {
      for (const [text, better] of [
        ['PKRU could not be had', 'unavailable'],
        ['while the guest stands still', 'paused'],
        ['The guest stood still', 'paused'],
        ['of a guest of a guest', 'nested guest (L2), whose hypervisor is L1'],
        ['it has been given "x"', 'got'],
        ['the map was given up', 'incomplete'],
        ['runs of pages with the same rights', 'range'],
      ] as const) {
        for (const path of ['README.md', 'src/guest/guest.ts', 'test/live/guest/attach.test.ts']) {
          expect(complaints({ [path]: `// ${text}\n` })[0], path)
            .to.match(/^[^ ]+:1 "[^"]+": say /)
            .and.to.contain(better);
        }
      }
      expect(
        complaints({ 'README.md': 'The guest is paused; it still stands to reason that L1 is the host of none.' }),
      ).to.deep.equal([]);
    });

    it('the layers below the report give causes, and make no sentences of them', () => {
      const text = 'interface A { readonly code: string; readonly why: string }\n';
      for (const layer of ['paging', 'abi', 'guest']) {
        expect(complaints({ [`src/${layer}/a.ts`]: text }), layer).to.deep.equal([
          `src/${layer}/a.ts:1 "why" is a sentence: give a code, of which src/report makes one`,
        ]);
      }
      expect(complaints({ 'src/report/a.ts': text })).to.deep.equal([]);
      expect(
        complaints({ 'src/guest/a.ts': 'interface A { readonly why: Cause; readonly message: string }\n' }),
      ).to.deep.equal([]);
    });

    it('texts say who it is that does something', () => {
      for (const word of ['nobody', 'somebody', 'anybody', 'Whoever']) {
        for (const path of ['src/guest/guest.ts', 'test/live/cli/cli.test.ts', 'README.md']) {
          expect(complaints({ [path]: `// ${word} resumed it\n` }), path).to.have.length(1);
        }
      }
      expect(complaints({ 'test/a.test.ts': '// the user `nobody`\n' })).to.deep.equal([]);
    });

    it('no path of one machine', () => {
      for (const directory of ['home', 'root', 'work']) {
        const path = `/${directory}`.concat('/someone/guest.bin');
        expect(complaints({ 'README.md': `See ${path}.` }), path).to.have.length(1);
      }
      expect(complaints({ 'README.md': 'unix:/run/vm.qmp, a/work/b' })).to.deep.equal([]);
    });

    it('no address of one network', () => {
      for (const host of ['registry.', '127.0.0.1:', '10.', 'localhost:', '192.168.']) {
        const address = 'http'.concat(`s://${host}4873/a`);
        expect(complaints({ 'package-lock.json': `"resolved": "${address}"` }), address).to.have.length(1);
      }
      expect(complaints({ 'README.md': 'https://www.qemu.org/docs' })).to.deep.equal([]);
    });
  });

  describe('documents', () => {
    it('README stays short', () => {
      expect(complaints({ 'README.md': 'x'.repeat(10_000) })).to.deep.equal([]);
      expect(complaints({ 'README.md': 'x'.repeat(10_001) })).to.have.length(1);
    });

    it('a path that a document names is there', () => {
      const tree = {
        'src/paging/walk/walk.ts': '',
        'test/live/a-guest.test.ts': '',
        'test/unit/qmp/errors.test.ts': '',
      };
      const named = [
        'src/paging/walk/walk.ts',
        'src/paging/',
        'src/{guest,paging}',
        'test/live/a-guest',
        'test/unit/*/errors.test.ts',
      ];
      expect(complaints({ ...tree, 'docs/a.md': named.map((path) => `\`${path}\``).join(' ') })).to.deep.equal([]);
      expect(complaints({ ...tree, 'docs/a.md': 'first\n`src/paging/walk.ts`, `src/pag`' })).to.deep.equal([
        'docs/a.md:2 there is no src/paging/walk.ts',
        'docs/a.md:2 there is no src/pag',
      ]);
      expect(complaints({ ...tree, 'SECURITY.md': '`live/a-guest`, `unit/qmp/`, `live/another`' })).to.deep.equal([
        'SECURITY.md:1 there is no test/live/another',
      ]);
    });
  });

  describe('regular expressions that read what others send', () => {
    const judged = (expression: string): string[] =>
      complaints({ 'protocols/qmp/parser.ts': `const value = 6 / 2;\nexport const E = ${expression};\n` });

    const LINEAR = [
      '/^[0-9a-f]+:/',
      '/^VM status: (running|paused)(?: \\(([a-z-]{1,64})\\))?\\s*$/',
      '/^ @([0-9a-f]{16})$/',
      '/\\s+([A-Za-z_][\\w:.-]*)\\s*=\\s*(?:"([^"<]*)"|\'([^\'<]*)\')/y',
      '/\\[halted\\s{0,8}\\]/',
      '/&([^;\\s]{0,8});?/g',
    ];
    for (const expression of LINEAR) {
      it(`${expression} is linear`, () => {
        expect(judged(expression)).to.deep.equal([]);
      });
    }

    const DOUBTFUL: ReadonlyArray<readonly [expression: string, problem: RegExp]> = [
      ['/^(?:a+)+$/', /a group is repeated/],
      ['/^(a|aa)*$/', /a group is repeated/],
      ['/^x(?: owner:\\{.*\\})*$/', /a group is repeated/],
      ['/^\\s*.*$/', /the repeated \\s may be one of these/],
      ['/^.*?,server$/', /the repeated \. may be one/],
      ['/^[A-Z]+[a-z]+$/i', /the repeated \[A-Z\] may be one/],
      ['/^a*b?a$/', /the repeated a may be one/],
      ['/\\s+$/', /may begin anywhere/],
      ['/^\\s*x/m', /may begin anywhere/],
      ['/^(?=a)/', /it looks around/],
      ['/^(a)\\1$/', /refers to what was matched before/],
      ["new RegExp('a+')", /put together/],
    ];
    for (const [expression, problem] of DOUBTFUL) {
      it(`${expression} is refused, with its line`, () => {
        const [finding, ...others] = judged(expression);
        expect(finding)
          .to.match(/^protocols\/qmp\/parser\.ts:2 /)
          .and.match(problem);
        expect(others).to.deep.equal([]);
      });
    }

    it('finds them behind strings, comments and templates, and nothing else', () => {
      const text = [
        "// /(a+)+/ in a comment, and '",
        'const a = "/(a+)+/";',
        `const b = \`/(a+)+/ \${[1].map((x) => \`\${x / 2}/\`)} /(a+)+/\`;`,
        'const c = (a.length / 2) / 3;',
        'export const d = a.match(/[/"](b+)+/);',
      ].join('\n');
      expect(complaints({ 'src/guest/reader.ts': text })).to.have.length(1);
      expect(complaints({ 'src/guest/reader.ts': text })[0]).to.contain('reader.ts:5 /[/"](b+)+/');
      expect(complaints({ 'src/report/reader.ts': text }), 'reads nothing from outside').to.deep.equal([]);
    });
  });
});
