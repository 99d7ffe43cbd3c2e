/** `2026-11-30 00:34:08 UTC`: a page is sent to others, and read beside logs. @internal */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
