import type { Translation } from '../paging/index.ts';
import { asAnswer } from '../paging/internal.ts';

/** The answer of KVM_TRANSLATE, the older ioctl (`struct kvm_translation`). @public */
export interface TranslateAnswer {
  /** All ones when the walk failed; KVM cannot say why. */
  readonly physicalAddress: bigint;
  readonly valid: boolean;
  /** Constant on x86, whatever the entries say. */
  readonly writeable: true;
  /** Constant on x86, whatever the entries say. */
  readonly usermode: false;
}

const INVALID_GPA = 0xffff_ffff_ffff_ffffn;

/**
 * KVM_TRANSLATE's answer. The ioctl walks as a supervisor read, so give the translation of that access; it also sets the A
 * bits of a successful walk, which is up to the caller here.
 *
 * @public
 */
export function toTranslateAnswer(translation: Translation): TranslateAnswer {
  const valid = translation.kind === 'mapped';
  return asAnswer({
    physicalAddress: valid ? translation.physicalAddress : INVALID_GPA,
    valid,
    writeable: true,
    usermode: false,
  });
}
