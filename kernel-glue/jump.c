// SPDX-License-Identifier: GPL-2.0
/* Who leaves for whom, and what each of them checks before. */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kexec.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/fpu/api.h>
#include <asm/pkru.h>
#include <asm/x86_init.h>

#include "hibjump.h"

static DEFINE_MUTEX(jump_lock);
static bool armed;
static struct hibjump_arm arm_request;
static struct hibjump_extent armed_region;
static u32 armed_memory;    /* the sum over what was RAM */
static u64 armed_sum;	    /* over the region: of B as it was loaded, or as it stands by */
static u64 standby_context; /* A: physical address, in the region; 0: B is yet to be booted */
static struct hibjump_tables tables;
static void *note; /* a page */

/* While a jump is under way: */
static u32 wish;
static bool stands_by;	  /* B: is to be entered again */
static struct hibjump_return answer;
static struct hibjump_saved other; /* of the context that is entered; checked */

static struct hibjump_context *home; /* B: A's, mapped, where a panic is to go; NULL: not asked for */
static u64 home_address;

u64 hibjump_note_address(void)
{
	return __pa(note);
}

bool hibjump_is_armed(void)
{
	return armed;
}

/* What is armed stays as it was checked, and a crash kernel as it was loaded. */
ssize_t hibjump_write_memory(const char __user *from, size_t bytes, u64 address)
{
	ssize_t done = mutex_lock_interruptible(&jump_lock);

	if (done)
		return done;
	if (armed || hibjump_is_staged() || (!hibjump_is_b() && kexec_crash_loaded()))
		done = -EBUSY;
	else
		done = hibjump_write_physical(from, bytes, address);
	mutex_unlock(&jump_lock);
	return done;
}

int hibjump_arm_jump(const struct hibjump_arm *arm)
{
	struct hibjump_extent region;
	int error;
	u32 memory;
	u64 bytes;

	if (!hibjump_region(&region))
		return -ENODEV;
	if (!hibjump_low_is_valid(arm->low, arm->low_count))
		return -EINVAL;
	bytes = hibjump_low_bytes(arm->low, arm->low_count);
	if (!hibjump_is_inside(&region, arm->entry, 1) ||
	    !hibjump_is_inside(&region, arm->boot_params, PAGE_SIZE) ||
	    !hibjump_is_inside(&region, arm->low_copy, bytes) ||
	    !hibjump_standby_copy_is_valid(&region, arm->standby_low_copy, arm->low_copy, bytes))
		return -ERANGE;
	if (!PAGE_ALIGNED(arm->boot_params | arm->low_copy))
		return -EINVAL;
	if (kexec_crash_loaded())
		return -EBUSY;
	memory = hibjump_memory_sum();
	error = hibjump_check_ram(arm->ranges, arm->range_count) ?:
		mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	error = armed || hibjump_is_staged() ? -EBUSY : 0;
	if (!error)
		error = hibjump_may_load() ?: hibjump_may_hibernate() ?:
					      hibjump_sum(&region, &armed_sum);
	if (!error) {
		arm_request = *arm;
		armed_region = region;
		armed_memory = memory;
		standby_context = 0;
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
	int error = mutex_lock_interruptible(&jump_lock);

	if (error)
		return error;
	if (armed)
		disarm_locked();
	else
		error = -ENOENT;
	mutex_unlock(&jump_lock);
	return error;
}

/* ---- the tables */

static int map_for_jump(const struct hibjump_extent *region)
{
	int error;

	error = hibjump_begin_tables(&tables);
	if (!error)
		error = hibjump_map(&tables, 0, HIBJUMP_LOW_END);
	if (!error)
		error = hibjump_map(&tables, region->start, region->end);
	if (!error)
		error = hibjump_map(&tables, hibjump_trampoline_address(),
				    hibjump_trampoline_address() + PAGE_SIZE);
	return error;
}

/* What B has to know of A. */
static void describe_a(void)
{
	struct hibjump_saved *saved = &hibjump_own_context()->saved;

	memcpy(saved->id, arm_request.id, sizeof(saved->id));
	saved->region_start = armed_region.start;
	saved->region_bytes = armed_region.end - armed_region.start;
	saved->low_copy = arm_request.low_copy;
	saved->low_count = arm_request.low_count;
	memcpy(saved->low, arm_request.low, sizeof(saved->low));
	saved->standby_low_copy = arm_request.standby_low_copy;
	saved->trampoline = hibjump_trampoline_address();
	saved->suspended_ns = hibjump_suspended_ns();
	saved->wish = wish;
	saved->free_map = hibjump_unused_address(&saved->free_map_bytes);
	saved->skip_map = hibjump_skipped_address(&saved->skip_map_bytes);
	saved->records = hibjump_records_address(&saved->records_bytes);
}

/* The tables, the trampoline and the description are ready. Returns when somebody comes back. */
static void switch_over(void)
{
	struct hibjump_context *context = hibjump_own_context();
	u32 keys = read_pkru(); /* of this task; the kernel writes them only as it goes to another */

	kernel_fpu_begin();
	hibjump_save_processor(&context->saved);
	hibjump_fill_note(note, &context->saved);
	hibjump_seal_context();
	hibjump_clear_breakpoints();
	hibjump_switch(context, hibjump_trampoline_address(), __pa(tables.page[0]));
	hibjump_restore_processor(&context->saved);
	write_pkru(keys);
	kernel_fpu_end();
}

static struct hibjump_target other_target(void)
{
	return (struct hibjump_target){ .table = other.table,
					.entry = other.resume,
					.argument = other.self,
					.efer = other.efer };
}

/* ---- A leaves */

/* The region can be made smaller, and kexec can load a crash kernel. */
static bool region_is_as_armed(void)
{
	struct hibjump_extent now;

	return hibjump_region(&now) && now.start == armed_region.start &&
	       now.end == armed_region.end && !kexec_crash_loaded();
}

/* B would not save what was added, and read what is gone. */
static int check_memory(void)
{
	return hibjump_memory_sum() == armed_memory ? 0 : -ESTALE;
}

static int check_context_of_b(struct hibjump_context *of)
{
	int error = hibjump_check_context(of, standby_context);

	if (!error && !hibjump_is_inside(&armed_region, of->saved.table, PAGE_SIZE))
		error = -ERANGE;
	if (!error)
		other = of->saved;
	return error;
}

/* A crash kernel that was loaded and unloaded since may have left anything there. */
static int take_context_of_b(void)
{
	struct hibjump_context *copy;
	void *there;
	int error;

	if (!region_is_as_armed())
		return -EBUSY;
	if (!PAGE_ALIGNED(standby_context) ||
	    !hibjump_is_inside(&armed_region, standby_context, PAGE_SIZE))
		return -ERANGE;
	there = memremap(standby_context, PAGE_SIZE, MEMREMAP_WB);
	if (!there)
		return -ENOMEM;
	copy = kmemdup(there, sizeof(*copy), GFP_KERNEL);
	memunmap(there);
	if (!copy)
		return -ENOMEM;
	error = check_context_of_b(copy);
	kfree(copy);
	return error;
}

static void fill_trampoline_to_b(void)
{
	struct hibjump_low low = { .piece = arm_request.low,
				   .count = arm_request.low_count,
				   .keep = arm_request.low_copy };
	struct hibjump_target to = { .entry = arm_request.entry,
				     .argument = arm_request.boot_params };

	if (standby_context) {
		to = other_target();
		low.take = arm_request.standby_low_copy;
	}
	hibjump_fill_low_trampoline(&to, &low);
}

static int enter_b(void)
{
	int error;

	if (!region_is_as_armed())
		return -EBUSY;
	error = map_for_jump(&armed_region) ?: hibjump_fill_maps();
	if (error)
		return error;
	hibjump_describe_self(__pa(tables.page[0]));
	describe_a();
	fill_trampoline_to_b();
	switch_over();
	return 0;
}

/* Nobody can load anything into the region any more. */
static int check_b(void)
{
	u64 sum;
	int error;

	if (!region_is_as_armed())
		return -EBUSY;
	error = hibjump_sum(&armed_region, &sum);
	if (!error && sum != armed_sum)
		error = -EILSEQ;
	return error;
}

/* A B that has stood by is another one than before. */
static void sum_standby(void)
{
	struct hibjump_context *context = hibjump_own_context();

	if (context->standby && hibjump_sum(&armed_region, &armed_sum))
		context->standby = 0;
}

/* Also what nobody can change any more until somebody is back. */
static int check_before_leaving(void)
{
	return check_memory() ?: hibjump_may_still_hibernate() ?: check_b();
}

static const struct hibjump_way way_to_b = { .check = check_before_leaving,
					     .message = PMSG_FREEZE,
					     .enter = enter_b,
					     .back = sum_standby };

/* ---- B or C returns */

/* To be entered again, B must lie in the region, and where A lies must be known. */
static int check_reach_of_standby(const struct hibjump_extent *region,
				  const struct hibjump_saved *saved)
{
	u64 bytes = hibjump_low_bytes(saved->low, saved->low_count);

	if (!saved->standby_low_copy ||
	    !hibjump_standby_copy_is_valid(region, saved->standby_low_copy, saved->low_copy,
					   bytes) ||
	    !hibjump_is_inside(region, hibjump_context_address(), PAGE_SIZE) ||
	    !hibjump_is_inside(region, __pa(tables.page[0]), HIBJUMP_TABLE_PAGES * PAGE_SIZE) ||
	    !PAGE_ALIGNED(saved->trampoline) || !hibjump_may_access(saved->trampoline, PAGE_SIZE))
		return -ERANGE;
	return 0;
}

/* Everything that the jump uses lies in A's memory, but for its code, which lies in the region. */
static int check_reach_of_b(const struct hibjump_saved *saved)
{
	struct hibjump_extent region = hibjump_region_of(saved);

	if (!hibjump_may_access(saved->low_copy, hibjump_low_bytes(saved->low, saved->low_count)) ||
	    !hibjump_may_access(saved->table, PAGE_SIZE) ||
	    !hibjump_is_inside(&region, hibjump_trampoline_address(), PAGE_SIZE))
		return -ERANGE;
	return stands_by ? check_reach_of_standby(&region, saved) : 0;
}

static int check_reach_of_c(const struct hibjump_saved *saved)
{
	const struct hibjump_extent *region = hibjump_staged_region();

	if (saved->region_start != region->start ||
	    saved->region_bytes != region->end - region->start || !hibjump_stages(saved->table))
		return -ERANGE;
	return 0;
}

/* Interrupts may be off. */
static int check_other(const struct hibjump_context *there, u64 address)
{
	static struct hibjump_context copy; /* nobody changes what is checked */
	int error;

	copy = *there;
	error = hibjump_check_context(&copy, address) ?: hibjump_check_context_of_a(&copy.saved);
	if (!error)
		error = hibjump_is_b() ? check_reach_of_b(&copy.saved) :
					 check_reach_of_c(&copy.saved);
	if (!error)
		other = copy.saved;
	return error;
}

/* For a panic, which can do nothing of this itself. Interrupts may be off. */
static int prepare_home(void)
{
	struct hibjump_extent region;
	int error;

	hibjump_forget_home();
	error = check_other(home, home_address);
	if (error)
		return error;
	region = hibjump_region_of(&other);
	error = map_for_jump(&region);
	if (!error) {
		const struct hibjump_low low = { .piece = other.low,
						 .count = other.low_count,
						 .take = other.low_copy };
		const struct hibjump_target to = other_target();

		hibjump_fill_low_trampoline(&to, &low);
		hibjump_know_home(home, __pa(tables.page[0]));
	}
	return error;
}

/* Returns when it fails, or when B has stood by and A has left again. */
static int enter_a_from_b(void)
{
	struct hibjump_extent region = hibjump_region_of(&other);
	const struct hibjump_low low = { .piece = other.low,
					 .count = other.low_count,
					 .keep = stands_by ? other.standby_low_copy : 0,
					 .take = other.low_copy };
	const struct hibjump_target to = other_target();
	int error;

	hibjump_forget_home(); /* its tables and its trampoline are used here */
	error = map_for_jump(&region);
	if (!error && stands_by) /* on whose tables B is entered */
		error = hibjump_map(&tables, other.trampoline, other.trampoline + PAGE_SIZE);
	if (error)
		return error;
	hibjump_describe_self(__pa(tables.page[0]));
	hibjump_fill_low_trampoline(&to, &low);
	hibjump_park_processors();
	switch_over();
	if (!stands_by)
		return -EIO;
	if (home)
		prepare_home(); /* where that fails, HIBJUMP_HOME says so */
	return 0;
}

static const struct hibjump_way way_from_b = { .message = PMSG_FREEZE, .enter = enter_a_from_b };

/* How A comes back. */
static void give_answer(struct hibjump_context *there)
{
	there->outcome = answer.outcome;
	there->standby = stands_by ? hibjump_context_address() : 0;
	memcpy(there->reason, answer.reason, sizeof(there->reason));
}

/* Returns only when it fails. */
static int enter_a_from_c(void)
{
	const struct hibjump_target to = other_target();
	u64 trampoline, table;
	int error;

	error = hibjump_prepare_staged(&to, &trampoline, &table);
	if (error)
		return error;

	give_answer(hibjump_staged_page(answer.context));
	kernel_fpu_begin();
	x86_platform.save_sched_clock_state(); /* a hypervisor must not write into it any more */
	hibjump_clear_breakpoints();
	hibjump_park_processors();
	hibjump_switch(hibjump_own_context(), trampoline, table);
	kernel_fpu_end();
	return -EIO;
}

static const struct hibjump_way way_from_c = { .message = PMSG_QUIESCE,
					       .check = hibjump_check_staged,
					       .enter = enter_a_from_c };

/* ---- the calls */

static int leave_with_records(const struct hibjump_leave *leave)
{
	int error;

	hibjump_own_context()->outcome = HIBJUMP_NOT_LEFT;
	error = check_memory();
	if (!error && standby_context)
		error = take_context_of_b();
	if (!error)
		error = hibjump_begin_records(leave);
	if (error)
		return error;
	error = hibjump_begin_permission();
	if (!error) {
		error = hibjump_alloc_maps() ?: hibjump_go(&way_to_b);
		hibjump_free_maps();
		hibjump_end_permission();
	}
	hibjump_end_records();
	return error;
}

int hibjump_leave_a(struct hibjump_leave *leave)
{
	const struct hibjump_context *context = hibjump_own_context();
	int error;

	error = mutex_lock_interruptible(&jump_lock);
	if (error)
		return error;
	if (!armed) {
		mutex_unlock(&jump_lock);
		return -ENOENT;
	}
	wish = leave->wish;
	error = hibjump_may_leave() ?: leave_with_records(leave);
	leave->outcome = error ? HIBJUMP_NOT_LEFT : context->outcome;
	leave->suspended_ns = hibjump_suspended_ns();
	memcpy(leave->id, arm_request.id, sizeof(leave->id));
	memcpy(leave->reason, context->reason, sizeof(leave->reason));
	leave->reason[sizeof(leave->reason) - 1] = 0;
	if (leave->outcome != HIBJUMP_NOT_LEFT) {
		standby_context = context->standby;
		if (!standby_context)
			disarm_locked(); /* B has run: what was loaded is used up */
	}
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

static int take_context_in_b(u64 address)
{
	struct hibjump_context *there;
	int error;

	if (!hibjump_may_access(address, PAGE_SIZE))
		return -ERANGE;
	there = memremap(address, PAGE_SIZE, MEMREMAP_WB);
	if (!there)
		return -ENOMEM;
	error = check_other(there, address);
	if (!error)
		give_answer(there);
	memunmap(there);
	return error;
}

/* The answer is given at the end: what is staged has a sum. */
static int take_context_in_c(u64 address)
{
	if (!hibjump_is_filled())
		return -EINVAL;
	return hibjump_stages(address) ? check_other(hibjump_staged_page(address), address) :
					 -ERANGE;
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
	stands_by = request->flags & HIBJUMP_RETURN_STAND_BY;
	answer = *request;
	error = hibjump_is_b() ? take_context_in_b(request->context) :
				 take_context_in_c(request->context);
	if (!error)
		error = hibjump_go(hibjump_is_b() ? &way_from_b : &way_from_c);
	mutex_unlock(&jump_lock);
	return error;
}

static void unmap_home(void)
{
	hibjump_forget_home();
	if (home)
		memunmap(home);
	home = NULL;
}

static int map_home(u64 address)
{
	if (home && home_address == address)
		return 0;
	if (!PAGE_ALIGNED(address) || !hibjump_may_access(address, PAGE_SIZE))
		return -ERANGE;
	unmap_home();
	home = memremap(address, PAGE_SIZE, MEMREMAP_WB);
	home_address = address;
	return home ? 0 : -ENOMEM;
}

int hibjump_take_home(const struct hibjump_home *request)
{
	int error = mutex_lock_interruptible(&jump_lock);

	if (error)
		return error;
	stands_by = false;
	error = map_home(request->context) ?: prepare_home();
	mutex_unlock(&jump_lock);
	return error;
}

/* What is armed and what is staged both lie in the crash region. */
int hibjump_stage(struct file *file, const struct hibjump_stage *stage)
{
	int error = mutex_lock_interruptible(&jump_lock);

	if (error)
		return error;
	error = hibjump_may_load() ?: hibjump_may_hibernate();
	if (!error)
		error = armed ? -EBUSY : hibjump_stage_pages(file, stage);
	mutex_unlock(&jump_lock);
	return error;
}

int hibjump_staged(struct file *file)
{
	int error = mutex_lock_interruptible(&jump_lock);

	if (error)
		return error;
	error = hibjump_sum_staged(file);
	mutex_unlock(&jump_lock);
	return error;
}

/* ---- the pages */

int hibjump_jump_init(void)
{
	int error;

	BUILD_BUG_ON(HIBJUMP_TABLE_PAGES < 8);
	error = hibjump_alloc_tables(&tables) ?: hibjump_alloc_context() ?:
						 hibjump_alloc_trampoline();
	note = (void *)get_zeroed_page(GFP_KERNEL);
	if (!error && note)
		return 0;
	hibjump_jump_exit();
	return -ENOMEM;
}

void hibjump_jump_exit(void)
{
	unmap_home();
	hibjump_free_records();
	hibjump_free_trampoline();
	free_page((unsigned long)note);
	hibjump_free_context();
	hibjump_free_tables(&tables);
}
