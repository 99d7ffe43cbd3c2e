import { expect } from 'chai';
import { createContext, translate } from '../../../../src/paging/index.ts';
import { decodeAccess, encodeAccess } from '../../../../src/paging/rules/access.ts';

const flags = ['write', 'user', 'exec', 'implicit', 'shadowStack'] as const;
const segments = [undefined, 'ss', 'other'] as const;

/** Every access that makes sense. */
const accesses = Array.from({ length: 2 ** flags.length }, (_, bits) => {
  const [write, user, exec, implicit, shadowStack] = flags.map((_, at) => (bits & (1 << at)) !== 0);
  return { write: write === true, user: user === true, exec: exec === true, implicit, shadowStack };
})
  .filter(({ write, user, exec, implicit, shadowStack }) => {
    return !(write && exec) && !(implicit && (user || exec || shadowStack)) && !(shadowStack && exec);
  })
  .flatMap(({ write, user, exec, implicit, shadowStack }) =>
    segments.map((segment) => ({
      write,
      user,
      exec,
      ...(implicit ? { implicit } : {}),
      ...(shadowStack ? { shadowStack } : {}),
      ...(segment === undefined ? {} : { segment }),
    })),
  );

describe('paging/access', () => {
  it('is the same after it was encoded, the segment too', () => {
    for (const access of accesses) expect(decodeAccess(encodeAccess(access))).to.deep.equal(access);
    const codes = new Set(accesses.map(encodeAccess));
    expect(codes.size).to.equal(accesses.length);
  });

  it('takes DS and ES for what is meant without a segment', () => {
    const access = { write: false, user: false, exec: false };
    expect(encodeAccess({ ...access, segment: 'ds-es' })).to.equal(encodeAccess(access));
  });

  it('is repeated by the answer', () => {
    const context = createContext({ cr0: 0n, cr3: 0n, cr4: 1n << 23n, efer: 0n }, { maxPhyAddr: 40 });
    for (const access of accesses) {
      expect(translate(context, { readEntry: () => null }, 0n, access).access).to.deep.equal(access);
    }
  });
});
