import { expect } from 'chai';
import { HV_SELF } from '../../../../src/abi/index.ts';
import { type DecodedHvBytes, encodeHvBytes } from '../../../../src/report/index.ts';
import { hvBytesSchema } from '../../../support/schemas/translation-schema.ts';

function encoded(decoded: DecodedHvBytes): object {
  return hvBytesSchema.parse(JSON.parse(encodeHvBytes(decoded)));
}

const output = { resultCode: 0, gpaPage: 0x120n, cacheType: 6, overlayPage: true };
const outputEx = { ...output, resultCode: 8, gpaPage: 0n, eventInfo: new Uint8Array(32) };

describe('decoded bytes of the hypercall, as JSON', () => {
  it('an input names its flags, and has the address beside the page', () => {
    const input = { ...HV_SELF, controlFlags: 3n, gvaPage: 0xffff_8000_0000_1n };
    expect(encoded({ kind: 'input', input })).to.deep.include({
      controlFlags: '0x3',
      flags: ['VALIDATE_READ', 'VALIDATE_WRITE'],
      linearAddress: '0xffff800000001000',
    });
  });

  it('an output has a cache type by name where it succeeded, and none else', () => {
    expect(encoded({ kind: 'output', output })).to.deep.include({
      result: 'Success',
      gpaPage: '0x120',
      cacheType: 'WB',
    });
    expect(encoded({ kind: 'output', output: { ...output, resultCode: 2 } })).to.deep.include({ cacheType: null });
  });

  it('an output of Ex has its event, whose address may be absent; of other events the type alone; or none', () => {
    const event = {
      type: 'memoryIntercept',
      targetVtl: 1,
      access: 'read',
      causedByGpaAccess: false,
      guestLinearAddress: null,
      guestPhysicalAddress: 0x3000n,
    } as const;
    const withEvent = (given: typeof event | { readonly type: 'extInt' } | null) =>
      encoded({ kind: 'output-ex', output: outputEx, event: given });
    expect(withEvent(event)).to.deep.include({
      result: 'Intercept',
      event: { ...event, guestPhysicalAddress: '0x3000' },
    });
    expect(withEvent({ type: 'extInt' })).to.deep.include({ event: { type: 'extInt' } });
    expect(withEvent(null)).to.deep.include({ event: null });
  });
});
