import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import { QmpReplyError } from './errors.ts';

/** The small form of zod says nothing by itself. */
const ENGLISH = { error: en().localeError };
const EXCERPT_CHARS = 400;

/**
 * Lets a reply pass if it has the shape that is expected, and says where it differs if not.
 *
 * @throws QmpReplyError (`ERR_QMP_REPLY`)
 * @internal
 */
export function checkReply<T>(endpoint: string, command: string, reply: unknown, schema: z.core.$ZodType<T>): T {
  const checked = z.safeParse(schema, reply, ENGLISH);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new QmpReplyError(
    {
      endpoint,
      command,
      path: formatPath(issue?.path ?? []),
      problem: issue?.message ?? 'it does not fit',
      reply: (JSON.stringify(reply) ?? 'nothing').slice(0, EXCERPT_CHARS),
    },
    { cause: checked.error },
  );
}

/** `[0].cpu-index` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step, index) => formatStep(step, index === 0)).join('');
}

function formatStep(step: PropertyKey, isFirst: boolean): string {
  if (typeof step === 'number') return `[${step}]`;
  return isFirst ? String(step) : `.${String(step)}`;
}
