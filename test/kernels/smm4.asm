; A vCPU that stays in system management mode, on 4-level paging whose tables lie in SMRAM.
; What its tables hold is stated in manifests/manifest-smm.ts.

%define LOAD         0x100000
%include "smm/smram.inc"

%define SMM_ROOT     0xb0000                      ; PML4, PDPT, PD and PT, one page each
%define SMM_PDPT     0xb1000
%define SMM_PD       0xb2000
%define SMM_PT       0xb3000
%define WANTED       0xabc000                     ; what 0x400000 leads to

%define PRESENT      7                            ; P, R/W, U/S
%define LARGE        (1 << 7)

%define CR0_LONG     0x80000011                   ; PG, ET, PE
%define CR4_PAE      (1 << 5)
%define MSR_EFER     0xc0000080
%define EFER_LME     (1 << 8)

%define DEBUG_PORT   0xe9

org LOAD
bits 32
header:
    dd 0x1badb002, 1 << 16, -(0x1badb002 + (1 << 16))
    dd header, LOAD, image_end, image_end, start

start:
    cli
    mov esp, 0x90000
    SET_SMRAMC SMRAMC_OPEN
    mov edi, SMM_ROOT
    xor eax, eax
    mov ecx, 4 * 0x1000 / 4
    rep stosd
    mov dword [SMM_ROOT], SMM_PDPT | PRESENT
    mov dword [SMM_PDPT], SMM_PD | PRESENT
    mov dword [SMM_PD], LARGE | PRESENT           ; the first 2 MiB, where all this lies
    mov dword [SMM_PD + 2 * 8], SMM_PT | PRESENT
    mov dword [SMM_PT], WANTED | PRESENT
    RAISE_SMI handler, handler_end

; Runs at SMM_ENTRY, in real mode with segments from SMBASE on.
bits 16
handler:
    o32 lgdt [cs:gdt_pointer - handler + SMM_ENTRY - SMRAM]
    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, SMM_ROOT
    mov cr3, eax
    mov ecx, MSR_EFER
    xor edx, edx
    mov eax, EFER_LME
    wrmsr
    mov eax, CR0_LONG
    mov cr0, eax
    jmp dword 8:SMM_ENTRY + long_mode - handler

bits 64
long_mode:
    mov ax, 16
    mov ds, ax
    mov ss, ax
    mov rsi, SMM_ENTRY + said - handler
.next:
    mov al, [rsi]
    out DEBUG_PORT, al
    inc rsi
    cmp al, 10
    jne .next
.stay:
    pause
    jmp .stay

said: db 'ready smm4', 10
align 8
gdt:  dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    dw gdt_pointer - gdt - 1
    dd SMM_ENTRY + gdt - handler
handler_end:
image_end:
