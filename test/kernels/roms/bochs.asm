; A ROM for Bochs in the place of a BIOS: enters long mode, becomes a VMX hypervisor, and runs each case of a list as a guest of its
; own. An exception of the guest comes back as a VM exit, with its error code and qualification: no guest needs an IDT, a TSS or a
; way from one ring to another. With and without EPT, in every paging mode, the same code.
;
; The first disk brings the cases and takes the results. Its first sector says how many sectors of cases follow, and in which sector
; the results begin. The numbers are those of test/conformance/bochs/layout.ts.
;
; A case, in qwords; -1 in place of a case ends the list:
;   n, n times (VMCS field, value); n, n times (MSR, value); n, n times (physical address, value); PKRU, RAX, RDI
; A result:
;   exit reason, qualification, interruption information, its error code, linear address, physical address, RAX, what went wrong;
;   then (address, value) of each qword of the case that is not as it was; 0

STATE           equ 0x00106000          ; some bytes of the hypervisor's own
VMXON_REGION    equ 0x00107000
VMCS_REGION     equ 0x00108000
HOST_TSS        equ 0x00109000
ROOT            equ 0x00100000
STACK           equ 0x00110000
PAGES           equ 0x03000000
PAGES_BYTES     equ 0x00800000
CASES           equ 0x04000000
RESULTS         equ 0x08000000

CODE_32         equ 0x08
DATA            equ 0x10
CODE_64         equ 0x18
TASK            equ 0x20

ATA             equ 0x1f0
SECTORS_AT_ONCE equ 128
SHUTDOWN_PORT   equ 0x8900              ; Bochs ends when it reads "Shutdown" here

CR4_VMXE        equ 0x2000
CR4_PKE         equ 0x400000
IA32_FEATURES   equ 0x3a
VMX_BASIC       equ 0x480
VMX_LAST        equ 0x490
HOST_CR0        equ 0x6c00
HOST_CR3        equ 0x6c02
HOST_CR4        equ 0x6c04
HOST_RSP        equ 0x6c14
HOST_RIP        equ 0x6c16
VM_ERROR        equ 0x4400

; In STATE.
REGION_ADDRESS  equ STATE               ; what VMXON and VMPTRLD take from memory
VMCS_ADDRESS    equ STATE + 8
INVEPT_ALL      equ STATE + 16          ; 16 bytes of zeros
RESULTS_LBA     equ STATE + 32

        org 0xf0000
bits 64
base:
; r15: where the next result goes. r14: CPUID.7.ECX. rbx: the next case.
start64:
        mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov rsp, STACK
        mov qword [abs INVEPT_ALL], 0
        mov qword [abs INVEPT_ALL + 8], 0
        call read_cases
        call fill_pages
        mov r15, RESULTS
        mov rax, [rel magic]
        mov [r15], rax
        add r15, 16                     ; the second qword is the length
        mov eax, 0x80000008
        cpuid
        mov [r15], rax
        mov eax, 7
        xor ecx, ecx
        cpuid
        mov [r15 + 8], rbx
        mov [r15 + 16], rcx
        mov [r15 + 24], rdx
        mov r14, rcx
        add r15, 32
        call start_vmx
        jbe finish                      ; no case has a result then
        mov rbx, CASES

next_case:
        mov rcx, [rbx]
        add rbx, 8
        cmp rcx, -1
        je finish
        xor r13, r13                    ; a field that cannot be written, and bit 62
        jrcxz .fields_done
.field: mov rdx, [rbx]
        mov rax, [rbx + 8]
        vmwrite rdx, rax
        ja .field_written
        mov r13, rdx
        bts r13, 62
.field_written:
        add rbx, 16
        dec rcx
        jnz .field
.fields_done:
        mov rsi, [rbx]
        add rbx, 8
.msr:   test rsi, rsi
        jz .msrs_done
        mov ecx, [rbx]
        mov eax, [rbx + 8]
        mov edx, [rbx + 12]
        wrmsr
        add rbx, 16
        dec rsi
        jmp .msr
.msrs_done:
        mov rcx, [rbx]
        add rbx, 8
        mov r12, rbx                    ; for the comparison afterwards
        mov r11, rcx
        jrcxz .memory_done
.qword: mov rdx, [rbx]
        mov rax, [rbx + 8]
        mov [rdx], rax
        add rbx, 16
        dec rcx
        jnz .qword
.memory_done:
        mov r10, [rbx]
        call set_pkru
        mov eax, 2                      ; of all contexts
        invept rax, [abs INVEPT_ALL]
        mov rax, [rbx + 8]
        mov rdi, [rbx + 16]
        add rbx, 24
        vmresume
        vmlaunch
        ; Neither: the reason, and bit 63.
        mov rdx, VM_ERROR
        vmread rax, rdx
        bts rax, 63
        or r13, rax
exited: mov [r15 + 48], rax
        mov [r15 + 56], r13
        xor r10, r10
        call set_pkru
        mov rsi, exit_fields
        mov rdi, r15
        mov ecx, 6
.field: movzx edx, word [rsi]
        vmread rax, rdx
        mov [rdi], rax
        add rsi, 2
        add rdi, 8
        dec ecx
        jnz .field
        add r15, 64
.qword: test r11, r11
        jz .compared
        mov rdx, [r12]
        mov rax, [rdx]
        cmp rax, [r12 + 8]
        je .same
        mov [r15], rdx
        mov [r15 + 8], rax
        add r15, 16
.same:  add r12, 16
        dec r11
        jmp .qword
.compared:
        mov qword [r15], 0
        add r15, 8
        jmp next_case

; exit reason, qualification, interruption information, its error code, guest-linear and guest-physical address
exit_fields:
        dw 0x4402, 0x6400, 0x4404, 0x4406, 0x640a, 0x2400

; PKRU := r10d, where there are keys.
set_pkru:
        bt r14, 3
        jnc .none
        mov eax, r10d
        xor ecx, ecx
        xor edx, edx
        wrpkru
.none:  ret

; CF or ZF says that there is no VMX. Its capability MSRs go to the results in any case.
start_vmx:
        mov ecx, VMX_BASIC
.capability:
        rdmsr
        mov [r15], eax
        mov [r15 + 4], edx
        add r15, 8
        inc ecx
        cmp ecx, VMX_LAST
        jbe .capability
        mov rax, cr4
        or eax, CR4_VMXE
        bt r14, 3
        jnc .no_keys
        or eax, CR4_PKE
.no_keys:
        mov cr4, rax
        mov rax, cr0
        or eax, 0x20                    ; NE
        mov cr0, rax
        mov ecx, IA32_FEATURES
        rdmsr
        test al, 1
        jnz .locked
        or eax, 5
        wrmsr
.locked:
        mov ecx, VMX_BASIC
        rdmsr
        and eax, 0x7fffffff             ; the revision
        mov [abs VMXON_REGION], eax
        mov [abs VMCS_REGION], eax
        mov qword [abs REGION_ADDRESS], VMXON_REGION
        mov qword [abs VMCS_ADDRESS], VMCS_REGION
        vmxon [abs REGION_ADDRESS]
        jbe .end
        vmclear [abs VMCS_ADDRESS]
        jbe .end
        vmptrld [abs VMCS_ADDRESS]
        jbe .end
        ; What the cases cannot know of the host.
        mov rdx, HOST_CR0
        mov rax, cr0
        vmwrite rdx, rax
        mov rdx, HOST_CR3
        mov rax, cr3
        vmwrite rdx, rax
        mov rdx, HOST_CR4
        mov rax, cr4
        vmwrite rdx, rax
        mov rdx, HOST_RSP
        mov rax, STACK - 256
        vmwrite rdx, rax
        mov rdx, HOST_RIP
        mov rax, exited
        vmwrite rdx, rax
.end:   ret

; Every 16 bytes of pages say where they are: `mov eax, physical address / 16; int3`.
fill_pages:
        mov rdi, PAGES
        mov ecx, PAGES / 16
.marker:
        mov byte [rdi], 0xb8
        mov [rdi + 1], ecx
        mov dword [rdi + 5], 0x000000cc
        add rdi, 16
        inc ecx
        cmp ecx, (PAGES + PAGES_BYTES) / 16
        jb .marker
        ret

read_cases:
        xor ebx, ebx
        mov rdi, CASES
        mov r8d, 1
        call read_sectors
        mov r8, [abs CASES]
        mov rax, [abs CASES + 8]
        mov [abs RESULTS_LBA], rax
        mov ebx, 1
        mov rdi, CASES
        ; fall through

; r8 sectors from ebx on, to rdi.
read_sectors:
        test r8, r8
        jz .done
        mov al, 0x20
        call command
.sector:
        call await_data
        mov dx, ATA
        mov ecx, 256
        rep insw
        dec r9d
        jnz .sector
        jmp read_sectors
.done:  ret

; r8 sectors from ebx on, from rsi.
write_sectors:
        test r8, r8
        jz .done
        mov al, 0x30
        call command
.sector:
        call await_data
        mov dx, ATA
        mov ecx, 256
        rep outsw
        dec r9d
        jnz .sector
        jmp write_sectors
.done:  ret

; Gives the command al for as many of r8 sectors from ebx on as go at once: r9d. r8 and ebx are then what is left.
command:
        mov r10b, al
        mov r9d, SECTORS_AT_ONCE
        cmp r8, r9
        cmovb r9, r8
        mov dx, ATA + 2
        mov eax, r9d
        out dx, al
        inc edx
        mov eax, ebx
        out dx, al
        inc edx
        shr eax, 8
        out dx, al
        inc edx
        shr eax, 8
        out dx, al
        inc edx
        shr eax, 8
        or al, 0xe0                     ; LBA, the first drive
        out dx, al
        inc edx
        mov al, r10b
        out dx, al
        add ebx, r9d
        sub r8, r9
        ret

await_data:
        mov dx, ATA + 7
.busy:  in al, dx
        test al, 0x80
        jnz .busy
        test al, 8
        jz .busy
        ret

finish: cld
        mov rax, r15
        sub rax, RESULTS
        mov [abs RESULTS + 8], rax
        lea r8, [rax + 511]
        shr r8, 9
        mov rsi, RESULTS
        mov rbx, [abs RESULTS_LBA]
        call write_sectors
        mov dx, ATA + 7
.busy:  in al, dx
        test al, 0x80
        jnz .busy
        mov rsi, shutdown
        mov ecx, 8
        mov dx, SHUTDOWN_PORT
        rep outsb
        cli
        hlt

        align 8
magic:  db "PAGEWALK"
shutdown:
        db "Shutdown"

bits 32
start32:
        mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov al, 2
        out 0x92, al                    ; A20
        ; 4 GiB one to one, in large supervisor pages.
        mov edi, ROOT
        xor eax, eax
        mov ecx, 0x4000
        rep stosd
        mov dword [ROOT], ROOT + 0x1003
        mov edi, ROOT + 0x1000
        mov eax, ROOT + 0x2003
        mov ecx, 4
.pointer:
        mov [edi], eax
        add eax, 0x1000
        add edi, 8
        loop .pointer
        mov edi, ROOT + 0x2000
        mov eax, 0xe3
        mov ecx, 2048
.page:  mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop .page
        mov eax, ROOT
        mov cr3, eax
        mov eax, 0x20                   ; PAE
        mov cr4, eax
        mov ecx, 0xc0000080
        mov eax, 0x900                  ; NXE, LME
        xor edx, edx
        wrmsr
        mov eax, 0x80000011
        mov cr0, eax
        jmp CODE_64:start64

bits 16
start16:
        cli
        o32 lgdt [cs:gdtr - base]
        mov eax, 0x11
        mov cr0, eax
        jmp dword CODE_32:start32

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; CODE_32
        dq 0x00cf93000000ffff           ; DATA
        dq 0x00af9b000000ffff           ; CODE_64
        dq 0x00008b0000000067, 0        ; TASK
gdtr:   dw $ - gdt - 1
        dd gdt

        times 0xfff0 - ($ - $$) db 0xf4
        jmp 0xf000:(start16 - base)     ; the reset vector
        times 0x10000 - ($ - $$) db 0
