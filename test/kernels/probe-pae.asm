; Makes accesses with PAE paging for the tests of the walker against the processor. See include/probe.inc.

%define LONG_MODE  0
%define ENTRY_SIZE 8
%include "probe/probe-layout.inc"
%include "probe/probe.inc"
; PAE entries have no key; bits 62:59 are reserved in them.
%undef HOME_KEY
%define HOME_KEY 0

org LOAD
PROBE_KERNEL 'probe-pae', CR4_PAE | CR4_PKE | CR4_PKS, EFER_NXE

TABLE HOME_ROOT
    ENTRY 0, HOME_PD | P
    ENTRY 2, DIMM_PD | P
    ENTRY 3, WINDOW_PD | P
HOME_DIRECTORY
TABLE WINDOW_PD
    ENTRY 511, WINDOW_PT | KERNEL | US
WINDOW_PAGES 0
