import * as z from 'zod/mini';

/**
 * What QEMU says first: `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian …"},
 * "capabilities": ["oob"]}}`, here without the outer `QMP`.
 *
 * @public
 */
export const greetingSchema = z.object({
  version: z.object({
    qemu: z.object({ major: z.int(), minor: z.int(), micro: z.int() }),
    package: z.string(),
  }),
  capabilities: z.array(z.unknown()),
});

/** QEMU's version and what its monitor can do. @public */
export type Greeting = z.output<typeof greetingSchema>;

/** `7.2.22`. @public */
export function formatQemuVersion({ version: { qemu } }: Greeting): string {
  return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
}
