; A hypervisor on 32-bit paging for the tests of nested walks against the processor. See include/svm.inc.

%define LONG_MODE  0
%define ENTRY_SIZE 4
%include "svm/svm.inc"

org LOAD
SVM_KERNEL 'svm32', CR4_PSE | CR4_PKE | CR4_PKS, EFER_NXE

; The host adds the second memory here, from entry 512 on: 4 MiB pages beyond 4 GiB.
TABLE HOME_ROOT
    %assign region 0
    %rep LOW_MEMORY >> 22
        ENTRY region, (region << 22) | KERNEL | PS
        %assign region region + 1
    %endrep
WINDOW_TABLES
