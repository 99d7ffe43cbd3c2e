import { expect } from 'chai';
import { ResumptionWatch } from '../../../../src/guest/link/resumption-watch.ts';

/** What the watch makes of a pause in which these events come; `?` is the reply that tells whether the guest ran. */
function watch(events: string, ran: boolean): { wasResumed: boolean; told: number } {
  let told = 0;
  const onResumption = (): void => {
    told += 1;
  };
  const watched = new ResumptionWatch({ endpoint: 'unix:/run/vm.qmp', onResumption });
  watched.arm();
  for (const event of events.split(' ').filter((name) => name !== '')) {
    if (event === '?') watched.expectStop(ran);
    else watched.onEvent(event);
  }
  return { wasResumed: watched.wasResumed, told };
}

describe('whether another client has resumed the guest', () => {
  const CASES: readonly (readonly [events: string, ran: boolean, wasResumed: boolean, what: string])[] = [
    ['? STOP', true, false, 'the event of our own pause after the reply'],
    ['STOP ?', true, false, 'the event of our own pause before the reply'],
    ['?', true, false, 'no event at all'],
    ['? RESUME STOP', true, false, 'an old resumption that a proxy delivers late'],
    ['RESUME ? STOP', true, false, 'an old resumption before the reply'],
    ['STOP ? RESUME', true, true, 'a resumption after our pause'],
    ['? STOP RESUME', true, true, 'a resumption after our pause, all of it late'],
    ['? RESUME', false, true, 'a resumption of a guest that had been paused'],
    ['? STOP RESUME STOP', true, true, 'a resumption and a pause: what was read is torn'],
  ];

  for (const [events, ran, wasResumed, what] of CASES) {
    it(`${what}: ${wasResumed ? 'yes' : 'no'}`, () => {
      expect(watch(events, ran)).to.deep.equal({ wasResumed, told: wasResumed ? 1 : 0 });
    });
  }

  it('does not count what we do ourselves', () => {
    const watched = new ResumptionWatch({ endpoint: 'unix:/run/vm.qmp', onResumption: () => {} });
    watched.onEvent('RESUME');
    watched.arm();
    watched.expectStop(true);
    watched.onEvent('STOP');
    watched.disarm();
    watched.onEvent('RESUME');
    expect(watched.problem).to.equal(undefined);
  });

  it('tells why what was read is torn, and that it was, once for a pause', () => {
    const told: Error[] = [];
    const watched = new ResumptionWatch({ endpoint: 'unix:/run/vm.qmp', onResumption: (error) => told.push(error) });
    watched.onRunning();
    expect([watched.problem, watched.wasResumed, told], 'it is not paused').to.deep.equal([undefined, false, []]);
    watched.arm();
    watched.onRunning();
    expect(watched.problem).to.include({ code: 'ERR_GUEST_RESUMED' });
    expect(watched.problem?.message).to.equal(
      'another client resumed the guest behind unix:/run/vm.qmp in the middle; what was read may be torn. Try again',
    );
    expect(watched.wasResumed).to.equal(true);
    expect(told).to.deep.equal([watched.problem]);
    const first = watched.problem;
    watched.onRunning();
    expect(watched.problem, 'the first counts').to.equal(first);
    watched.arm();
    expect([watched.problem, watched.wasResumed]).to.deep.equal([undefined, false]);
    watched.disarm();
    watched.onRunning();
    expect(watched.problem).to.equal(undefined);
    if (first !== undefined) watched.spoil(first);
    expect([watched.problem, watched.wasResumed], 'spoilt by something else').to.deep.equal([first, false]);
  });

  it('takes no other event for one, and needs no one who doubts', () => {
    const watched = new ResumptionWatch({ endpoint: 'unix:/run/vm.qmp', onResumption: () => {} });
    watched.armAfterRun();
    watched.onEvent('SHUTDOWN');
    watched.onEvent('STOP');
    expect(watched.problem).to.equal(undefined);
    watched.onEvent('RESUME');
    expect(watched.wasResumed, 'on a direct connection the events of a run are in').to.equal(true);
    const late = new ResumptionWatch({ endpoint: 'libvirt:vm', onResumption: () => {}, areEventsLate: true });
    late.armAfterRun();
    late.onEvent('RESUME');
    expect(late.wasResumed).to.equal(false);
  });

  describe('where events come in their own time', () => {
    /** `!`: a pause; `?`: the guest ran before it; `-`: it had been paused; `(`: it is being left; `)`: it runs again; `run`: let run. */
    function watchLate(steps: string): { wasResumed: boolean; doubts: number } {
      let doubts = 0;
      const watched = new ResumptionWatch({
        endpoint: 'libvirt:vm',
        onResumption: () => {},
        areEventsLate: true,
        onDoubt: () => {
          doubts += 1;
        },
      });
      const act: Record<string, () => void> = {
        '!': () => watched.arm(),
        '?': () => watched.expectStop(true),
        '-': () => watched.expectStop(false),
        '(': () => watched.disarm(),
        ')': () => watched.resumed(),
        run: () => watched.armAfterRun(),
      };
      for (const step of steps.split(' ')) (act[step] ?? (() => watched.onEvent(step)))();
      return { wasResumed: watched.wasResumed, doubts };
    }

    const LATE: readonly (readonly [steps: string, wasResumed: boolean, doubts: number, what: string])[] = [
      ['! ? ( ) ! ? STOP RESUME STOP', false, 0, 'the events of a whole pause, in the next'],
      ['! ? ( ) ! ? STOP RESUME STOP RESUME', true, 0, 'those, and then the resumption by another client'],
      ['! ? ( ) ! - STOP RESUME STOP', false, 0, 'those, in a pause of a guest that another client had paused'],
      ['! ? ( ) ! - STOP RESUME STOP RESUME', true, 0, 'those, and a resumption of it'],
      ['! ? STOP ( RESUME ) ! ? STOP RESUME', true, 0, 'events that were not late after all'],
      ['! ? STOP ( ) RESUME ! ? STOP', false, 0, 'an event between two pauses'],
      ['! ? STOP ( run RESUME STOP', false, 1, 'an event of a run of ours: nothing but the run state tells'],
      ['! ? ! ? STOP STOP RESUME', true, 0, 'the event of a pause that was made twice, and then a resumption'],
      ['! ? ! ? STOP RESUME', false, 0, 'the event of the first of two pauses without one between, and an old one'],
      ['! ? STOP ( ) ! ? STOP', false, 0, 'the event of a pause, before that of the resumption before it'],
    ];

    for (const [steps, wasResumed, doubts, what] of LATE) {
      it(`${what}: ${doubts > 0 ? 'perhaps' : wasResumed ? 'yes' : 'no'}`, () => {
        expect(watchLate(steps)).to.deep.equal({ wasResumed, doubts });
      });
    }
  });
});
