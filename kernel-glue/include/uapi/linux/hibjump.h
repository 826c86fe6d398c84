/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * hibjump: hibernation by a kernel jump. This header is all that user space shares with the module.
 *
 * A is the kernel that is hibernated, B the kernel that runs in A's crash region and saves or
 * restores A's memory. /dev/hibjump gives them to a process with CAP_SYS_ADMIN, CAP_SYS_BOOT and
 * CAP_SYS_RAWIO in the initial user namespace:
 *
 *   in A   HIBJUMP_INFO, HIBJUMP_ARM, HIBJUMP_DISARM, HIBJUMP_LEAVE, HIBJUMP_DEVICES;
 *          pread and pwrite of the crash region
 *   in B   HIBJUMP_INFO, HIBJUMP_HOME, HIBJUMP_RETURN; pread, pwrite and mmap (MAP_SHARED) of A's
 *          memory. HIBJUMP_RETURN_STAND_BY keeps B as it is, for the next HIBJUMP_LEAVE to go on
 *          with
 *   in C   the ordinary kernel of a later boot: HIBJUMP_INFO, HIBJUMP_STAGE, and through the file
 *          that staged: mmap (MAP_SHARED) of A's memory, HIBJUMP_STAGED, HIBJUMP_RETURN
 *
 * pread, pwrite and mmap take physical addresses as file offsets, and all bytes or none.
 *
 * Every structure begins with its size as the caller knows it. A longer one than the module knows
 * is taken if the rest is zero (E2BIG otherwise); of a shorter one the rest counts as zero.
 * Reserved fields and unknown flags must be zero (EINVAL).
 *
 * errno, the same for all calls:
 *   EPERM      a capability is missing, or the kernel is locked down, may not hibernate (nohibernate,
 *              memory of memfd_secret or CXL), or may not load another kernel
 *              (kernel.kexec_load_disabled): HIBJUMP_ARM, HIBJUMP_STAGE; of HIBJUMP_LEAVE all but
 *              the last one
 *   EINVAL     a field is not what it may be; HIBJUMP_RETURN: no HIBJUMP_STAGED came before it
 *   E2BIG      the structure is newer than the module
 *   EFAULT     user memory cannot be accessed
 *   ERANGE     an address lies outside what the caller may touch; HIBJUMP_ARM: `ranges` are not
 *              what is RAM
 *   EBUSY      another jump is under way, a crash kernel is loaded in the region, something is
 *              armed or staged already, or somebody has /dev/snapshot open
 *   ESTALE     HIBJUMP_LEAVE: what is RAM has changed since HIBJUMP_ARM, which is to be made again
 *   ENOENT     nothing is armed; HIBJUMP_DEVICES: no devices were suspended yet
 *   ENOSPC     HIBJUMP_DEVICES: the buffer is too small; `bytes` says what it takes
 *   ENOMEM     there is no memory for the records, or for the map of pages that B must not read;
 *              HIBJUMP_STAGE: too little is free for A's pages
 *   ENODEV     there is no crash region, or this kernel does not have the role that the call needs
 *   EILSEQ     the context of the other kernel is damaged; HIBJUMP_LEAVE: the crash region was written
 *              since it was armed; HIBJUMP_RETURN: staged pages were written since HIBJUMP_STAGED
 *   EOPNOTSUPP HIBJUMP_ARM, HIBJUMP_LEAVE, HIBJUMP_STAGE, HIBJUMP_RETURN: this machine is not to be
 *              left, or come back to, see HIBJUMP_REFUSED_*; or a driver manages some of its memory; or the
 *              kernels have other page tables
 *   and what suspending the devices said (HIBJUMP_LEAVE, HIBJUMP_RETURN)
 */
#ifndef _UAPI_LINUX_HIBJUMP_H
#define _UAPI_LINUX_HIBJUMP_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HIBJUMP_VERSION		4
#define HIBJUMP_MAX_LOW		8	/* pieces of RAM below 640 KiB */
#define HIBJUMP_MAX_MSRS	24
#define HIBJUMP_REASON_BYTES	256
#define HIBJUMP_ID_BYTES	16
#define HIBJUMP_MAX_RANGES	(1U << 20)
#define HIBJUMP_MAX_RECORDS	(4U << 20)	/* bytes: the caller's records, and the module's */

enum hibjump_role {
	HIBJUMP_ROLE_A = 1,	/* an ordinary kernel */
	HIBJUMP_ROLE_B = 2,	/* runs in another kernel's crash region */
};

#define HIBJUMP_INFO_ARMED		(1 << 0)
#define HIBJUMP_INFO_UNTESTED_SERIES	(1 << 1)	/* loaded with allow_untested=1 */
#define HIBJUMP_INFO_FIVE_LEVELS	(1 << 2)	/* of page tables */
#define HIBJUMP_INFO_CRASH_LOADED	(1 << 3)	/* kexec has a crash kernel in the region */
#define HIBJUMP_INFO_X2APIC		(1 << 4)	/* the processor's APIC is in this mode */
#define HIBJUMP_INFO_UNTESTED_MACHINE	(1 << 5)	/* allow_untested=1 lifts what would refuse */

/* Whole cycles are tested there (tests/vm/test_jump.py); the module takes no other series by itself. */
#define HIBJUMP_SERIES_IS_TESTED(major, minor)               \
	(((major) == 6 && ((minor) == 1 || (minor) == 12)) || \
	 ((major) == 7 && ((minor) == 2 || (minor) == 3)))

/* Why HIBJUMP_ARM says EOPNOTSUPP. */
#define HIBJUMP_REFUSED_ENCRYPTED	(1 << 0)	/* the kernel encrypts memory (SME) */
#define HIBJUMP_REFUSED_GUEST_ENCRYPTED	(1 << 1)	/* memory is hidden from the host (SEV, TDX) */
#define HIBJUMP_REFUSED_SNP_HOST	(1 << 2)	/* such virtual machines may run here */
#define HIBJUMP_REFUSED_TDX_HOST	(1 << 3)
#define HIBJUMP_REFUSED_TXT		(1 << 4)	/* a measured launch, which must be ended */
#define HIBJUMP_REFUSED_FRED		(1 << 5)	/* its state is not carried over */
#define HIBJUMP_REFUSED_NOT_FIRST	(1 << 9)	/* processor 0 is not the firmware's, or is off */
/* With allow_untested=1 these refuse nothing: */
#define HIBJUMP_REFUSED_HYPERV		(1 << 6)	/* its devices are not given back */
#define HIBJUMP_REFUSED_XEN		(1 << 7)
#define HIBJUMP_REFUSED_KVMCLOCK	(1 << 8)	/* begins anew in a new virtual machine */

struct hibjump_info {
	__u32 size;
	__u32 version;		/* in: 0; out: HIBJUMP_VERSION */
	__u32 role;		/* enum hibjump_role */
	__u32 flags;		/* HIBJUMP_INFO_* */
	__u64 region_start;	/* A: the crash region; 0 where there is none */
	__u64 region_bytes;
	__u64 context;		/* A: physical address of struct hibjump_context, one page */
	__u64 note;		/* A: physical address of the ELF note with the registers */
	__u32 refused;		/* HIBJUMP_REFUSED_* */
	__u32 tsc_khz;		/* 0: not known */
	__u64 cr4;		/* of the processor that asks, as the two that follow */
	__u64 efer;
	__u64 xss;		/* 0 where there is none, as the next one */
	__u64 feat_ctl;		/* what the firmware allows of a processor of Intel's */
};

struct hibjump_range {
	__u64 start;
	__u64 bytes;
};

/*
 * What HIBJUMP_LEAVE is to enter. It stays armed until DISARM, or until B has run and does not
 * stand by; the module cannot be unloaded meanwhile.
 */
struct hibjump_arm {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 entry;		/* of a bzImage: its load address + 0x200; in the crash region */
	__u64 boot_params;	/* in the crash region */
	__u64 low_copy;		/* in the crash region: where the pieces below are kept */
	__u32 low_count;
	__u32 reserved;
	/* RAM below 640 KiB, which B uses too: whole pages, ascending */
	struct hibjump_range low[HIBJUMP_MAX_LOW];
	__u8 id[HIBJUMP_ID_BYTES];	/* names this jump in the image */
	/*
	 * In the crash region: where B's bytes of these pieces are kept while it stands by; 0: it
	 * is not to.
	 */
	__u64 standby_low_copy;
	/* The whole pages of all RAM: what B was told of, and what it can save */
	__u64 ranges;		/* address in the caller's memory, of struct hibjump_range */
	__u32 range_count;	/* 1 to HIBJUMP_MAX_RANGES */
	__u32 reserved2;
};

enum hibjump_outcome {
	HIBJUMP_NOT_LEFT = 0,	/* the ioctl's error says why */
	HIBJUMP_RETURNED = 1,	/* B did its work and came back */
	HIBJUMP_RESTORED = 2,	/* this memory was read from an image */
	HIBJUMP_FAILED = 3,	/* B came back because it could not: see the reason */
};

/* A: suspends the devices, jumps, and returns when somebody comes back. */
struct hibjump_leave {
	__u32 size;
	__u32 flags;		/* 0 */
	__u32 wish;		/* for the program in B; the module does not look at it */
	__u32 outcome;		/* out: enum hibjump_outcome */
	__u64 suspended_ns;	/* out: CLOCK_REALTIME when the devices were suspended */
	char reason[HIBJUMP_REASON_BYTES];	/* out: from B, ends with NUL */
	__u8 id[HIBJUMP_ID_BYTES];	/* out: of this jump */
	/* Bytes for the program in B, which finds a copy of them (struct hibjump_records). */
	__u64 records;		/* address in the caller's memory */
	__u32 records_bytes;	/* at most HIBJUMP_MAX_RECORDS; 0: none, and `records` is 0 */
	__u32 reserved;
};

/*
 * A: the module's record of the devices as the last HIBJUMP_LEAVE suspended and resumed them, also
 * where that failed; kept until the next one.
 */
struct hibjump_devices {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 buffer;		/* address in the caller's memory; 0 where buffer_bytes is */
	__u32 buffer_bytes;
	__u32 bytes;		/* out: of the record */
};

/*
 * C: makes room for A's pages, to be filled by mmap, whose offsets are the addresses that the
 * pages have in A. What is no page of A is not mapped. HIBJUMP_RETURN takes them to their places,
 * after which there is no C. They wait in C's crash region and in free memory, of which at least
 * one page has to lie in the region that A had. The ranges are RAM of this kernel, or reserved; the
 * caller knows by the firmware's map that the latter is RAM, too. HIBJUMP_STAGED says that all are
 * filled. Closing the file, with all its mappings, undoes it.
 */
struct hibjump_stage {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 region_start;	/* of A */
	__u64 region_bytes;
	__u64 ranges;		/* address in the caller's memory, of struct hibjump_range */
	__u32 range_count;	/* 1 to HIBJUMP_MAX_RANGES */
	__u32 reserved;
};

struct hibjump_staged {
	__u32 size;
	__u32 flags;		/* 0 */
};

#define HIBJUMP_RETURN_STAND_BY	(1 << 0)	/* B only, and HIBJUMP_RETURNED */

/*
 * B, C: suspends its own devices and jumps into A. Returns when that fails, and with 0 when B has
 * stood by and A has left again.
 */
struct hibjump_return {
	__u32 size;
	__u32 flags;		/* HIBJUMP_RETURN_* */
	__u32 outcome;		/* enum hibjump_outcome, not NOT_LEFT */
	__u32 reserved;
	__u64 context;		/* physical address */
	char reason[HIBJUMP_REASON_BYTES];	/* ends with NUL */
};

/*
 * B: from now on a panic jumps into A, with HIBJUMP_FAILED and what the panic said as the reason,
 * once, until HIBJUMP_RETURN jumps; where B stands by, also after A has left again. Not to be called
 * by a B that is going to write A's memory.
 */
struct hibjump_home {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 context;		/* physical address */
};

#define HIBJUMP_IOC_MAGIC	'j'
#define HIBJUMP_INFO	_IOWR(HIBJUMP_IOC_MAGIC, 0xa0, struct hibjump_info)
#define HIBJUMP_ARM	_IOW(HIBJUMP_IOC_MAGIC, 0xa1, struct hibjump_arm)
#define HIBJUMP_DISARM	_IO(HIBJUMP_IOC_MAGIC, 0xa2)
#define HIBJUMP_LEAVE	_IOWR(HIBJUMP_IOC_MAGIC, 0xa3, struct hibjump_leave)
#define HIBJUMP_RETURN	_IOW(HIBJUMP_IOC_MAGIC, 0xa4, struct hibjump_return)
#define HIBJUMP_DEVICES	_IOWR(HIBJUMP_IOC_MAGIC, 0xa5, struct hibjump_devices)
#define HIBJUMP_STAGE	_IOW(HIBJUMP_IOC_MAGIC, 0xa6, struct hibjump_stage)
#define HIBJUMP_STAGED	_IOW(HIBJUMP_IOC_MAGIC, 0xa7, struct hibjump_staged)
#define HIBJUMP_HOME	_IOW(HIBJUMP_IOC_MAGIC, 0xa8, struct hibjump_home)

/*
 * The context: one page of A's own memory, so it is in every image of A. `saved` is written by A
 * as it leaves and is what whoever returns relies on; crc is CRC-32 (as zlib's) of `saved`. What
 * follows it is written by B before it returns.
 *
 * A B that stands by has a context too, in its own memory, of which A takes self, resume, table
 * and efer. The pieces of low memory are those of A's context.
 */
#define HIBJUMP_CONTEXT_MAGIC	0x54584a424948ULL	/* "HIBJXT" */

struct hibjump_msr {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

struct hibjump_saved {
	__u8 id[HIBJUMP_ID_BYTES];
	__u64 region_start;
	__u64 region_bytes;
	__u64 low_copy;
	__u32 low_count;
	__u32 five_levels;
	struct hibjump_range low[HIBJUMP_MAX_LOW];
	__u64 self;		/* virtual address of the context in A */
	__u64 self_phys;
	__u64 resume;		/* virtual address to enter */
	__u64 table;		/* physical: page tables with A's kernel, and the region 1:1 */
	__u64 efer;
	__u64 suspended_ns;
	__u64 stack;		/* from here on A's own registers; nobody else looks at them */
	__u64 cr0, cr2, cr3, cr4;
	__u64 gdt[2], idt[2];	/* as sgdt and sidt write them */
	__u64 fs_base, gs_base, kernel_gs_base;
	__u16 ds, es, fs, gs;
	__u16 tr, ldt, padding[2];
	__u64 xcr0;
	__u64 dr[4], dr6, dr7;
	__u32 msr_count;
	__u32 wish;
	struct hibjump_msr msrs[HIBJUMP_MAX_MSRS];
	/* Of the pages that A does not use: physical address of struct hibjump_map */
	__u64 free_map;
	__u64 free_map_bytes;	/* with the addresses that follow it; 0: every page may be of use */
	__u64 records;		/* physical address of struct hibjump_records */
	__u64 records_bytes;	/* with the addresses that follow it; 0: there are none */
	__u64 standby_low_copy;
	__u64 trampoline;	/* physical: the page from which a B that stands by is entered */
	/* Of the pages that B must not read: physical address of struct hibjump_map */
	__u64 skip_map;
	__u64 skip_map_bytes;	/* with the addresses that follow it; never 0 */
};

struct hibjump_context {
	__u64 magic;
	__u32 version;		/* HIBJUMP_VERSION */
	__u32 bytes;		/* sizeof(struct hibjump_saved) */
	__u32 crc;
	__u32 reserved;
	struct hibjump_saved saved;
	__u32 outcome;		/* the answer */
	__u32 reserved2;
	char reason[HIBJUMP_REASON_BYTES];
	__u64 standby;		/* physical address of B's own context; 0: it does not stand by */
};

/*
 * A map of page frames: `page_count` physical addresses (__u64) follow, of pages. Bit N % 8 of byte
 * N / 8 of page I stands for frame I * HIBJUMP_MAP_FRAMES + N. 0 is no page: none of its bits is set.
 */
#define HIBJUMP_MAP_MAGIC	0x50414d4a424948ULL	/* "HIBJMAP" */
#define HIBJUMP_MAP_FRAMES	32768

struct hibjump_map {
	__u64 magic;
	__u32 version;		/* HIBJUMP_VERSION */
	__u32 page_count;
	__u64 offline;		/* frames that are set because they are not online, or in a balloon */
	__u64 poisoned;		/* because reading them raises a machine check */
};

/*
 * Records for B: `page_count` physical addresses (__u64) follow, of the pages that hold them one
 * after the other. They are not one piece of physical memory, because a machine that is full of
 * locked memory has none to give.
 *
 * The module's own record has the encoding of docs/format/records.md, type "suspend". What the
 * caller of HIBJUMP_LEAVE gave is not looked at.
 */
#define HIBJUMP_RECORDS_MAGIC	0x4345524a424948ULL	/* "HIBJREC" */

struct hibjump_records {
	__u64 magic;
	__u32 version;		/* HIBJUMP_VERSION */
	__u32 page_count;
	__u32 own_bytes;	/* of the module's record, which begins in the first page */
	__u32 given_start;	/* of the caller's: byte within the pages, the begin of one */
	__u32 given_bytes;
	__u32 reserved;		/* 0 */
};

#endif
