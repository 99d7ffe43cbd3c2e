/** @internal */
export { formatHexBytes } from './hex.ts';
export * from './index.ts';
