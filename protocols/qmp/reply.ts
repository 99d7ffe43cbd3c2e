import type { z } from 'zod';
import { QmpReplyError } from './errors.ts';

const EXCERPT_CHARS = 400;

/**
 * Lets a reply pass if it has the shape that is expected, and says where it differs if not.
 *
 * @throws QmpReplyError (`ERR_QMP_REPLY`)
 * @internal
 */
export function checkReply<T>(endpoint: string, command: string, reply: unknown, schema: z.ZodType<T>): T {
  const checked = schema.safeParse(reply);
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
