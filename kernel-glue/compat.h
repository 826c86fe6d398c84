/* SPDX-License-Identifier: GPL-2.0 */
/* The only place that knows kernel versions. */
#ifndef HIBJUMP_COMPAT_H
#define HIBJUMP_COMPAT_H

#include <linux/version.h>

#ifdef __ASSEMBLY__

/* fb799447ae29 ("x86,objtool: Split UNWIND_HINT_EMPTY in two"), 6.4 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define HIBJUMP_UNWIND_NONE UNWIND_HINT_END_OF_STACK
#else
#define HIBJUMP_UNWIND_NONE UNWIND_HINT_EMPTY
#endif

#else

#include <linux/cc_platform.h>
#include <linux/ioport.h>
#include <linux/mmzone.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

/* 5f60d5f6bbc1 ("move asm/unaligned.h to linux/unaligned.h"), 6.12 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/*
 * 5e0a760b4441 ("mm, treewide: rename MAX_ORDER to MAX_PAGE_ORDER"), 6.8; 23baf831a32c made it
 * inclusive, 6.4
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define HIBJUMP_MAX_ORDER MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define HIBJUMP_MAX_ORDER MAX_ORDER
#else
#define HIBJUMP_MAX_ORDER (MAX_ORDER - 1)
#endif

/* "x86/msr: Rename 'rdmsrl()' to 'rdmsrq()'" and its like, 6.16 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq		   rdmsrl
#define rdmsrq_safe	   rdmsrl_safe
#define rdmsrq_safe_on_cpu rdmsrl_safe_on_cpu
#define wrmsrq_safe	   wrmsrl_safe
#endif

/*
 * Soft reserved memory has a tree of its own from 7.0 on, which /proc/iomem does not show; earlier
 * it is a kind of line in there.
 */
static inline int hibjump_walk_soft_reserved(u64 start, u64 end, void *data,
					     int (*each)(struct resource *, void *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return walk_soft_reserve_res(start, end, data, each);
#else
	return walk_iomem_res_desc(IORES_DESC_SOFT_RESERVED, IORESOURCE_MEM, start, end, data,
				   each);
#endif
}

/* X86_CR4_FRED, 6.9, of which there is none where the kernel is built without it */
#define HIBJUMP_CR4_FRED (1UL << 32)

/* May virtual machines run whose memory this kernel must not touch? */
static inline bool hibjump_hosts_snp(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return cc_platform_has(CC_ATTR_HOST_SEV_SNP);
#else
	return false;
#endif
}

static inline bool hibjump_hosts_tdx(void)
{
#ifdef X86_FEATURE_TDX_HOST_PLATFORM /* 6.8 */
	return boot_cpu_has(X86_FEATURE_TDX_HOST_PLATFORM);
#else
	return false;
#endif
}

#endif
#endif
