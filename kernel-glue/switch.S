/* SPDX-License-Identifier: GPL-2.0 */
/* The last instructions of the kernel that leaves, and the first of the one that is entered. */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>

#include "compat.h"
#include "offsets.h"

	.text

/*
 * int hibjump_switch(struct hibjump_context *own, u64 trampoline, u64 table)
 *
 * Returns 1 when somebody has come back. Interrupts are off. Both addresses are physical; `table`
 * maps the trampoline one to one and this kernel as it is.
 */
SYM_CODE_START(hibjump_switch)
	UNWIND_HINT_FUNC
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushfq
	movq	%rsp, CONTEXT_STACK(%rdi)

	/*
	 * No global pages, no PCID (its bits in CR3 are to be zero), no shadow stack or branch
	 * tracking.
	 */
	movq	%cr4, %rax
	andq	$~(X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_CET), %rax
	movq	%rax, %cr4
	movq	%rdx, %cr3
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%rsi
SYM_CODE_END(hibjump_switch)

/*
 * Runs at its physical address, from a copy in a page of its own: %rsi. Leaves nothing of the old
 * kernel in use, copies what its list says (low memory; all of A), and enters the other kernel: a
 * bzImage (no table) or a context (its table, and %rdi for hibjump_resume).
 */
SYM_CODE_START(hibjump_trampoline)
	HIBJUMP_UNWIND_NONE
	ANNOTATE_NOENDBR
	movq	%rsi, %rbx
	leaq	4096(%rbx), %rsp
	leaq	TRAMPOLINE_GDT(%rbx), %rax
	movq	%rax, TRAMPOLINE_GDTR + 2(%rbx)
	lgdt	TRAMPOLINE_GDTR(%rbx)
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	pushq	$0x10
	leaq	hibjump_own_segment(%rip), %rax
	pushq	%rax
	lretq
	int3
SYM_CODE_END(hibjump_trampoline)

SYM_CODE_START_LOCAL_NOALIGN(hibjump_own_segment)
	HIBJUMP_UNWIND_NONE
	ANNOTATE_NOENDBR
	movq	TRAMPOLINE_LIST(%rbx), %r8
	cld
.Llist:
	testq	%r8, %r8
	jz	.Lcopied
	movq	COPIES_COUNT(%r8), %rdx
	leaq	COPIES_COPY(%r8), %r9
.Lcopy:
	testq	%rdx, %rdx
	jz	.Lnext
	movq	COPY_FROM(%r9), %rsi
	movq	COPY_TO(%r9), %rdi
	movq	COPY_BYTES(%r9), %rcx
	shrq	$3, %rcx
	rep movsq
	addq	$COPY_SIZE, %r9
	decq	%rdx
	jmp	.Lcopy
.Lnext:
	movq	COPIES_NEXT(%r8), %r8
	jmp	.Llist
.Lcopied:
	/*
	 * The kernel that is entered may use, past the cache, what this one had in it: memory of a
	 * graphics processor.
	 */
	wbinvd
	movq	TRAMPOLINE_ENTRY(%rbx), %r9
	movq	TRAMPOLINE_ARGUMENT(%rbx), %rdi
	movq	TRAMPOLINE_TABLE(%rbx), %r8
	testq	%r8, %r8
	jnz	.Lcontext

	/* As the boot protocol wants it: nothing on that the new kernel does not know of. */
	movq	%cr0, %rax
	andq	$~(X86_CR0_AM | X86_CR0_WP | X86_CR0_TS | X86_CR0_EM), %rax
	movq	%rax, %cr0
	movq	%cr4, %rax
	andq	$(X86_CR4_PAE | X86_CR4_LA57), %rax
	movq	%rax, %cr4
	movq	%rdi, %rsi
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	xorl	%ebx, %ebx
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%r9

.Lcontext:
	/* First the register that allows NX bits, then the tables that have them. */
	movl	$MSR_EFER, %ecx
	movl	TRAMPOLINE_EFER(%rbx), %eax
	movl	TRAMPOLINE_EFER + 4(%rbx), %edx
	wrmsr
	movq	%r8, %cr3
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%r9
	int3
SYM_CODE_END(hibjump_own_segment)
SYM_CODE_START(hibjump_trampoline_end)
	HIBJUMP_UNWIND_NONE
	ANNOTATE_NOENDBR
	int3
SYM_CODE_END(hibjump_trampoline_end)

/* %rdi: the context; on its `table`, with the segments of the other kernel's trampoline. */
SYM_CODE_START(hibjump_resume)
	HIBJUMP_UNWIND_NONE
	ANNOTATE_NOENDBR
	movq	CONTEXT_CR4(%rdi), %r8
	movq	%r8, %rax
	andq	$~(X86_CR4_PGE | X86_CR4_CET), %rax
	movq	%rax, %cr4
	movq	CONTEXT_CR3(%rdi), %rax
	movq	%rax, %cr3
	movq	CONTEXT_CR0(%rdi), %rax
	movq	%rax, %cr0
	movq	%r8, %cr4

	lgdt	CONTEXT_GDT(%rdi)
	lidt	CONTEXT_IDT(%rdi)
	movl	$__KERNEL_DS, %eax
	movl	%eax, %ss
	movw	CONTEXT_DS(%rdi), %ax
	movw	%ax, %ds
	movw	CONTEXT_ES(%rdi), %ax
	movw	%ax, %es
	movw	CONTEXT_FS(%rdi), %ax
	movw	%ax, %fs
	movw	CONTEXT_GS(%rdi), %ax
	movw	%ax, %gs
	movl	$MSR_FS_BASE, %ecx
	movl	CONTEXT_FS_BASE(%rdi), %eax
	movl	CONTEXT_FS_BASE + 4(%rdi), %edx
	wrmsr
	movl	$MSR_GS_BASE, %ecx
	movl	CONTEXT_GS_BASE(%rdi), %eax
	movl	CONTEXT_GS_BASE + 4(%rdi), %edx
	wrmsr
	movl	$MSR_KERNEL_GS_BASE, %ecx
	movl	CONTEXT_KERNEL_GS_BASE(%rdi), %eax
	movl	CONTEXT_KERNEL_GS_BASE + 4(%rdi), %edx
	wrmsr

	movq	CONTEXT_STACK(%rdi), %rsp
	leaq	hibjump_resumed(%rip), %rax
	pushq	$__KERNEL_CS
	pushq	%rax
	lretq
	int3
SYM_CODE_END(hibjump_resume)

/* Back on the stack that hibjump_switch() left. */
SYM_CODE_START_LOCAL_NOALIGN(hibjump_resumed)
	UNWIND_HINT_FUNC
	ANNOTATE_NOENDBR
	popfq
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	movl	$1, %eax
	RET
SYM_CODE_END(hibjump_resumed)
