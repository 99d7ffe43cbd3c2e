; 32-bit paging with 4 MiB pages. What its tables hold is stated in manifests/manifest-32.ts.

%define LONG_MODE  0
%define ENTRY_SIZE 4
%include "layout.inc"
%include "entries.inc"
%include "width.inc"
%include "reporter.inc"
%include "descriptors.inc"
%include "boot.inc"
%include "run.inc"
%include "data-pages.inc"
%include "test-32.inc"

%macro WATCHES 0
    WATCH ROOT + 256 * 4, 'pde'
    WATCH ROOT + 257 * 4, 'page-4m'
    WATCH ROOT + 1023 * 4, 'pde-self'
    WATCH TEST_PT + 0 * 4, 'rw'
    WATCH TEST_PT + 1 * 4, 'ro'
    WATCH TEST_PT + 2 * 4, 'supervisor'
%endmacro

org LOAD
    BOOT

set_up:
    REQUIRE HAS_PSE, 'this CPU has no 4 MiB pages'
    mov edx, CR4_PSE
    LOAD_CR4
    mov eax, ROOT
    mov cr3, eax
    lgdt [gdt_pointer]
    ENABLE_PAGING
    jmp SELECTOR_KERNEL:paging_on

paging_on:
    RUN 'paging32'
    PARTS

DIRECTORY_32
IDENTITY_PAGES_32
TEST_PAGES_32
DATA_PAGES
