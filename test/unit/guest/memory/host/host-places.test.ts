import { expect } from 'chai';
import { HostPlaces } from '../../../../../src/guest/memory/host/host-places.ts';
import { region } from '../../../../support/fakes/region.ts';

describe('where QEMU has regions of guest memory', () => {
  it('is known of those that were asked for, until something else lies there', () => {
    const places = new HostPlaces();
    const ram = region('ram', 0n, 0xfffn);
    const others = [
      region('ram', 1n, 0xfffn, 'pc.ram', 0n),
      region('ram', 0n, 0x1fffn),
      region('ram', 0n, 0xfffn, 'other'),
      region('ram', 0n, 0xfffn, 'pc.ram', 8n),
    ];
    expect(places.addressOf(ram)).to.equal(undefined);
    places.note(ram, 0x7f00);
    expect(places.addressOf({ ...ram })).to.equal(0x7f00);
    expect(others.map((other) => places.addressOf(other))).to.deep.equal(others.map(() => undefined));
    others.forEach((other, at) => {
      places.note(other, at);
    });
    places.note(ram, Number.NaN);
    expect([ram, ...others].map((each) => places.addressOf(each))).to.deep.equal([Number.NaN, 0, 1, 2, 3]);
    places.forget();
    expect([ram, ...others].map((each) => places.addressOf(each))).to.deep.equal(Array(5).fill(undefined));
  });
});
