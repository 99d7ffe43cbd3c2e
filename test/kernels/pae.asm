; PAE paging. What its tables hold is stated in manifests/manifest-pae.ts.

%define LONG_MODE  0
%define ENTRY_SIZE 8
%include "layout.inc"
%include "entries.inc"
%include "width.inc"
%include "reporter.inc"
%include "descriptors.inc"
%include "boot.inc"
%include "run.inc"
%include "identity-64.inc"
%include "data-pages.inc"
%include "test-64.inc"

%macro WATCHES 0
    WATCH PAE_PDPT + 1 * 8, 'pdpte'
    LOWER_WATCHES
%endmacro

org LOAD
    BOOT

set_up:
    REQUIRE HAS_PAE, 'this CPU has no PAE'
    REQUIRE HAS_NX, 'this CPU has no execute-disable bit'
    mov edx, CR4_PAE
    LOAD_CR4
    SET_EFER EFER_NXE
    mov eax, PAE_PDPT
    mov cr3, eax
    lgdt [gdt_pointer]
    ENABLE_PAGING
    jmp SELECTOR_KERNEL:paging_on

paging_on:
    RUN 'pae'
    PARTS

; No entry may have a reserved bit here, rights included: the processor would refuse CR3 (SDM vol. 3A, 4.4.1).
TABLE PAE_PDPT
    ENTRY 0, IDENTITY_PD | P
    ENTRY 1, TEST_PD | P
    ENTRY 2, 0x7ffff000 | RW | US    ; not present
    ENTRY 3, TEST_PD | P
IDENTITY_DIRECTORY
IDENTITY_PAGES
TEST_DIRECTORY
TEST_PAGES
DATA_PAGES
