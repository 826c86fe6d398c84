// SPDX-License-Identifier: GPL-2.0
/*
 * A's memory, staged in the memory of an ordinary kernel that is about to go back into A: each page
 * of A waits in a page that is none of A's, or is in its place already where that was free. The
 * pages come from this kernel's crash region, which nobody else uses, and from what is free.
 *
 * What is staged belongs to the file that it was staged through, and goes with it.
 */
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/kexec.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xxhash.h>

#include "hibjump.h"

/* What this kernel keeps to suspend its devices, and for the program that reads the image. */
#define KEPT_PAGES (96UL << (20 - PAGE_SHIFT))
#define WANTED	   U32_MAX

static DEFINE_MUTEX(stage_lock);
static struct file *owner;	     /* NULL: nothing is staged */
static struct hibjump_extent home;   /* A's crash region: none of A's pages; A's tables map it */
static struct hibjump_extent region; /* this kernel's; empty where there is none */

static bool filled; /* by whoever staged, who then has said so */
static u64 sum;	    /* of those pages in `region` that then wait there */

static u32 *source; /* by page frame of A: the one where it waits; 0: not a page of A */
static unsigned long frames, wanted_count;

/* Page frames that are none of A's. The first are for the last step, in this order. */
static u32 *spare;
static unsigned long spare_count;
static unsigned long table_count, list_count;
#define TRAMPOLINE  0
#define FIRST_TABLE 1

static struct hibjump_tables tables;

static unsigned long first_of_list(void)
{
	return FIRST_TABLE + table_count;
}

static unsigned long first_for_pages(void)
{
	return first_of_list() + list_count;
}

static bool is_in(const struct hibjump_extent *extent, unsigned long pfn)
{
	return pfn >= PFN_UP(extent->start) && pfn < PFN_DOWN(extent->end);
}

bool hibjump_is_staged(void)
{
	return READ_ONCE(owner);
}

bool hibjump_is_staged_by(const struct file *file)
{
	return READ_ONCE(owner) == file;
}

static void give_back(unsigned long pfn)
{
	if (!is_in(&region, pfn))
		__free_page(pfn_to_page(pfn));
}

static void free_stage(void)
{
	unsigned long i;

	for (i = 0; i < frames; i++) {
		if (source[i] && source[i] == i)
			give_back(i);
	}
	for (i = 0; i < spare_count; i++)
		give_back(spare[i]);
	vfree(source);
	vfree(spare);
	kvfree(tables.page);
	source = NULL;
	spare = NULL;
	tables.page = NULL;
	frames = 0;
	spare_count = 0;
	wanted_count = 0;
	filled = false;
	WRITE_ONCE(owner, NULL);
}

/* Ascending whole pages of RAM, none in A's crash region. */
static int check_ranges(const struct hibjump_range *ranges, u32 count)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		const struct hibjump_range *range = &ranges[i];

		if (!PAGE_ALIGNED(range->start | range->bytes) || !range->bytes ||
		    range->start < end)
			return -EINVAL;
		end = range->start + range->bytes;
		if (end < range->start || PFN_DOWN(end) >= WANTED ||
		    (range->start < home.end && home.start < end) ||
		    !hibjump_may_be_ram(range->start, range->bytes))
			return -ERANGE;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int mark_wanted(const struct hibjump_range *ranges, u32 count)
{
	unsigned long pfn;
	u32 i;

	frames = PFN_DOWN(ranges[count - 1].start + ranges[count - 1].bytes);
	source = vzalloc(frames * sizeof(*source));
	if (!source) {
		frames = 0;
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		for (pfn = PFN_DOWN(ranges[i].start);
		     pfn < PFN_DOWN(ranges[i].start + ranges[i].bytes); pfn++) {
			source[pfn] = WANTED;
			wanted_count++;
		}
	}
	return 0;
}

/* One of A's, which then is in its place, or one that can hold a page that is not. */
static void take(unsigned long pfn)
{
	if (pfn < frames && source[pfn] == WANTED)
		source[pfn] = pfn;
	else
		spare[spare_count++] = pfn;
}

static int take_free_pages(unsigned long count)
{
	struct sysinfo info;

	si_meminfo(&info);
	if (info.freeram < KEPT_PAGES || count > info.freeram - KEPT_PAGES)
		return -ENOMEM;
	for (; count; count--) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

		if (!page)
			return -ENOMEM;
		take(page_to_pfn(page));
		if (!(count % 1024) && fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Exactly as many as there are pages of A and pages for the last step, or what the region has. */
static int take_pages(void)
{
	unsigned long pfn, first = PFN_UP(region.start), end = PFN_DOWN(region.end);
	unsigned long in_region = end > first ? end - first : 0;
	unsigned long count = wanted_count + first_for_pages();

	spare = vmalloc((count + in_region + 1) * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	for (pfn = first; pfn < end; pfn++)
		take(pfn);
	return count > in_region ? take_free_pages(count - in_region) : 0;
}

/* 0: there is none that this kernel can spare. */
static unsigned long search_free_page_at_home(void)
{
	gfp_t flags = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct page *page, *next;
	unsigned long pfn = 0;
	struct sysinfo info;
	LIST_HEAD(others);

	if (home.end <= 1ULL << 32)
		flags |= GFP_DMA32;
	si_meminfo(&info);
	for (; info.freeram > KEPT_PAGES && !fatal_signal_pending(current); info.freeram--) {
		page = alloc_page(flags);
		if (!page)
			break;
		if (is_in(&home, page_to_pfn(page))) {
			pfn = page_to_pfn(page);
			break;
		}
		list_add(&page->lru, &others);
		cond_resched();
	}
	list_for_each_entry_safe(page, next, &others, lru)
		__free_page(page);
	return pfn;
}

/* The last step runs on A's tables for some instructions, which map A's region and its kernel. */
static int choose_trampoline(void)
{
	unsigned long i = 0;

	while (i < spare_count && !is_in(&home, spare[i]))
		i++;
	if (i == spare_count) {
		spare[i] = search_free_page_at_home();
		if (!spare[i])
			return -ENOMEM;
		spare_count++;
	}
	swap(spare[TRAMPOLINE], spare[i]);
	return 0;
}

static void give_places(void)
{
	unsigned long next = first_for_pages(), pfn;

	for (pfn = 0; pfn < frames; pfn++) {
		if (source[pfn] == WANTED)
			source[pfn] = spare[next++];
	}
}

static int make_tables(void)
{
	unsigned long i;

	tables.page = kvmalloc_array(table_count, sizeof(*tables.page), GFP_KERNEL);
	if (!tables.page)
		return -ENOMEM;
	tables.count = table_count;
	for (i = 0; i < table_count; i++)
		tables.page[i] = __va(PFN_PHYS(spare[FIRST_TABLE + i]));
	return 0;
}

static int find_places(void)
{
	int error;

	table_count = hibjump_table_pages(max_t(u64, hibjump_ram_end(), PFN_PHYS(frames)));
	list_count = DIV_ROUND_UP(wanted_count, HIBJUMP_COPIES);
	error = take_pages();
	if (!error)
		error = choose_trampoline();
	if (error)
		return error;
	give_places();
	return make_tables();
}

/* The caller holds the jump's lock, and nothing is armed. */
static int stage_locked(struct file *file, const struct hibjump_stage *stage,
			const struct hibjump_range *ranges)
{
	int error;

	if (owner || kexec_crash_loaded())
		return -EBUSY;
	hibjump_region(&region);
	home.start = stage->region_start;
	home.end = stage->region_start + stage->region_bytes;
	if (!hibjump_may_be_ram(home.start, stage->region_bytes))
		return -ERANGE;
	error = check_ranges(ranges, stage->range_count);
	if (!error)
		error = mark_wanted(ranges, stage->range_count);
	if (!error)
		error = find_places();
	if (error)
		free_stage();
	else
		WRITE_ONCE(owner, file);
	return error;
}

int hibjump_stage_pages(struct file *file, const struct hibjump_stage *stage)
{
	struct hibjump_range *ranges;
	int error;

	ranges = vmemdup_user(u64_to_user_ptr(stage->ranges),
			      (size_t)stage->range_count * sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	mutex_lock(&stage_lock);
	error = stage_locked(file, stage, ranges);
	mutex_unlock(&stage_lock);
	kvfree(ranges);
	return error;
}

void hibjump_unstage(const struct file *file)
{
	mutex_lock(&stage_lock);
	if (owner && owner == file)
		free_stage();
	mutex_unlock(&stage_lock);
}

/* How many page frames from `pfn` on wait one after the other. */
static unsigned long run_length(unsigned long pfn, unsigned long end)
{
	unsigned long count = 1;

	while (pfn + count < end && source[pfn + count] == source[pfn] + count)
		count++;
	return count;
}

static int map_staged(struct vm_area_struct *vma)
{
	unsigned long pfn = vma->vm_pgoff, end = min(pfn + vma_pages(vma), frames), count;

	for (; pfn < end; pfn += count) {
		int error;

		count = 1;
		if (!source[pfn])
			continue;
		count = run_length(pfn, end);
		error = remap_pfn_range(vma, vma->vm_start + PFN_PHYS(pfn - vma->vm_pgoff),
					source[pfn], PFN_PHYS(count), vma->vm_page_prot);
		if (error)
			return error;
	}
	return 0;
}

/* By the addresses that the pages have in A. What is not a page of A is not there. */
int hibjump_map_staged(struct file *file, struct vm_area_struct *vma)
{
	int error = -ENODEV;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&stage_lock);
	if (owner == file)
		error = map_staged(vma);
	mutex_unlock(&stage_lock);
	return error;
}

/* kexec can load a crash kernel over those, and unload it again. */
static u64 sum_of_region(void)
{
	unsigned long pfn;
	u64 of_all = 0;

	for (pfn = 0; pfn < frames; pfn++) {
		if (source[pfn] && is_in(&region, source[pfn]))
			of_all = xxh64(__va(PFN_PHYS(source[pfn])), PAGE_SIZE, of_all);
		if (!(pfn % 1024))
			cond_resched();
	}
	return of_all;
}

int hibjump_sum_staged(const struct file *file)
{
	int error = -ENODEV;

	mutex_lock(&stage_lock);
	if (owner == file) {
		sum = sum_of_region();
		filled = true;
		error = 0;
	}
	mutex_unlock(&stage_lock);
	return error;
}

bool hibjump_is_filled(void)
{
	return filled;
}

/* ---- the last step; only the owner's call leads here, and it holds the file */

bool hibjump_stages(u64 address)
{
	unsigned long pfn = PHYS_PFN(address);

	return pfn < frames && source[pfn];
}

void *hibjump_staged_page(u64 address)
{
	return __va(PFN_PHYS(source[PHYS_PFN(address)]));
}

const struct hibjump_extent *hibjump_staged_region(void)
{
	return &home;
}

/* Returns its address, 0 where nothing has to be copied. */
static u64 list_copies(void)
{
	unsigned long next = first_of_list(), pfn, count;
	struct hibjump_copies *list = NULL;

	for (pfn = 0; pfn < frames; pfn += count) {
		count = 1;
		if (!source[pfn] || source[pfn] == pfn)
			continue;
		count = run_length(pfn, frames);
		if (!list || list->count == HIBJUMP_COPIES) {
			u64 at = PFN_PHYS(spare[next++]);

			if (list)
				list->next = at;
			list = __va(at);
			list->next = 0;
			list->count = 0;
		}
		list->copy[list->count].from = PFN_PHYS(source[pfn]);
		list->copy[list->count].to = PFN_PHYS(pfn);
		list->copy[list->count++].bytes = PFN_PHYS(count);
	}
	return list ? PFN_PHYS(spare[first_of_list()]) : 0;
}

/* The tasks are frozen. */
int hibjump_check_staged(void)
{
	return sum_of_region() == sum ? 0 : -EILSEQ;
}

static int map_memory(struct resource *resource, void *data)
{
	return hibjump_map(data, resource->start, resource->end + 1);
}

/* Not all of it has to be RAM of this kernel. */
static int map_places(void)
{
	unsigned long pfn, end;
	int error = 0;

	for (pfn = 0; pfn < frames && !error; pfn = end + 1) {
		for (end = pfn; end < frames && source[end];)
			end++;
		if (end > pfn)
			error = hibjump_map(&tables, PFN_PHYS(pfn), PFN_PHYS(end));
	}
	return error;
}

/* Interrupts are off, the devices are suspended. */
int hibjump_prepare_staged(const struct hibjump_target *to, u64 *trampoline, u64 *table)
{
	struct hibjump_extent now;
	int error;

	hibjump_region(&now);
	if (now.start != region.start || now.end != region.end || kexec_crash_loaded())
		return -EBUSY;
	error = hibjump_begin_tables(&tables);
	if (!error)
		error = hibjump_walk_ram(&tables, map_memory) ?: map_places();
	if (error)
		return error;
	*trampoline = PFN_PHYS(spare[TRAMPOLINE]);
	*table = __pa(tables.page[0]);
	hibjump_fill_trampoline(__va(*trampoline), to, list_copies());
	return 0;
}
