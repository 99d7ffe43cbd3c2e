import { expect } from 'chai';
import { MonitorTextError, parseQomTree } from '../../../../protocols/qmp/index.ts';

const TREE = [
  '/ (container)',
  '  /machine (pc-q35-10.0-machine)',
  '    /unattached (container)',
  '      /device[0] (max-x86_64-cpu)',
  '        /bus master (x)[0] (memory-region)',
  '    /q35 (q35-pcihost)',
  '  /objects (container)',
  '',
].join('\r\n');

describe('info qom-tree', () => {
  it('gives each object its path and type', () => {
    expect(parseQomTree(TREE).map(({ path, type }) => `${path}=${type}`)).to.deep.equal([
      '/=container',
      '/machine=pc-q35-10.0-machine',
      '/machine/unattached=container',
      '/machine/unattached/device[0]=max-x86_64-cpu',
      '/machine/unattached/device[0]/bus master (x)[0]=memory-region',
      '/machine/q35=q35-pcihost',
      '/objects=container',
    ]);
  });

  it('takes 262,144 objects, 64 deep, and no more', () => {
    const wide = (count: number) => `/ (container)\n${'  /x (irq)\n'.repeat(count - 1)}`;
    expect(parseQomTree(wide(262_144))).to.have.lengthOf(262_144);
    expect(() => parseQomTree(wide(262_145))).to.throw(MonitorTextError, 'more than 262144 objects');
    const deep = (count: number) =>
      Array.from({ length: count + 1 }, (_, depth) => `${'  '.repeat(depth)}/${depth === 0 ? '' : 'x'} (irq)`).join(
        '\n',
      );
    expect(parseQomTree(deep(64)).at(-1)?.path).to.equal('/x'.repeat(64));
    expect(() => parseQomTree(deep(65))).to.throw(MonitorTextError, 'more than 64 others');
  });

  for (const [what, text] of Object.entries({
    'nothing at all': '',
    'what the monitor says of a command that it does not know': 'unknown command: qom-tree',
    'an object without a parent': '/ (container)\n    /lost (irq)',
    'an object without a type': '/ (container)\n  /machine',
    'a line that was cut': '/ (container)\n  /machine (pc',
    'an indent of one': '/ (container)\n /machine (pc)',
  })) {
    it(`refuses ${what}`, () => {
      expect(() => parseQomTree(text)).to.throw(MonitorTextError);
    });
  }
});
