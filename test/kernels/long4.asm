; 4-level paging. What its tables hold is stated in manifest.ts.

%define LONG_MODE  1
%define ENTRY_SIZE 8
%include "layout.inc"
%include "entries.inc"
%include "width.inc"
%include "reporter.inc"
%include "descriptors.inc"
%include "boot.inc"
%include "run.inc"
%include "identity-64.inc"
%include "test-64.inc"
%include "test-long.inc"

%macro WATCHES 0
    WATCH ROOT + 1 * 8, 'pml4e'
    WATCH ROOT + 256 * 8, 'pml4e-high'
    WATCH ROOT + 510 * 8, 'pml4e-self'
    WATCH TEST_PDPT + 0 * 8, 'pdpte'
    WATCH TEST_PDPT + 1 * 8, 'page-1g'
    WATCH TEST_PD + 0 * 8, 'pde'
    WATCH TEST_PD + 1 * 8, 'page-2m'
    WATCH TEST_PT + 0 * 8, 'rw'
    WATCH TEST_PT + 1 * 8, 'ro'
    WATCH TEST_PT + 2 * 8, 'supervisor'
    WATCH TEST_PT + 4 * 8, 'xd'
%endmacro

org LOAD
    BOOT

set_up:
    REQUIRE HAS_LONG, 'this CPU has no long mode'
    REQUIRE HAS_NX, 'this CPU has no execute-disable bit'
    mov edx, CR4_PAE
    LOAD_CR4
    LOAD_PROTECTION_KEYS
    SET_EFER EFER_LME | EFER_NXE
    mov eax, ROOT
    mov cr3, eax
    lgdt [gdt_pointer]
    ENABLE_PAGING
    jmp SELECTOR_CODE64:paging_on

NATIVE_BITS
paging_on:
    RUN 'long4'
    PARTS

LEVEL_4 ROOT
IDENTITY_DIRECTORY_POINTERS
IDENTITY_DIRECTORY
IDENTITY_PAGES
TEST_DIRECTORY_POINTERS
TEST_DIRECTORY
TEST_PAGES
DATA_PAGES
