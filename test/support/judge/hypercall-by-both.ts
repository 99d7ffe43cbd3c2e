import { expect } from 'chai';
import { type HvPages, hvTranslate, hvWalkInMemory } from '../../../src/abi/index.ts';
import { type ReferencePages, type ReferenceProcessor, referenceHypercall } from '../reference/reference-hypercall.ts';
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
  const vp = { cpl, cr0, cr4, maxPhyAddr: machine.processor.maxPhyAddr, memoryTypes };
  const walk = hvWalkInMemory(machine.registers, machine.processor, memory, gva);
  const actual = format(hvTranslate({ controlFlags, gva }, vp, walk, toProduct(pages)));
  const answer = referenceHypercall(controlFlags, gva, processor, memory, pages);
  const expected = format(answer);
  if (actual !== expected) {
    expect(actual, explain()).to.equal(expected);
  }
  return { resultCode: answer.resultCode, text: actual };
}

function toProduct({ overlayPages, unreadable, unwritable }: ReferencePages): HvPages {
  return {
    overlayPages,
    accessTo: (page) => ({ read: !unreadable.includes(page), write: !unwritable.includes(page) }),
  };
}

function format(answer: ReturnType<typeof referenceHypercall>): string {
  const { resultCode, gpaPage, cacheType, overlayPage, bits } = answer;
  return `${resultCode} page ${hex(gpaPage)} cache ${cacheType} overlay ${overlayPage}, ${describePlan(bits)}`;
}
