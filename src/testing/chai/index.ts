export {
  type ChaiLike,
  type ChaiUtilsLike,
  type PendingAssertion,
  pagewalkChai as default,
} from './pagewalk-chai.ts';
