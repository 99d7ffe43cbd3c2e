import type * as z from 'zod/mini';
import type { HandedDescriptor } from '../transport/internal.ts';

/** How one request is made. @public */
export interface ExecuteOptions<T> {
  /** The shape the reply must have; without it the reply is `unknown`. */
  readonly schema?: z.core.$ZodType<T>;
  readonly timeoutMs?: number;
  /** Goes with the command. @internal */
  readonly descriptor?: HandedDescriptor;
}

/**
 * Who can execute a QMP command: what the typed commands need of {@link QmpClient}.
 *
 * @public
 */
export interface QmpExecutor {
  readonly endpoint: string;
  execute<T = unknown>(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: ExecuteOptions<T>,
  ): Promise<T>;
}
