import * as z from 'zod/mini';

/**
 * Every event: its name and what belongs to it. QEMU's QAPI reference lists them.
 *
 * @public
 */
export const qmpEventSchema = z.object({
  event: z.string(),
  data: z.optional(z.record(z.string(), z.unknown())),
  timestamp: z.optional(z.object({ seconds: z.int(), microseconds: z.int() })),
});

/** One event as it came. @public */
export type QmpEvent = z.output<typeof qmpEventSchema>;

const refusalSchema = z.object({ class: z.string(), desc: z.string() });

/** A message, looked at just closely enough to know who gets it. @internal */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly body: unknown }
  | { readonly kind: 'event'; readonly event: QmpEvent }
  | { readonly kind: 'return'; readonly id: number | undefined; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number | undefined; readonly errorClass: string; readonly desc: string }
  | { readonly kind: 'unroutable' };

/** The members that decide where a message goes. */
interface Peek {
  readonly QMP?: unknown;
  readonly id?: unknown;
  readonly return?: unknown;
  readonly error?: unknown;
  readonly event?: unknown;
}

/**
 * Reads one JSON object of the wire.
 *
 * @throws SyntaxError when the text is not JSON. What it *says* is judged where it is used, so that a strange reply to one
 * command cannot break another.
 * @internal
 */
export function decodeMessage(text: string): QmpMessage {
  const message: Peek = JSON.parse(text);
  const id = typeof message.id === 'number' ? message.id : undefined;
  if ('QMP' in message) return { kind: 'greeting', body: message.QMP };
  if ('return' in message) return { kind: 'return', id, value: message.return };
  if ('error' in message) return decodeRefusal(id, message.error);
  // A schema takes its time to say what is wrong, and what is no event is only dropped.
  if (typeof message.event !== 'string') return { kind: 'unroutable' };
  const event = qmpEventSchema.safeParse(message);
  return event.success ? { kind: 'event', event: event.data } : { kind: 'unroutable' };
}

function decodeRefusal(id: number | undefined, body: unknown): QmpMessage {
  const refusal = refusalSchema.safeParse(body);
  const { class: errorClass, desc } = refusal.success ? refusal.data : { class: 'unknown', desc: JSON.stringify(body) };
  return { kind: 'error', id, errorClass, desc };
}

/** The text of a request. Ids are small integers: QEMU re-encodes ids, and large or fractional ones come back changed. @internal */
export function encodeRequest(
  command: string,
  id: number,
  args: Readonly<Record<string, unknown>> | undefined,
): string {
  return JSON.stringify(args === undefined ? { execute: command, id } : { execute: command, arguments: args, id });
}
