export type { TraceRecord, TraceSink } from '../protocols/transport/index.ts';
export {
  ConnectError,
  type ConnectErrorCode,
  type Endpoint,
  EndpointError,
  formatEndpoint,
  parseEndpoint,
  TransportError,
} from '../protocols/transport/index.ts';
export * from './abi/index.ts';
export * from './guest/index.ts';
export * from './paging/index.ts';
export * from './report/index.ts';
