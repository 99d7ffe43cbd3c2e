export {
  type MapExpectation,
  type MatcherResult,
  type PagewalkMatchers,
  pagewalkMatchers as default,
} from './pagewalk-matchers.ts';
