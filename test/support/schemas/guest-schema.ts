import * as z from 'zod';

/** A socket of a QEMU. */
export const channelSchema = z.strictObject({
  purpose: z.enum(['qmp', 'hmp', 'gdb', 'unknown']),
  endpoint: z.string().nullable(),
  address: z.string(),
  state: z.enum(['free', 'held', 'absent', 'unknown']),
  holder: z.strictObject({ pid: z.int().min(1), program: z.string().nullable() }).nullable(),
});

/** One line of `pagewalk guests --json`. */
export const guestLineSchema = z.strictObject({
  pid: z.int().min(1),
  name: z.string().nullable(),
  uid: z.int().min(0),
  user: z.string().nullable(),
  program: z.string(),
  accelerator: z.string().nullable(),
  machine: z.string().nullable(),
  libvirt: z.strictObject({ uri: z.string(), domain: z.string(), isProven: z.boolean() }).nullable(),
  container: z.string().nullable(),
  otherNamespaces: z.array(z.string()),
  innerPid: z.int().min(1).nullable(),
  channels: z.array(channelSchema),
  qmp: z.string().nullable(),
  gdb: z.string().nullable(),
});
