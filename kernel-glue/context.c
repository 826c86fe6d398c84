// SPDX-License-Identifier: GPL-2.0
/* The context: the page by which one kernel is entered from the other, written and checked. */
#include <linux/crc32.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "hibjump.h"
#include "offsets.h"

static struct hibjump_context *context; /* a page */

int hibjump_alloc_context(void)
{
	context = (struct hibjump_context *)get_zeroed_page(GFP_KERNEL);
	return context ? 0 : -ENOMEM;
}

void hibjump_free_context(void)
{
	free_page((unsigned long)context);
	context = NULL;
}

struct hibjump_context *hibjump_own_context(void)
{
	return context;
}

u64 hibjump_context_address(void)
{
	return __pa(context);
}

static u32 saved_crc(const struct hibjump_context *of)
{
	return crc32_le(~0U, (const u8 *)&of->saved, sizeof(of->saved)) ^ ~0U;
}

static void check_context_offsets(void)
{
	BUILD_BUG_ON(sizeof(struct hibjump_context) > PAGE_SIZE);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.stack) != CONTEXT_STACK);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.cr0) != CONTEXT_CR0);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.cr3) != CONTEXT_CR3);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.cr4) != CONTEXT_CR4);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.gdt) != CONTEXT_GDT);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.idt) != CONTEXT_IDT);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.fs_base) != CONTEXT_FS_BASE);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.gs_base) != CONTEXT_GS_BASE);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.kernel_gs_base) !=
		     CONTEXT_KERNEL_GS_BASE);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.ds) != CONTEXT_DS);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.es) != CONTEXT_ES);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.fs) != CONTEXT_FS);
	BUILD_BUG_ON(offsetof(struct hibjump_context, saved.gs) != CONTEXT_GS);
}

/* But for the processor, see hibjump_save_processor(). */
void hibjump_describe_self(u64 table)
{
	struct hibjump_saved *saved = &context->saved;

	check_context_offsets();
	memset(context, 0, PAGE_SIZE);
	context->magic = HIBJUMP_CONTEXT_MAGIC;
	context->version = HIBJUMP_VERSION;
	context->bytes = sizeof(*saved);
	saved->five_levels = pgtable_l5_enabled();
	saved->self = (unsigned long)context;
	saved->self_phys = __pa(context);
	saved->resume = (unsigned long)hibjump_resume;
	saved->table = table;
}

/*
 * The stack pointer is written after this, by hibjump_switch(): it is what that function finds
 * again by itself, so the checksum covers it as zero.
 */
void hibjump_seal_context(void)
{
	context->crc = saved_crc(context);
}

/* ---- what is to be trusted of another kernel's */

u64 hibjump_low_bytes(const struct hibjump_range *low, u32 count)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < count; i++)
		sum += low[i].bytes;
	return sum;
}

/* Whole pages of RAM below 640 KiB, ascending. */
bool hibjump_low_is_valid(const struct hibjump_range *low, u32 count)
{
	u64 end = 0;
	u32 i;

	if (!count || count > HIBJUMP_MAX_LOW)
		return false;
	for (i = 0; i < count; i++) {
		if (!PAGE_ALIGNED(low[i].start | low[i].bytes) || !low[i].bytes ||
		    low[i].start < end)
			return false;
		if (low[i].start >= HIBJUMP_LOW_END ||
		    low[i].bytes > HIBJUMP_LOW_END - low[i].start)
			return false;
		end = low[i].start + low[i].bytes;
		if (!hibjump_is_ram(low[i].start, low[i].bytes))
			return false;
	}
	return true;
}

/* `at` 0: B is not to stand by. */
bool hibjump_standby_copy_is_valid(const struct hibjump_extent *region, u64 at, u64 low_copy,
				   u64 bytes)
{
	if (!at)
		return true;
	return PAGE_ALIGNED(at) && hibjump_is_inside(region, at, bytes) &&
	       (at >= low_copy + bytes || at + bytes <= low_copy);
}

/* Of any kernel. */
int hibjump_check_context(struct hibjump_context *of, u64 address)
{
	const struct hibjump_saved *saved = &of->saved;

	if (of->magic != HIBJUMP_CONTEXT_MAGIC || of->version != HIBJUMP_VERSION ||
	    of->bytes != sizeof(*saved))
		return -EILSEQ;
	of->saved.stack = 0; /* was written after the checksum */
	if (saved_crc(of) != of->crc || saved->self_phys != address)
		return -EILSEQ;
	if (!!saved->five_levels != pgtable_l5_enabled())
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(saved->table) || saved->resume < TASK_SIZE_MAX ||
	    saved->self < TASK_SIZE_MAX)
		return -ERANGE;
	return 0;
}

int hibjump_check_context_of_a(const struct hibjump_saved *saved)
{
	struct hibjump_extent region = hibjump_region_of(saved);

	if (region.end <= region.start || !hibjump_low_is_valid(saved->low, saved->low_count) ||
	    !hibjump_is_inside(&region, saved->low_copy,
			       hibjump_low_bytes(saved->low, saved->low_count)))
		return -ERANGE;
	if (hibjump_is_inside(&region, saved->table, PAGE_SIZE))
		return -ERANGE;
	return 0;
}
