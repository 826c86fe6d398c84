// SPDX-License-Identifier: GPL-2.0
/* Leaving through the PM core, and coming back. */
#include <linux/crc32.h>
#include <linux/ioport.h>
#include <linux/kexec.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/io.h>
#include <linux/suspend.h>
#include <asm/fpu/api.h>

#include "hibjump.h"
#include "offsets.h"

#define LOW_END	  0xa0000ULL

static DEFINE_MUTEX(jump_lock);
static bool armed;
static struct hibjump_arm arm_request;
static struct hibjump_tables tables;
static struct hibjump_context *context; /* a page */
static void *note;			/* a page */

/* While a jump is under way: */
static bool jumping;
static bool operations_set;
static u64 suspended_at;
static u32 wish;
static struct hibjump_free_map free_map;
static u64 other_context; /* B, C: physical address; 0 in A */

u64 hibjump_context_address(void)
{
	return __pa(context);
}

u64 hibjump_note_address(void)
{
	return __pa(note);
}

bool hibjump_is_armed(void)
{
	return armed;
}

static bool is_inside(const struct hibjump_extent *outer, u64 start, u64 bytes)
{
	return bytes && start >= outer->start && start < outer->end && bytes <= outer->end - start;
}

static u64 low_bytes(const struct hibjump_range *low, u32 count)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < count; i++)
		sum += low[i].bytes;
	return sum;
}

/* Whole pages of RAM below 640 KiB, ascending. */
static bool low_is_valid(const struct hibjump_range *low, u32 count)
{
	u64 end = 0;
	u32 i;

	if (!count || count > HIBJUMP_MAX_LOW)
		return false;
	for (i = 0; i < count; i++) {
		if (!PAGE_ALIGNED(low[i].start | low[i].bytes) || !low[i].bytes ||
		    low[i].start < end)
			return false;
		if (low[i].start >= LOW_END || low[i].bytes > LOW_END - low[i].start)
			return false;
		end = low[i].start + low[i].bytes;
		if (!hibjump_is_ram(low[i].start, low[i].bytes))
			return false;
	}
	return true;
}

int hibjump_arm_jump(const struct hibjump_arm *arm)
{
	struct hibjump_extent region;
	int error = 0;

	if (!hibjump_region(&region))
		return -ENODEV;
	if (!low_is_valid(arm->low, arm->low_count))
		return -EINVAL;
	if (!is_inside(&region, arm->entry, 1) ||
	    !is_inside(&region, arm->boot_params, PAGE_SIZE) ||
	    !is_inside(&region, arm->low_copy, low_bytes(arm->low, arm->low_count)))
		return -ERANGE;
	if (!PAGE_ALIGNED(arm->boot_params | arm->low_copy))
		return -EINVAL;
	if (kexec_crash_loaded())
		return -EBUSY;
	mutex_lock(&jump_lock);
	if (armed || hibjump_is_staged()) {
		error = -EBUSY;
	} else {
		arm_request = *arm;
		armed = true;
		__module_get(THIS_MODULE);
	}
	mutex_unlock(&jump_lock);
	return error;
}

static void disarm_locked(void)
{
	armed = false;
	module_put(THIS_MODULE);
}

int hibjump_disarm(void)
{
	int error = -ENOENT;

	mutex_lock(&jump_lock);
	if (armed) {
		disarm_locked();
		error = 0;
	}
	mutex_unlock(&jump_lock);
	return error;
}

static u32 saved_crc(const struct hibjump_context *of)
{
	return crc32_le(~0U, (const u8 *)&of->saved, sizeof(of->saved)) ^ ~0U;
}

/* ---- the tables */

static int map_for_jump(const struct hibjump_extent *region)
{
	int error;

	error = hibjump_begin_tables(&tables);
	if (!error)
		error = hibjump_map(&tables, 0, LOW_END);
	if (!error)
		error = hibjump_map(&tables, region->start, region->end);
	if (!error)
		error = hibjump_map(&tables, hibjump_trampoline_address(),
				    hibjump_trampoline_address() + PAGE_SIZE);
	return error;
}

/* ---- A leaves */

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

static void describe_self(const struct hibjump_extent *region)
{
	struct hibjump_saved *saved = &context->saved;

	check_context_offsets();
	memset(context, 0, PAGE_SIZE);
	context->magic = HIBJUMP_CONTEXT_MAGIC;
	context->version = HIBJUMP_VERSION;
	context->bytes = sizeof(*saved);
	memcpy(saved->id, arm_request.id, sizeof(saved->id));
	saved->region_start = region->start;
	saved->region_bytes = region->end - region->start;
	saved->low_copy = arm_request.low_copy;
	saved->low_count = arm_request.low_count;
	saved->five_levels = pgtable_l5_enabled();
	memcpy(saved->low, arm_request.low, sizeof(saved->low));
	saved->self = (unsigned long)context;
	saved->self_phys = __pa(context);
	saved->resume = (unsigned long)hibjump_resume;
	saved->table = __pa(tables.page[0]);
	saved->suspended_ns = suspended_at;
	saved->wish = wish;
	saved->free_map = free_map.bits ? __pa(free_map.bits) : 0;
	saved->free_map_bytes = free_map.bytes;
	saved->records = hibjump_records_address(&saved->records_bytes);
}

static int enter_b(void)
{
	const struct hibjump_target to = { .entry = arm_request.entry,
					   .argument = arm_request.boot_params };
	struct hibjump_extent region;
	int error;

	if (!hibjump_region(&region) || kexec_crash_loaded())
		return -EBUSY;
	error = map_for_jump(&region);
	if (error)
		return error;
	hibjump_fill_free_map(&free_map);
	describe_self(&region);
	hibjump_fill_low_trampoline(&to, arm_request.low, arm_request.low_count,
				    arm_request.low_copy, false);

	kernel_fpu_begin();
	hibjump_save_processor(&context->saved);
	hibjump_fill_note(note, &context->saved);
	/*
	 * The stack pointer is written after this, by hibjump_switch(): it is what that function
	 * finds again by itself, so the checksum covers it as zero.
	 */
	context->crc = saved_crc(context);
	hibjump_switch(context, hibjump_trampoline_address(), __pa(tables.page[0]));
	hibjump_restore_processor(&context->saved);
	kernel_fpu_end();
	return 0;
}

/* ---- B or C returns */

/* What they are to trust of A's context. Where the jump leads is checked for each of them below. */
static int check_context(struct hibjump_context *of, u64 address)
{
	const struct hibjump_saved *saved = &of->saved;
	struct hibjump_extent region = { saved->region_start,
					 saved->region_start + saved->region_bytes };

	if (of->magic != HIBJUMP_CONTEXT_MAGIC || of->version != HIBJUMP_VERSION ||
	    of->bytes != sizeof(*saved))
		return -EILSEQ;
	of->saved.stack = 0; /* was written after the checksum */
	if (saved_crc(of) != of->crc || saved->self_phys != address)
		return -EILSEQ;
	if (!!saved->five_levels != pgtable_l5_enabled())
		return -EOPNOTSUPP;
	if (region.end <= region.start || !low_is_valid(saved->low, saved->low_count) ||
	    !is_inside(&region, saved->low_copy, low_bytes(saved->low, saved->low_count)))
		return -ERANGE;
	if (!PAGE_ALIGNED(saved->table) || is_inside(&region, saved->table, PAGE_SIZE) ||
	    saved->resume < TASK_SIZE_MAX || saved->self < TASK_SIZE_MAX)
		return -ERANGE;
	return 0;
}

/* Everything that the jump uses lies in A's memory, but for its code, which lies in the region. */
static int check_reach_of_b(const struct hibjump_saved *saved)
{
	struct hibjump_extent region = { saved->region_start,
					 saved->region_start + saved->region_bytes };

	if (!hibjump_may_access(saved->low_copy, low_bytes(saved->low, saved->low_count)) ||
	    !hibjump_may_access(saved->table, PAGE_SIZE) ||
	    !is_inside(&region, hibjump_trampoline_address(), PAGE_SIZE))
		return -ERANGE;
	return 0;
}

static int check_reach_of_c(const struct hibjump_saved *saved)
{
	const struct hibjump_extent *region = hibjump_staged_region();

	if (saved->region_start != region->start ||
	    saved->region_bytes != region->end - region->start || !hibjump_stages(saved->table))
		return -ERANGE;
	return 0;
}

static struct hibjump_saved other; /* what was checked */

static struct hibjump_target other_target(void)
{
	return (struct hibjump_target){ .table = other.table,
					.entry = other.resume,
					.argument = other.self,
					.efer = other.efer };
}

/* Returns only when it fails: nobody comes back to B or C. */
static int enter_a_from_b(void)
{
	struct hibjump_extent region = { other.region_start,
					 other.region_start + other.region_bytes };
	const struct hibjump_target to = other_target();
	int error;

	error = map_for_jump(&region);
	if (error)
		return error;
	hibjump_fill_low_trampoline(&to, other.low, other.low_count, other.low_copy, true);

	kernel_fpu_begin();
	hibjump_switch(context, hibjump_trampoline_address(), __pa(tables.page[0]));
	kernel_fpu_end();
	return -EIO;
}

static int enter_a_from_c(void)
{
	const struct hibjump_target to = other_target();
	u64 trampoline, table;
	int error;

	error = hibjump_prepare_staged(&to, &trampoline, &table);
	if (error)
		return error;

	kernel_fpu_begin();
	hibjump_park_processors();
	hibjump_switch(context, trampoline, table);
	kernel_fpu_end();
	return -EIO;
}

/* ---- the PM core's side */

static int operation_valid(suspend_state_t state)
{
	return jumping && state == PM_SUSPEND_MEM;
}

/* The tasks are frozen, the devices are as they were. */
static int operation_begin(suspend_state_t state)
{
	hibjump_list_devices();
	return 0;
}

/* The devices are suspended, interrupts are on. */
static int operation_prepare_late(void)
{
	suspended_at = ktime_get_real_ns();
	hibjump_record_suspended(suspended_at);
	return 0;
}

static int operation_enter(suspend_state_t state)
{
	if (!other_context)
		return enter_b();
	return hibjump_is_b() ? enter_a_from_b() : enter_a_from_c();
}

/* The devices are resumed or it was given up; the tasks are still frozen. */
static void operation_end(void)
{
	hibjump_record_resumed();
}

static const struct platform_suspend_ops operations = {
	.valid = operation_valid,
	.begin = operation_begin,
	.prepare_late = operation_prepare_late,
	.enter = operation_enter,
	.end = operation_end,
};

/*
 * The PM core has one place for operations and no way to read it: S3 by ACPI is gone until the
 * next boot.
 */
static int suspend_and_enter(void)
{
	int error;

	jumping = true;
	suspend_set_ops(&operations);
	operations_set = true;
	error = pm_suspend(PM_SUSPEND_MEM);
	jumping = false;
	return error;
}

static int leave_with_records(const struct hibjump_leave *leave)
{
	int error;

	context->outcome = HIBJUMP_NOT_LEFT;
	error = hibjump_begin_records(leave);
	if (error)
		return error;
	hibjump_alloc_free_map(&free_map);
	error = suspend_and_enter();
	hibjump_release_free_map(&free_map);
	hibjump_end_records();
	return error;
}

int hibjump_leave_a(struct hibjump_leave *leave)
{
	int error;

	error = mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	if (!armed) {
		mutex_unlock(&jump_lock);
		return -ENOENT;
	}
	other_context = 0;
	wish = leave->wish;
	error = leave_with_records(leave);
	leave->outcome = error ? HIBJUMP_NOT_LEFT : context->outcome;
	leave->suspended_ns = suspended_at;
	memcpy(leave->id, arm_request.id, sizeof(leave->id));
	memcpy(leave->reason, context->reason, sizeof(leave->reason));
	leave->reason[sizeof(leave->reason) - 1] = 0;
	if (leave->outcome != HIBJUMP_NOT_LEFT)
		disarm_locked(); /* B has run: what was loaded is used up */
	mutex_unlock(&jump_lock);
	return error;
}

int hibjump_devices(struct hibjump_devices *devices)
{
	int error;

	error = mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	error = hibjump_give_record(devices);
	mutex_unlock(&jump_lock);
	return error;
}

/* A copy of it is checked and kept, and the context made to say how A comes back. */
static int take_context(struct hibjump_context *there, const struct hibjump_return *request)
{
	struct hibjump_context *copy = kmemdup(there, sizeof(*there), GFP_KERNEL);
	int error;

	if (!copy)
		return -ENOMEM;
	error = check_context(copy, request->context);
	if (!error)
		error = hibjump_is_b() ? check_reach_of_b(&copy->saved) :
					 check_reach_of_c(&copy->saved);
	if (!error) {
		other = copy->saved;
		there->outcome = request->outcome;
		memcpy(there->reason, request->reason, sizeof(there->reason));
	}
	kfree(copy);
	return error;
}

static int take_context_in_b(const struct hibjump_return *request)
{
	struct hibjump_context *there;
	int error;

	if (!hibjump_may_access(request->context, PAGE_SIZE))
		return -ERANGE;
	there = memremap(request->context, PAGE_SIZE, MEMREMAP_WB);
	if (!there)
		return -ENOMEM;
	error = take_context(there, request);
	memunmap(there);
	return error;
}

static int take_context_in_c(const struct hibjump_return *request)
{
	if (!hibjump_stages(request->context))
		return -ERANGE;
	return take_context(hibjump_staged_page(request->context), request);
}

int hibjump_return_to_a(const struct hibjump_return *request)
{
	int error;

	if (request->outcome < HIBJUMP_RETURNED || request->outcome > HIBJUMP_FAILED ||
	    strnlen(request->reason, sizeof(request->reason)) == sizeof(request->reason))
		return -EINVAL;
	if (!PAGE_ALIGNED(request->context))
		return -ERANGE;
	error = mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	error = hibjump_is_b() ? take_context_in_b(request) : take_context_in_c(request);
	if (!error) {
		other_context = request->context;
		error = suspend_and_enter();
		other_context = 0;
	}
	mutex_unlock(&jump_lock);
	return error;
}

/* What is armed and what is staged both lie in the crash region. */
int hibjump_stage(struct file *file, const struct hibjump_stage *stage)
{
	int error;

	error = mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	error = armed ? -EBUSY : hibjump_stage_pages(file, stage);
	mutex_unlock(&jump_lock);
	return error;
}

/* ---- the pages */

int hibjump_jump_init(void)
{
	int error;

	BUILD_BUG_ON(HIBJUMP_TABLE_PAGES < 8);
	error = hibjump_alloc_tables(&tables);
	if (error)
		return error;
	context = (struct hibjump_context *)get_zeroed_page(GFP_KERNEL);
	note = (void *)get_zeroed_page(GFP_KERNEL);
	error = hibjump_alloc_trampoline();
	if (context && note && !error)
		return 0;
	hibjump_jump_exit();
	return -ENOMEM;
}

void hibjump_jump_exit(void)
{
	if (operations_set)
		suspend_set_ops(NULL);
	hibjump_free_records();
	hibjump_free_trampoline();
	free_page((unsigned long)note);
	free_page((unsigned long)context);
	hibjump_free_tables(&tables);
}
