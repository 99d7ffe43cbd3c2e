; A firmware image for `-bios` with a page table in its first page: the machine maps the image so that it ends at 4 GiB, as
; ROM. What the table holds is stated in manifests/manifest-rom.ts. The entries' upper halves are zero, so that the table makes sense
; with 4-byte entries too, at twice the index.

%define ENTRY_SIZE 8
%include "layout.inc"
%include "entries.inc"
%include "data-pages.inc"

%define FIRMWARE_SIZE 0x40000                     ; SeaBIOS
%define PADDING       0x10000                     ; QEMU wants a multiple of 64 KiB

%if ROM_TABLE != (1 << 32) - FIRMWARE_SIZE - PADDING
    %error 'the table is not where layout.inc says'
%endif

rom_table:
    dq PAGE(24) | OPEN                            ; wants its A bit set, which ROM refuses
    dq PAGE(25) | OPEN | A | D
    dq PAGE(26) | P | US | A | D
    dq 0x7ffff000 | RW | US                       ; not present
    times PADDING - ($ - rom_table) db 0

firmware:
    incbin 'bios-256k.bin'
%if $ - firmware != FIRMWARE_SIZE
    %error 'this SeaBIOS has another size than expected'
%endif
