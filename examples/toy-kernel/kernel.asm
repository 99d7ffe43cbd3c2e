; A kernel in 200 lines that has what a suite looks at: code that is not writable, data that is not executable, a stack with a guard
; page, a page for users, and a store that sets A and D. It says on the debug console (port 0xe9) how far it is:
;
;   nasm -f bin -o kernel.bin kernel.asm && qemu-system-x86_64 -kernel kernel.bin -debugcon stdio
;
; Words on the command line break it, each in one way: `+wx` leaves data executable, `+guard` maps the guard page, `+leak` gives
; users the kernel's data, `+fault` reads where nothing is mapped, without a handler: a triple fault; `+reset` and `+off` end the machine.

org 0x100000
bits 32

%define PRESENT 1
%define WRITE   2
%define USER    4
%define NX_HIGH 0x80000000      ; bit 63, in the upper half of an entry

; Linear addresses, each a page, all below 2 MiB, so that one page table serves. Identity but for the user page.
%define TEXT    0x100000
%define DATA    0x102000
%define GUARD   0x103000
%define STACK   0x104000
%define USERS   0x105000
%define TABLES  0x106000        ; PML4, PDPT, PD, PT

; The multiboot header says where to load, as a flat binary cannot.
header:
    dd 0x1badb002, 1 << 16, -(0x1badb002 + (1 << 16))
    dd header, TEXT, end, TABLES + 0x4000, start

start:
    cli
    cld
    mov esp, STACK + 0x1000
    mov esi, [ebx + 16]         ; the command line
    call read_words

; One page table, by hand: each page with no more rights than it needs.
    mov dword [TABLES], (TABLES + 0x1000) | PRESENT | WRITE | USER
    mov dword [TABLES + 0x1000], (TABLES + 0x2000) | PRESENT | WRITE | USER
    mov dword [TABLES + 0x2000], (TABLES + 0x3000) | PRESENT | WRITE | USER
    mov edi, TABLES + 0x3000
    mov eax, TEXT | PRESENT                         ; r-x-
    mov edx, 0
    call map
    mov eax, DATA | PRESENT | WRITE                 ; rw--
    mov edx, NX_HIGH
    test byte [words], 1
    jz .data
    mov edx, 0                                      ; "+wx"
.data:
    test byte [words], 4
    jz .kernel_data
    or eax, USER                                    ; "+leak"
.kernel_data:
    call map
    test byte [words], 2
    jz .stack
    mov eax, GUARD | PRESENT | WRITE                ; "+guard"
    mov edx, NX_HIGH
    call map
.stack:
    mov eax, STACK | PRESENT | WRITE                ; rw--, and no page below it
    mov edx, NX_HIGH
    call map
    mov eax, USERS | PRESENT | WRITE | USER         ; rw-u
    call map
    mov ecx, 4                                      ; the tables themselves: rw--
    mov eax, TABLES | PRESENT | WRITE
.tables:
    call map
    add eax, 0x1000
    loop .tables

; Long mode: PAE, NXE and LME, paging with write protection for the kernel too.
    mov eax, 1 << 5
    mov cr4, eax
    mov eax, TABLES
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, (1 << 8) | (1 << 11)
    xor edx, edx
    wrmsr
    mov eax, 0x80010001
    mov cr0, eax
    lgdt [gdt_pointer]
    lidt [no_idt]               ; of no length, so that CR2 stays the fault's own
    jmp 8:long_mode

; map: eax is the entry's lower half, edx its upper half
map:
    push eax
    mov ebx, eax
    shr ebx, 12
    and ebx, 511
    mov [edi + ebx * 8], eax
    mov [edi + ebx * 8 + 4], edx
    pop eax
    ret

; Sets a bit for each word of the list that the command line has.
read_words:
    mov edi, list
.next_word:
    mov dl, [edi]
    test dl, dl
    jz .done
    inc edi
    push esi
.position:
    cmp byte [esi], 0
    je .absent
    push esi
    push edi
.compare:
    mov al, [edi]
    cmp al, 0
    je .found
    cmp al, [esi]
    jne .differs
    inc esi
    inc edi
    jmp .compare
.differs:
    pop edi
    pop esi
    inc esi
    jmp .position
.found:
    pop edi
    pop esi
    or [words], dl
.absent:
    pop esi
.skip:
    mov al, [edi]
    inc edi
    test al, al
    jnz .skip
    jmp .next_word
.done:
    ret

list:
    db 1, '+wx', 0, 2, '+guard', 0, 4, '+leak', 0, 8, '+fault', 0, 16, '+reset', 0, 32, '+off', 0, 0
words: db 0

align 8
gdt:
    dq 0, 0x00209b0000000000, 0x0000930000000000 ; marked as accessed: the page is read-only
gdt_pointer:
    dw 23
    dq gdt
no_idt:
    dw 0
    dq 0

bits 64
long_mode:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov rsp, STACK + 0x1000
    lea rsi, [rel ready]
    call say
    test byte [rel words], 8
    jz .no_fault
    mov al, [0xdead000]         ; nothing is mapped there, and there is no IDT
.no_fault:
    test byte [rel words], 16
    jz .no_reset
    mov al, 0xfe                ; the keyboard controller pulls the reset line
    out 0x64, al
    hlt
.no_reset:
    test byte [rel words], 32
    jz work
    mov dx, 0x604               ; ACPI's power off, as QEMU's pc has it
    mov ax, 0x2000
    out dx, ax
    hlt

; The work: a store into the data page, a look at the user page, and again.
work:
    inc qword [DATA + 8]
store:
    mov rax, [USERS]
    mov rcx, 100000
.wait:
    loop .wait
    inc byte [DATA]
    jnz work
    lea rsi, [rel tick]
    call say
    jmp work

say:
    mov dx, 0xe9
.next:
    lodsb
    test al, al
    jz .end
    out dx, al
    jmp .next
.end:
    ret

ready: db 'ready', 10, 0
tick: db 'tick', 10, 0
end:
