; 4-level paging. What its tables hold is stated in manifests/manifest-long.ts.

%include "long-mode.inc"

%macro WATCHES 0
    LONG_WATCHES
%endmacro

%define SECOND_CPU AP_ROOT

org LOAD
LONG_KERNEL 'long4', ROOT, 0

LEVEL_4 ROOT
LOWER_LEVELS
LEVEL_4_OF_OTHERS AP_ROOT
DATA_PAGES
