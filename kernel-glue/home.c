// SPDX-License-Identifier: GPL-2.0
/*
 * A panic of B. A's memory is as A left it, so A is entered as if B came back by itself, and is
 * told what B said last. A restores its devices from whatever state they are in; so nothing is
 * suspended for this but what they write, and nothing but what was made ready before is relied on.
 *
 * This is done when panic() has stopped the other processors, and before it waits to restart.
 */
#include <asm/apic.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nmi.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kmsg_dump.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "compat.h"
#include "hibjump.h"

#define LOG_BYTES (4 * PAGE_SIZE) /* an oops has some hundred lines */
#define FIRST 0			  /* the processor on which A has left */
#define SECONDS_FIRST 1		  /* for it to come */

static struct hibjump_context *way; /* the context of A, mapped; NULL: there is no way */
static u64 table_of_way;
static bool first_is_called;
static char log[LOG_BYTES];

void hibjump_know_home(struct hibjump_context *a, u64 table)
{
	table_of_way = table;
	smp_store_release(&way, a);
}

void hibjump_forget_home(void)
{
	WRITE_ONCE(way, NULL);
}

/* ---- what A is told */

static const char *const telling[] = {"hibtool: ", "watchdog: BUG: ", "BUG: ", "RIP: "};

/* "[    7.518843] BUG: ...", and with the caller "[    7.518843][    T1] BUG: ..." */
static const char *without_time(const char *line)
{
	while (*line == '[') {
		const char *end = strchr(line, ']');

		if (!end)
			break;
		line = skip_spaces(end + 1);
	}
	return line;
}

static void cut_into_lines(char *text, size_t bytes)
{
	text[bytes] = 0;
	strreplace(text, '\n', 0);
}

/* The last line that begins so, NULL where there is none. */
static const char *last_line(size_t bytes, const char *begin)
{
	const char *found = NULL, *line;

	for (line = log; line < log + bytes; line += strlen(line) + 1) {
		if (str_has_prefix(without_time(line), begin))
			found = without_time(line);
	}
	return found;
}

/* The message alone says little: "Fatal exception", "Attempted to kill init!" */
static void tell(struct hibjump_context *a, const char *message)
{
	struct kmsg_dump_iter position;
	size_t bytes = 0, used;
	unsigned int i;

	used = scnprintf(a->reason, sizeof(a->reason), HIBJUMP_PANIC_BEGINS "%s", message);
	kmsg_dump_rewind(&position);
	if (!kmsg_dump_get_buffer(&position, false, log, sizeof(log) - 1, &bytes))
		bytes = 0;
	bytes = min(bytes, sizeof(log) - 1);
	cut_into_lines(log, bytes);
	for (i = 0; i < ARRAY_SIZE(telling); i++) {
		const char *line = last_line(bytes, telling[i]);

		if (line)
			used += scnprintf(a->reason + used, sizeof(a->reason) - used, "; %s", line);
	}
	a->outcome = HIBJUMP_FAILED;
	a->standby = 0;
}

/* ---- the way */

/* On the processor on which A has left. */
static void go(void)
{
	hibjump_clear_breakpoints();
	hibjump_stop_masters();
	hibjump_end_interrupts();
	hibjump_park_processors();
	hibjump_switch(hibjump_own_context(), hibjump_trampoline_address(), table_of_way);
}

/*
 * That processor halts, out of reach for all but an NMI, and the kernel takes no NMI on a processor
 * that is offline.
 */
static void call_first(void)
{
	WRITE_ONCE(first_is_called, true);
	cpumask_set_cpu(FIRST, &__cpu_online_mask);
	smp_mb();
	apic->send_IPI(FIRST, NMI_VECTOR);
	mdelay(SECONDS_FIRST * MSEC_PER_SEC);
	cpumask_clear_cpu(FIRST, &__cpu_online_mask);
}

static int on_nmi(unsigned int kind, struct pt_regs *registers)
{
	if (!READ_ONCE(first_is_called) || raw_smp_processor_id() != FIRST)
		return NMI_DONE;
	go();
	return NMI_HANDLED;
}

/* Of the hardware: nobody knows what is whole. */
static bool is_machine_check(void)
{
	u64 status;

	return boot_cpu_has(X86_FEATURE_MCE) && !rdmsrq_safe(MSR_IA32_MCG_STATUS, &status) &&
	       (status & MCG_STATUS_MCIP);
}

static int on_panic(struct notifier_block *block, unsigned long event, void *message)
{
	struct hibjump_context *a = xchg(&way, NULL); /* a fault from here on is another panic */

	if (!a || is_machine_check())
		return NOTIFY_DONE;
	tell(a, message);
	if (raw_smp_processor_id() == FIRST)
		go();
	else
		call_first();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {
	.notifier_call = on_panic, .priority = INT_MAX, /* the others may not come back */
};

int hibjump_home_init(void)
{
	int error;

	if (!hibjump_is_b())
		return 0;
	error = register_nmi_handler(NMI_LOCAL, on_nmi, 0, "hibjump");
	if (error)
		return error;
	hibjump_find_masters();
	hibjump_find_interrupts();
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}

void hibjump_home_exit(void)
{
	if (!hibjump_is_b())
		return;
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	unregister_nmi_handler(NMI_LOCAL, "hibjump");
	hibjump_forget_interrupts();
	hibjump_forget_masters();
}
