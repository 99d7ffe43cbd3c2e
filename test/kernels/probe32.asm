; Makes accesses with 32-bit paging for the tests of the walker against the processor. See include/probe.inc.

%define LONG_MODE  0
%define ENTRY_SIZE 4
%include "probe/probe-layout.inc"
%include "probe/probe.inc"
%undef HOME_KEY
%define HOME_KEY 0

org LOAD
PROBE_KERNEL 'probe32', CR4_PSE | CR4_PKE | CR4_PKS, EFER_NXE

; The host adds the second memory here, from entry 512 on: 4 MiB pages beyond 4 GiB.
TABLE HOME_ROOT
    %assign region 0
    %rep LOW_MEMORY >> 22
        ENTRY region, (region << 22) | KERNEL | PS
        %assign region region + 1
    %endrep
    ENTRY 1023, WINDOW_PT | KERNEL | US
WINDOW_PAGES 0x200
