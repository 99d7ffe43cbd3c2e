; 4-level paging. What its tables hold is stated in manifest-long.ts.

%include "long-mode.inc"

%macro WATCHES 0
    LONG_WATCHES
%endmacro

org LOAD
LONG_KERNEL 'long4', ROOT, 0

LEVEL_4 ROOT
LOWER_LEVELS
DATA_PAGES
