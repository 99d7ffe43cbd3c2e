; A hypervisor on 4-level paging for the tests of nested walks against the processor. See include/svm.inc.

%define LONG_MODE  1
%define ENTRY_SIZE 8
%include "svm/svm.inc"

org LOAD
SVM_KERNEL 'svm4', CR4_PAE | CR4_PKE | CR4_PKS, EFER_LME | EFER_NXE

TABLE HOME_ROOT
    ENTRY 0, HOME_PDPT | KERNEL
TABLE HOME_PDPT
    ENTRY 0, HOME_PD | KERNEL
    ENTRY 2, DIMM_PD | KERNEL
HOME_DIRECTORY
WINDOW_TABLES
