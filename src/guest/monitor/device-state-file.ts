/** What QEMU writes its device state into, and we read. @internal */
export interface DeviceStateFile {
  /** As QEMU names it. */
  readonly path: string;
  /** @throws Error in words, or the system's. */
  read(): Buffer | Promise<Buffer>;
  /** It has been read, or will not be. */
  discard(): void | Promise<void>;
}
