/* SPDX-License-Identifier: GPL-2.0 */
/* Offsets that switch.S uses; jump.c and processor.c hold them against the structures. */
#ifndef HIBJUMP_OFFSETS_H
#define HIBJUMP_OFFSETS_H

/* struct hibjump_context */
#define CONTEXT_STACK		248
#define CONTEXT_CR0		256
#define CONTEXT_CR3		272
#define CONTEXT_CR4		280
#define CONTEXT_GDT		288
#define CONTEXT_IDT		304
#define CONTEXT_FS_BASE		320
#define CONTEXT_GS_BASE		328
#define CONTEXT_KERNEL_GS_BASE	336
#define CONTEXT_DS		344
#define CONTEXT_ES		346
#define CONTEXT_FS		348
#define CONTEXT_GS		350

/* The trampoline page: code, then struct trampoline, then its stack. */
#define TRAMPOLINE_DATA		1024
#define TRAMPOLINE_GDTR		(TRAMPOLINE_DATA + 0)
#define TRAMPOLINE_GDT		(TRAMPOLINE_DATA + 16)
#define TRAMPOLINE_TABLE	(TRAMPOLINE_DATA + 48)
#define TRAMPOLINE_ENTRY	(TRAMPOLINE_DATA + 56)
#define TRAMPOLINE_ARGUMENT	(TRAMPOLINE_DATA + 64)
#define TRAMPOLINE_EFER		(TRAMPOLINE_DATA + 72)
#define TRAMPOLINE_LIST		(TRAMPOLINE_DATA + 80)

/* struct hibjump_copies */
#define COPIES_NEXT		0
#define COPIES_COUNT		8
#define COPIES_COPY		16
#define COPY_FROM		0
#define COPY_TO			8
#define COPY_BYTES		16
#define COPY_SIZE		24

#endif
