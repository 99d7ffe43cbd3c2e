export * from './index.ts';
/** @internal */
export { formatStage } from './state/format-stage.ts';
/** @internal */
export { describeRecovery, type ReportedRecovery } from './words/describe-recovery.ts';
/** @internal */
export { foldLines, LEAST_COLUMNS } from './words/fold-lines.ts';
/** @internal */
export { formatLinear } from './words/format-hex.ts';
