import * as z from 'zod/mini';
import type { ExecuteOptions, QmpExecutor } from '../executor.ts';

const booleanSchema = z.boolean();
// An integer above 2^53 would arrive changed; the schema refuses it.
const numberSchema = z.int();
const stringSchema = z.string();

/** `qom-get`: a property of an object in QEMU, of whatever type. The guest is not disturbed. @public */
export function qomGet<T = unknown>(
  qmp: QmpExecutor,
  path: string,
  property: string,
  options?: ExecuteOptions<T>,
): Promise<T> {
  return qmp.execute('qom-get', { path, property }, options);
}

/** A property that must be a boolean. @throws QmpReplyError when it is not. @public */
export function qomGetBoolean(qmp: QmpExecutor, path: string, property: string): Promise<boolean> {
  return qomGet(qmp, path, property, { schema: booleanSchema });
}

/** A property that must be an integer which a number can hold. @throws QmpReplyError when it is not. @public */
export function qomGetNumber(qmp: QmpExecutor, path: string, property: string): Promise<number> {
  return qomGet(qmp, path, property, { schema: numberSchema });
}

/** A property that must be a string. @throws QmpReplyError when it is not. @public */
export function qomGetString(qmp: QmpExecutor, path: string, property: string): Promise<string> {
  return qomGet(qmp, path, property, { schema: stringSchema });
}
