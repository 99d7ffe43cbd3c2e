import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Block, parseBlocks } from '../../scripts/documents/blocks.ts';
import { SHARED_OPTIONS } from '../../scripts/documents/describe-commands.ts';
import { jsonTables, LINES } from '../../scripts/documents/describe-json.ts';
import { DOCUMENTS, ROOT } from '../../scripts/documents/documents.ts';
import { makeDocument } from '../../scripts/documents/make-document.ts';
import { ROOM_ORDERS } from '../../scripts/layout/rooms/room-orders.ts';
import { COMMANDS } from '../../src/cli/commands.ts';

const ALL_DOCUMENTS = [...DOCUMENTS, 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'protocols/README.md'];
const LINK = /\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g;

function textOf(document: string): string {
  return readFileSync(new URL(document, ROOT), 'utf8');
}

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function argumentsOf(blocks: readonly Block[], wanted: Block['kind']): string[] {
  return blocks.filter(({ kind }) => kind === wanted).map(({ argument }) => argument);
}

describe('the documents', () => {
  for (const document of DOCUMENTS) {
    it(`${document}: its examples compile and print what it says; \`npm run docs\` repairs it`, async function () {
      this.timeout(60_000);
      const text = textOf(document);
      expect(await makeDocument(text, { guests: false })).to.equal(text);
    });
  }

  const blocks = DOCUMENTS.flatMap((document) => parseBlocks(textOf(document)));

  it('the usage of every command is in one of them, and so are the options that commands share', () => {
    expect(argumentsOf(blocks, 'usage')).to.have.members(COMMANDS.map(({ name }) => name));
    expect(argumentsOf(blocks, 'options')).to.have.members(Object.keys(SHARED_OPTIONS));
  });

  it('every example is run, but for those that only compile', () => {
    const run = argumentsOf(blocks, 'output');
    expect(argumentsOf(blocks, 'example').filter((name) => !run.includes(name))).to.deep.equal([
      'readme-test',
      'first-test',
      'shared-guest',
    ]);
  });

  it('every block of TypeScript is one of the examples, and every session one of those that are run', () => {
    for (const document of DOCUMENTS) {
      const text = textOf(document);
      const own = parseBlocks(text);
      expect(argumentsOf(own, 'example'), document).to.have.length(text.match(/^```ts$/gm)?.length ?? 0);
      expect(argumentsOf(own, 'console'), document).to.have.length(text.match(/^```console$/gm)?.length ?? 0);
    }
  });

  it('every line of JSON has a table, and every field a meaning, which is written by hand', () => {
    const tables = blocks.filter(({ kind }) => kind === 'json');
    expect(tables.map(({ argument }) => argument)).to.have.members(jsonTables());
    const empty = tables.flatMap(({ argument, body }) =>
      [...body.matchAll(/^\| (\S+) .*\| {2}\|$/gm)].map(([, field = '']) => `${argument}: ${field}`),
    );
    expect(empty, 'fields without a meaning in docs/json.md').to.deep.equal([]);
  });

  it('every line of JSON that is shown is one that the tables describe', () => {
    const lines = blocks.filter(({ kind }) => kind === 'console').flatMap(({ body }) => body.match(/^\{.*$/gm) ?? []);
    expect(lines.length).to.be.above(5);
    for (const line of lines) {
      const fitting = Object.values(LINES).filter((schema) => schema.safeParse(JSON.parse(line)).success);
      expect(fitting, line).to.have.length(1);
    }
  });

  it('docs/architecture.md has every room', () => {
    const text = textOf('docs/architecture.md');
    const rooms = Object.entries(ROOM_ORDERS).flatMap(([layer, names]) => names.map((name) => `${layer}/${name}`));
    const folders = rooms.filter((room) => !room.endsWith('.ts'));
    expect(folders.filter((room) => !text.includes(`\`${room}/\``))).to.deep.equal([]);
  });

  for (const document of ALL_DOCUMENTS) {
    it(`${document}: its links lead to files of this repository, and to headings that these have`, () => {
      const dead = [...textOf(document).matchAll(LINK)].filter(([, target = '', anchor]) => {
        const file = new URL(target || document.replace(/^.*\//, ''), new URL(document, ROOT));
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).includes(anchor);
      });
      expect(dead.map(([link]) => link)).to.deep.equal([]);
    });
  }
});

describe('blocks of a document', () => {
  it('a mark of an unknown kind is refused', () => {
    expect(() => parseBlocks('<!-- consle: long4 -->\n```console\n```\n')).to.throw('no kind of block');
  });

  it('a mark that stands above no block is refused', () => {
    expect(() => parseBlocks('<!-- console: long4 -->\n\nwords\n')).to.throw('each mark stands above');
  });
});
