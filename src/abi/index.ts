export { AbiError } from './errors.ts';
export { type TranslateAnswer, toTranslateAnswer } from './kvm-translate.ts';
export {
  bitsMayBeSet,
  checkTerms,
  decodeRequestTerms,
  TRANSLATE2_ACCESS,
  TRANSLATE2_ERROR,
  TRANSLATE2_FLAG,
  type Translate2Answer,
  type Translate2ErrorName,
  type Translate2Request,
  type Translate2Terms,
  toTranslate2Answer,
  translate2ErrorOf,
} from './kvm-translate2.ts';
export {
  decodeTranslate2,
  encodeTranslate2,
  TRANSLATE2_SIZE,
  type Translate2Structure,
} from './kvm-translate2-codec.ts';
