/**
 * The class of an error that is none of QEMU's: libvirt passes QEMU's errors on as it got them, and what it says in words of its own is
 * that there is no reply. What may be taken for an answer must not be: that a device is gone, for one.
 *
 * @internal
 */
export const UNDELIVERED = 'Undelivered';
