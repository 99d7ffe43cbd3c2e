; 5-level paging, over the same four levels as long4. What its tables hold is stated in manifests/manifest-long.ts.

%include "long-mode.inc"

%macro WATCHES 0
    WATCH ROOT_5 + 1 * 8, 'pml5e'
    LONG_WATCHES
%endmacro

org LOAD
LONG_KERNEL 'long5', ROOT_5, CR4_LA57

LEVEL_4 ROOT
LOWER_LEVELS
LEVEL_5 ROOT_5, ROOT
DATA_PAGES
