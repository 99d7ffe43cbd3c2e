import { expect } from 'chai';
import { complaints, importing } from './complaints.ts';

/** So many files in a folder. */
function folderOf(count: number, folder: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/file-${index}.ts`, '']));
}

describe('the rooms of the repository', () => {
  describe('size', () => {
    it('a folder holds fourteen files, of any kind', () => {
      expect(complaints(folderOf(14, 'scripts/bench'))).to.deep.equal([]);
      expect(complaints({ ...folderOf(14, 'scripts/bench'), 'scripts/bench/baseline.c': '' })).to.deep.equal([
        'scripts/bench:0 holds 15 files, and 14 at most: make a room of those with one subject',
      ]);
    });

    it('what lies in its rooms is not counted', () => {
      expect(complaints({ ...folderOf(14, 'test/live'), ...folderOf(14, 'test/live/peer') })).to.deep.equal([]);
    });

    it('the root is a folder too', () => {
      const root = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`file-${index}.md`, '']));
      expect(complaints(root)).to.have.length(1);
    });
  });

  describe('order', () => {
    it('a room imports from itself and from rooms before it', () => {
      expect(
        complaints({
          'src/paging/walk/walk.ts': importing('../rules/levels.ts'),
          'src/paging/walk/trail.ts': importing('./walk.ts'),
          'src/paging/space/find-aliases.ts': importing('../enumerate/enumerate.ts'),
          'src/guest/memory/host/host-memory.ts': importing('../page-cache.ts'),
          'src/guest/attach.ts': importing('./answers/answer-requests.ts'),
        }),
      ).to.deep.equal([]);
    });

    it('a room may not import from a room after it, also for types alone', () => {
      expect(complaints({ 'src/paging/rules/levels.ts': importing('../walk/walk.ts') })).to.deep.equal([
        'src/paging/rules/levels.ts:2 src/paging/rules may not import src/paging/walk/walk.ts: src/paging/walk comes after it ' +
          '(scripts/layout/rooms/room-orders.ts)',
      ]);
      expect(
        complaints({ 'src/guest/memory/page-cache.ts': "import type { HostMemory } from './host/host-memory.ts';\n" }),
      ).to.have.length(1);
    });

    it('what lies in the layer’s own folder comes last', () => {
      expect(complaints({ 'src/guest/walks/walk-each.ts': importing('../guest-view.ts') })).to.deep.equal([
        'src/guest/walks/walk-each.ts:2 src/guest/walks may not import src/guest/guest-view.ts: src/guest comes after it ' +
          '(scripts/layout/rooms/room-orders.ts)',
      ]);
    });

    it('every room may import the errors of its layer, which import nothing after them', () => {
      expect(complaints({ 'src/guest/device-state/device-state-gate.ts': importing('../errors.ts') })).to.deep.equal(
        [],
      );
      expect(complaints({ 'src/guest/errors.ts': importing('./link/turns.ts') })).to.have.length(1);
    });

    it('a file that the order names is a room of its own', () => {
      expect(complaints({ 'src/paging/rules/levels.ts': importing('../format-hex.ts') })).to.deep.equal([]);
      expect(complaints({ 'src/paging/format-hex.ts': importing('./rules/levels.ts') })).to.have.length(1);
    });

    it('a folder in a room belongs to that room, one in a layer needs a place', () => {
      expect(
        complaints({ 'protocols/gdb/commands/memory/read-memory.ts': importing('../../packets/reply.ts') }),
      ).to.deep.equal([]);
      expect(complaints({ 'src/paging/shadow/shadow-walk.ts': '' })).to.deep.equal([
        'src/paging/shadow:0 has no place in the order of its layer: scripts/layout/rooms/room-orders.ts',
      ]);
    });

    it('other layers, tests and scripts are not in the order', () => {
      expect(
        complaints({
          'src/cli/options/command.ts': importing('../../guest/index.ts'),
          'test/unit/paging/rules/levels.test.ts': importing('../../../../src/paging/walk/walk.ts'),
        }),
      ).to.deep.equal([]);
    });
  });

  describe('circles', () => {
    it('two files that import each other are a circle, told once', () => {
      expect(complaints({ 'scripts/a.ts': importing('./b.ts'), 'scripts/b.ts': importing('./a.ts') })).to.deep.equal([
        'scripts/b.ts:2 imports in a circle: scripts/a.ts → scripts/b.ts → scripts/a.ts',
      ]);
    });

    it('types count, and so do re-exports and what is loaded later', () => {
      for (const back of [
        "import type { A } from './a.ts';\n",
        "export * from './a.ts';\n",
        "const a = await import('./a.ts');\n",
      ]) {
        expect(complaints({ 'test/a.ts': importing('./b.ts'), 'test/b.ts': back }), back).to.have.length(1);
      }
    });

    it('a longer way round is shown whole, without the way to it', () => {
      expect(
        complaints({
          'test/a.ts': importing('./b.ts'),
          'test/b.ts': importing('./c.ts'),
          'test/c.ts': importing('./d.ts'),
          'test/d.ts': importing('./b.ts'),
        }),
      ).to.deep.equal(['test/d.ts:2 imports in a circle: test/b.ts → test/c.ts → test/d.ts → test/b.ts']);
    });

    it('two ways to one file are no circle', () => {
      expect(
        complaints({
          'test/a.ts': `${importing('./b.ts')}${importing('./c.ts')}`,
          'test/b.ts': importing('./d.ts'),
          'test/c.ts': importing('./d.ts'),
          'test/d.ts': importing('node:fs'),
        }),
      ).to.deep.equal([]);
    });
  });

  describe('unit tests', () => {
    it('a test lies where what it tests does', () => {
      const source = { 'src/paging/walk/fault.ts': '' };
      expect(complaints({ ...source, 'test/unit/paging/walk/fault.test.ts': '' })).to.deep.equal([]);
      expect(complaints({ ...source, 'test/unit/paging/fault.test.ts': '' })).to.deep.equal([
        'test/unit/paging/fault.test.ts:0 tests are where what they test is: test/unit/paging/walk/fault.test.ts',
      ]);
    });

    it('a test that is named after no file lies where it likes', () => {
      expect(
        complaints({ 'src/paging/walk/fault.ts': '', 'test/unit/paging/what-faults-say.test.ts': '' }),
      ).to.deep.equal([]);
      expect(complaints({ 'src/paging/walk/fault.ts': '', 'test/unit/guest/fault.test.ts': '' })).to.deep.equal([]);
    });
  });
});
