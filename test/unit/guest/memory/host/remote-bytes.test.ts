import { expect } from 'chai';
import type { RemotePiece, RemoteProcess } from '../../../../../protocols/transport/internal.ts';
import { remoteBytes } from '../../../../../src/guest/memory/host/remote-bytes.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

function processWith(readMemory: RemoteProcess['readMemory']): RemoteProcess {
  return { pid: 7, uid: 0, memoryProblem: undefined, readMaps: () => Promise.resolve(''), readMemory };
}

describe('the memory of a process of another host', () => {
  const pieces = [
    { position: 0x1000, target: new Uint8Array(2) },
    { position: 0x3000, target: new Uint8Array(1) },
  ];

  it('is asked for in one go', async () => {
    const asked: (readonly RemotePiece[])[] = [];
    const bytes = remoteBytes(
      processWith(async (wanted) => {
        asked.push(wanted);
        for (const { position, target } of wanted) target.fill(position >> 12);
      }),
    );
    expect(await bytes.read(pieces)).to.equal(undefined);
    expect(asked).to.deep.equal([pieces]);
    expect(pieces.map(({ target }) => [...target])).to.deep.equal([[1, 1], [3]]);
    bytes.close();
  });

  it('that cannot be read is no memory of the guest, as the helper there says', async () => {
    const cause = new Error('only 1 of 3 bytes could be read');
    const error = await expectRejection(
      remoteBytes(processWith(() => Promise.reject(cause))).read(pieces) ?? Promise.resolve(),
    );
    expect(error).to.be.instanceOf(RangeError);
    expect(error).to.include({ message: 'only 1 of 3 bytes could be read', cause });
  });
});
