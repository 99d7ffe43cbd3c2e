import { expect } from 'chai';
import {
  type HvAccessTo,
  type HvPages,
  type HvTranslateAnswer,
  hvTranslate,
  hvWalkInMemory,
} from '../../../src/abi/index.ts';
import {
  type ReferenceHypercallAnswer,
  type ReferencePages,
  type ReferenceProcessor,
  referenceHypercall,
} from '../reference/reference-hypercall.ts';
import type { ReferenceMemory } from '../reference/reference-translation.ts';
import { describePlan, hex } from './describe-translation.ts';

/** What one answer consists of, as a line. @internal */
export interface HypercallVerdict {
  resultCode: number;
  text: string;
}

/** The product's answer, once it is known to be the reference's in every fact. @internal */
export function hypercallByBoth(
  controlFlags: bigint,
  gva: bigint,
  processor: ReferenceProcessor,
  memory: ReferenceMemory,
  pages: ReferencePages,
  explain: () => string,
): HypercallVerdict {
  const { machine, cpl, memoryTypes } = processor;
  const { cr0, cr4 } = machine.registers;
  const vp = { vtl: pages.inputVtl, cpl, cr0, cr4, maxPhyAddr: machine.processor.maxPhyAddr, memoryTypes };
  const walk = hvWalkInMemory(machine.registers, machine.processor, memory, gva);
  const product = hvTranslate({ controlFlags, gva }, vp, walk, toProduct(pages));
  const actual = format({ ...product, eventInfo: eventOf(product) });
  const answer = referenceHypercall(controlFlags, gva, processor, memory, pages);
  const expected = format(answer);
  if (actual !== expected) {
    expect(actual, explain()).to.equal(expected);
  }
  return { resultCode: answer.resultCode, text: actual };
}

function toProduct({ overlayPages, unreadable, unwritable, masks }: ReferencePages): HvPages {
  return {
    overlayPages,
    accessTo: accessBut(unreadable, unwritable),
    protections: masks.map((mask) => ({ vtl: mask.vtl, accessTo: accessBut(mask.unreadable, mask.unwritable) })),
  };
}

function accessBut(unreadable: readonly bigint[], unwritable: readonly bigint[]): HvAccessTo {
  return (page) => ({ read: !unreadable.includes(page), write: !unwritable.includes(page) });
}

/** The product has bytes, which are all zero without an event. */
function eventOf({ eventInfo }: HvTranslateAnswer): string | null {
  const text = Buffer.from(eventInfo).toString('hex');
  return /^0*$/.test(text) ? null : text;
}

function format(answer: ReferenceHypercallAnswer): string {
  const { resultCode, gpaPage, cacheType, overlayPage, eventInfo, bits } = answer;
  const facts = `${resultCode} page ${hex(gpaPage)} cache ${cacheType} overlay ${overlayPage} event ${eventInfo}`;
  return `${facts}, ${describePlan(bits)}`;
}
