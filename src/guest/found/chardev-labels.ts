/** The label QEMU gives the stub of `-gdb`, `-s` and `gdbserver`. @internal */
export const STUB_LABEL = 'gdb';

/** What libvirt calls the character device of its own monitor. @internal */
export const LIBVIRT_MONITOR = 'charmonitor';
