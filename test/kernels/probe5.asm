; Makes accesses with 5-level paging for the tests of the walker against the processor. See include/probe.inc.

%include "probe/probe-long.inc"

org LOAD
PROBE_KERNEL 'probe5', CR4_PAE | CR4_LA57 | CR4_PKE | CR4_PKS, EFER_LME | EFER_NXE

TABLE HOME_ROOT
    ENTRY 0, HOME_PML4 | KERNEL
    ENTRY 511, WINDOW_PML4 | KERNEL | US
LONG_TABLES
