export * from './index.ts';
/** @internal */
export { type FoundLinux, namesOf } from './linux/look-for-linux.ts';
/** @internal */
export { rehearse } from './rehearse.ts';
