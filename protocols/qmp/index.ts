export {
  type AbandonSignal,
  type ByteStream,
  ConnectError,
  type ConnectErrorCode,
  type ConnectedSocket,
  type Connection,
  type ConnectOptions,
  connect,
  type Endpoint,
  EndpointError,
  formatEndpoint,
  parseEndpoint,
  type SocketFile,
  type TcpEnd,
  type TraceRecord,
  type TraceSink,
  TransportError,
} from '../transport/index.ts';
export {
  QmpClient,
  type QmpClientOptions,
  type QmpClientState,
  type QmpEventListener,
} from './client.ts';
export { cont } from './commands/cont.ts';
export { type HmpOptions, humanMonitorCommand } from './commands/human-monitor-command.ts';
export { qomGet, qomGetBoolean, qomGetNumber, qomGetString } from './commands/qom-get.ts';
export { type QomProperty, qomList } from './commands/qom-list.ts';
export { type ChardevInfo, queryChardev } from './commands/query-chardev.ts';
export { type CpuInfo, queryCpusFast } from './commands/query-cpus-fast.ts';
export { type KvmInfo, queryKvm } from './commands/query-kvm.ts';
export { isMigrating, type MigrationInfo, queryMigrate } from './commands/query-migrate.ts';
export { queryStatus, type RunStatus } from './commands/query-status.ts';
export { queryTarget } from './commands/query-target.ts';
export { stop } from './commands/stop.ts';
export { saveDevicesState } from './commands/xen-save-devices-state.ts';
export {
  type NestedPaging,
  readNestedPaging,
  readPdptrs,
  readPkrs,
  readPkru,
  readSvmIntCtl,
  runsNestedUnderKvm,
} from './device-state/cpu-extras.ts';
export type {
  CpuFields,
  DeviceStateMtrr,
  DeviceStateSegment,
  DeviceStateSegmentName,
  DeviceStateTarget,
} from './device-state/cpu-fields.ts';
export { type CpuDeviceState, type DeviceState, parseDeviceState } from './device-state/device-state.ts';
export type { CpuSubsection } from './device-state/subsections.ts';
export {
  DeviceStateError,
  MonitorTextError,
  QmpBusyError,
  QmpClosedError,
  QmpCommandError,
  QmpError,
  QmpHmpError,
  QmpProtocolError,
  QmpReplyError,
  QmpTimeoutError,
  QmpTlsStallError,
  QmpUndeliveredError,
  type ShutdownNotice,
} from './errors.ts';
export type { ExecuteOptions, QmpExecutor } from './executor.ts';
export { formatQemuVersion, type Greeting, greetingSchema } from './greeting.ts';
export { type QmpEvent, qmpEventSchema } from './message.ts';
export {
  type AddressSpace,
  type FlatRange,
  type FlatRangeType,
  type FlatView,
  parseFlatViews,
  selectFlatView,
} from './monitor-text/flat-view.ts';
export { type GdbserverOutcome, parseGdbserverOutput } from './monitor-text/gdbserver.ts';
export { parseHostAddress } from './monitor-text/gpa2hva.ts';
export { isHmpError, normalizeLineEnds } from './monitor-text/hmp-output.ts';
export { findPluggedCpuPath } from './monitor-text/hotpluggable-cpus.ts';
export { type InfoCpu, parseInfoCpus } from './monitor-text/info-cpus.ts';
export { parseInfoKvm } from './monitor-text/info-kvm.ts';
export {
  type InfoRegisters,
  type PrintedSegment,
  type PrintedTable,
  parseAllInfoRegisters,
  parseInfoRegisters,
} from './monitor-text/info-registers.ts';
export { type InfoStatus, parseInfoStatus } from './monitor-text/info-status.ts';
export { parseInfoVersion } from './monitor-text/info-version.ts';
export { parseMemoryDump } from './monitor-text/memory-dump.ts';
export { parseQomTree, type QomNode } from './monitor-text/qom-tree.ts';
