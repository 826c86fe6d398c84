// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for the records of a jump: the module's own, and what HIBJUMP_LEAVE was given. Its pages
 * lie anywhere, so that a machine without large free pieces has room too; an index, which is one
 * small piece, says where. It is kept until the next jump.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "hibjump.h"

/* Nobody is killed for records. */
#define AREA_FLAGS (GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN)

static u8 *area; /* page_count pages */
static struct hibjump_records *index;
static size_t index_bytes;

void hibjump_free_area(void)
{
	if (index)
		free_pages_exact(index, index_bytes);
	vfree(area);
	index = NULL;
	area = NULL;
}

static void fill_index(u32 page_count, u32 given_start, u32 given_bytes)
{
	u64 *address = (u64 *)(index + 1);
	u32 i;

	index->magic = HIBJUMP_RECORDS_MAGIC;
	index->version = HIBJUMP_VERSION;
	index->page_count = page_count;
	index->given_start = given_start;
	index->given_bytes = given_bytes;
	for (i = 0; i < page_count; i++)
		address[i] = page_to_phys(vmalloc_to_page(area + i * PAGE_SIZE));
}

/* Frees what the last jump left. The module's record gets at most HIBJUMP_MAX_RECORDS. */
int hibjump_alloc_area(size_t own_bytes, u64 given, u32 given_bytes)
{
	size_t own = PAGE_ALIGN(min_t(size_t, own_bytes, HIBJUMP_MAX_RECORDS));
	u32 page_count = (own + PAGE_ALIGN(given_bytes)) >> PAGE_SHIFT;
	int error = -ENOMEM;

	hibjump_free_area();
	area = __vmalloc((size_t)page_count << PAGE_SHIFT, AREA_FLAGS);
	if (!area)
		goto free;
	error = -EFAULT;
	if (copy_from_user(area + own, u64_to_user_ptr(given), given_bytes))
		goto free;
	error = -ENOMEM;
	index_bytes = sizeof(*index) + page_count * sizeof(u64);
	index = alloc_pages_exact(index_bytes, AREA_FLAGS);
	if (!index)
		goto free;
	fill_index(page_count, own, given_bytes);
	return 0;

free:
	hibjump_free_area();
	return error;
}

u64 hibjump_records_address(u64 *bytes)
{
	*bytes = index ? index_bytes : 0;
	return index ? __pa(index) : 0;
}

/* NULL where there is no area. */
void *hibjump_own_room(size_t *bytes)
{
	*bytes = index ? index->given_start : 0;
	return area;
}

void hibjump_own_written(size_t bytes)
{
	index->own_bytes = bytes;
}

int hibjump_give_record(struct hibjump_devices *devices)
{
	if (!index || !index->own_bytes)
		return -ENOENT;
	devices->bytes = index->own_bytes;
	if (devices->buffer_bytes < index->own_bytes)
		return -ENOSPC;
	if (copy_to_user(u64_to_user_ptr(devices->buffer), area, index->own_bytes))
		return -EFAULT;
	return 0;
}
