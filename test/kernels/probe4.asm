; Makes accesses with 4-level paging for the tests of the walker against the processor. See include/probe.inc.

%include "probe/probe-long.inc"

org LOAD
PROBE_KERNEL 'probe4', CR4_PAE | CR4_PKE | CR4_PKS, EFER_LME | EFER_NXE

TABLE HOME_ROOT
    ENTRY 0, HOME_PDPT | KERNEL
    ENTRY 511, WINDOW_PDPT | KERNEL | US
LONG_TABLES
