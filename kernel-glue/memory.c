// SPDX-License-Identifier: GPL-2.0
/* Which physical memory may be touched, and reading and writing it. */
#include <linux/crash_dump.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "hibjump.h"

/* B has been handed an ELF header of A's memory. */
bool hibjump_is_b(void)
{
	return is_kdump_kernel();
}

struct search {
	struct hibjump_extent extent; /* what was found, or what is looked for */
	bool found;
};

static int take_largest(struct resource *resource, void *data)
{
	struct search *search = data;

	if (!search->found || resource_size(resource) > search->extent.end - search->extent.start) {
		search->extent.start = resource->start;
		search->extent.end = resource->end + 1;
	}
	search->found = true;
	return 0;
}

/* "crashkernel=SIZE,high" makes two: the larger one is the one for a kernel. */
bool hibjump_region(struct hibjump_extent *region)
{
	struct search search = {};

	walk_iomem_res_desc(IORES_DESC_CRASH_KERNEL, IORESOURCE_MEM, 0, U64_MAX, &search,
			    take_largest);
	*region = search.extent;
	return search.found;
}

static int compare_extent(struct resource *resource, void *data)
{
	struct search *search = data;

	if (resource->start <= search->extent.start && search->extent.end <= resource->end + 1)
		search->found = true;
	return search->found;
}

/*
 * A may touch its crash region. B may touch what its firmware map calls soft reserved: whoever
 * loaded B marked A's memory so, and no firmware does it to memory that a kernel uses by itself.
 */
bool hibjump_may_access(u64 start, u64 bytes)
{
	struct search search = { .extent = { start, start + bytes } };
	u64 last = search.extent.end - 1;

	if (!bytes || search.extent.end < start)
		return false;
	if (hibjump_is_b())
		hibjump_walk_soft_reserved(start, last, &search, compare_extent);
	else
		walk_iomem_res_desc(IORES_DESC_CRASH_KERNEL, IORESOURCE_MEM, start, last, &search,
				    compare_extent);
	return search.found;
}

bool hibjump_is_ram(u64 start, u64 bytes)
{
	return region_intersects(start, bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	       REGION_INTERSECTS;
}

/* Nothing in it is anything else than reserved. */
static bool is_reserved(u64 start, u64 end)
{
	return start >= end || region_intersects(start, end - start, IORESOURCE_MEM,
						 IORES_DESC_RESERVED) == REGION_INTERSECTS;
}

static int check_before(struct resource *resource, void *data)
{
	u64 *at = data;
	bool is_known = is_reserved(*at, resource->start);

	*at = resource->end + 1;
	return is_known ? 0 : -ERANGE;
}

/*
 * What this kernel does not use as RAM may have been RAM of a kernel in another boot: each keeps
 * tables of the firmware (a logo, ESRT) from itself that lie in ordinary memory, wherever they lie
 * this time. They are reserved then. Whether it is RAM only the firmware's map tells, which no
 * kernel shows to modules: whoever calls has to look there.
 */
bool hibjump_may_be_ram(u64 start, u64 bytes)
{
	u64 end = start + bytes, at = start;

	if (!PAGE_ALIGNED(start | bytes) || end <= start)
		return false;
	return walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, start,
				   end - 1, &at, check_before) != -ERANGE &&
	       is_reserved(at, end);
}

/* Every piece of it, also what a driver manages; until `each` returns something else than 0. */
int hibjump_walk_ram(void *data, int (*each)(struct resource *, void *))
{
	return walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0,
				   U64_MAX, data, each);
}

static int find_end(struct resource *resource, void *data)
{
	u64 *end = data;

	*end = max_t(u64, *end, resource->end + 1);
	return 0;
}

u64 hibjump_ram_end(void)
{
	u64 end = 0;

	hibjump_walk_ram(&end, find_end);
	return end;
}

/* Bytes that one mapping covers: few mappings, and no call that keeps the processor for long. */
#define WINDOW_BYTES (2UL << 20)

static ssize_t transfer(u64 address, size_t bytes, char __user *to, const char __user *from)
{
	size_t done = 0;

	if (!bytes)
		return 0;
	if (bytes > MAX_RW_COUNT || !hibjump_may_access(address, bytes))
		return bytes > MAX_RW_COUNT ? -EINVAL : -ERANGE;
	while (done < bytes) {
		u64 at = address + done;
		u64 base = round_down(at, PAGE_SIZE);
		size_t piece = min_t(u64, bytes - done, base + WINDOW_BYTES - at);
		unsigned long left;
		void *window;

		if (fatal_signal_pending(current))
			return -EINTR;
		window = memremap(base, PAGE_ALIGN(at + piece) - base, MEMREMAP_WB);
		if (!window)
			return -ENOMEM;
		left = to ? copy_to_user(to + done, window + (at - base), piece)
			  : copy_from_user(window + (at - base), from + done, piece);
		memunmap(window);
		if (left)
			return -EFAULT;
		done += piece;
		cond_resched();
	}
	/* The region may have been made smaller meanwhile. */
	return hibjump_may_access(address, bytes) ? done : -ERANGE;
}

ssize_t hibjump_read_physical(char __user *to, size_t bytes, u64 address)
{
	return transfer(address, bytes, to, NULL);
}

ssize_t hibjump_write_physical(const char __user *from, size_t bytes, u64 address)
{
	return transfer(address, bytes, NULL, from);
}

/* In B, so that a whole image is copied without a system call for each of its pieces. */
int hibjump_map_physical(struct vm_area_struct *vma)
{
	unsigned long bytes = vma->vm_end - vma->vm_start;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff > PHYS_PFN(U64_MAX) ||
	    !hibjump_may_access(PFN_PHYS(vma->vm_pgoff), bytes))
		return -ERANGE;
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, bytes, vma->vm_page_prot);
}
