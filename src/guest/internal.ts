export * from './index.ts';
/** @internal */
export { rehearse } from './rehearse.ts';
