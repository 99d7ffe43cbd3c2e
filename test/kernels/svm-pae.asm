; A hypervisor on PAE paging for the tests of nested walks against the processor. See include/svm.inc.

%define LONG_MODE  0
%define ENTRY_SIZE 8
%include "svm/svm.inc"
; PAE entries have no key; bits 62:59 are reserved in them.
%undef HOME_KEY
%define HOME_KEY 0

org LOAD
SVM_KERNEL 'svm-pae', CR4_PAE | CR4_PKE | CR4_PKS, EFER_NXE

TABLE HOME_ROOT
    ENTRY 0, HOME_PD | P
    ENTRY 2, DIMM_PD | P
HOME_DIRECTORY
WINDOW_TABLES
