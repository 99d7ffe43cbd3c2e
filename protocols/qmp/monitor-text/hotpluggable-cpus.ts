import { TextLines } from './lines.ts';

const MARK = 'qom_path: "';

/**
 * The path of the first vCPU that `info hotpluggable-cpus` shows to be plugged in; undefined where it shows none, or is unknown.
 *
 * ```
 * Hotpluggable CPUs:
 *   type: "qemu64-x86_64-cpu"
 *   vcpus_count: "1"
 *   qom_path: "/machine/unattached/device[0]"
 * ```
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) for a text without end.
 * @public
 */
export function findPluggedCpuPath(text: string): string | undefined {
  const line = new TextLines('info hotpluggable-cpus', text);
  while (line.next()) {
    const entry = line.text.trim();
    if (entry.startsWith(MARK) && entry.length > MARK.length && entry.endsWith('"')) {
      return entry.slice(MARK.length, -1);
    }
  }
  return undefined;
}
