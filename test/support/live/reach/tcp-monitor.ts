import type { QemuProcess } from '../../../../src/testing/index.ts';
import { Witness } from '../guest/witness.ts';

/** QEMU's arguments for one more monitor, on a port of the loopback that QEMU itself takes: one that was free before may be another's by then. */
export const TCP_MONITOR: readonly string[] = ['-qmp', 'tcp:127.0.0.1:0,server=on,wait=off'];

/** The port of {@link TCP_MONITOR}. */
export async function tcpMonitorPort(guest: QemuProcess): Promise<number> {
  await using witness = await Witness.of(guest);
  const ports = (await witness.chardevs()).flatMap((each) => /tcp:127\.0\.0\.1:(\d+),server/.exec(each)?.[1] ?? []);
  if (ports.length !== 1) throw new Error(`QEMU listens at ${ports.length} ports`);
  return Number(ports[0]);
}
