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

#include <linux/types.h>

/* The series on which whole cycles are tested (tests/vm/test_jump.py). */
static inline bool hibjump_series_is_tested(void)
{
	return (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)) ||
	       (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0));
}

#endif
#endif
