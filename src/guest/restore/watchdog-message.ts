import type { RestorePlan } from './restore-plan.ts';

/**
 * What a client says to its watchdog, one JSON text a line. The end of the pipe without `disarm` means: put it back.
 *
 * `deadline`: the pause must be over by then, whole milliseconds from now on, or the client is stuck, and is killed for it; null
 * when it is over.
 *
 * @internal
 */
export type WatchdogMessage =
  | { readonly plan: RestorePlan }
  | { readonly deadline: number | null }
  | { readonly disarm: true };

/** As a line. A plan goes in base64: a shell passes it on, and takes bytes that are not ASCII as it likes. @internal */
export function encodeMessage(message: WatchdogMessage): string {
  const sent = 'plan' in message ? { plan: Buffer.from(JSON.stringify(message.plan)).toString('base64') } : message;
  return `${JSON.stringify(sent)}\n`;
}

/** @param line - of `encodeMessage`, without its end @internal */
export function decodeMessage(line: string): WatchdogMessage {
  const sent = JSON.parse(line) as { readonly plan: string } | Exclude<WatchdogMessage, { plan: RestorePlan }>;
  return 'plan' in sent ? { plan: JSON.parse(Buffer.from(sent.plan, 'base64').toString()) as RestorePlan } : sent;
}
