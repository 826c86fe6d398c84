// SPDX-License-Identifier: GPL-2.0
/*
 * All processors but one are off while another kernel runs. Of the three ways to do that, one is
 * not exported and one takes the lock against hotplug, which is held already: the third one is to
 * ask the processors' own subsystem.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/printk.h>
#include <asm/apic.h>
#include <asm/msr.h>

#include "compat.h"
#include "hibjump.h"

static cpumask_t taken_off;

static int take_off(unsigned int processor)
{
	int error = cpu_subsys.offline(get_cpu_device(processor));

	if (!error)
		cpumask_set_cpu(processor, &taken_off);
	return error;
}

/* After an error some are off, too: hibjump_processors_on() knows which. */
int hibjump_processors_off(void)
{
	unsigned int processor, stays = cpumask_first(cpu_online_mask);
	int error = 0;

	cpumask_clear(&taken_off);
	cpu_hotplug_enable(); /* the PM core's notifier has disabled it */
	for_each_online_cpu(processor) {
		if (processor != stays && !error)
			error = take_off(processor);
	}
	cpu_hotplug_disable();
	if (!error && num_online_cpus() > 1)
		error = -EBUSY;
	return error;
}

/* User space is told of it as of any device. */
static void put_on(unsigned int processor)
{
	struct device *device = get_cpu_device(processor);
	int error = cpu_subsys.online(device);
	struct hibjump_callbacks *callbacks;

	if (!error)
		return;
	pr_err("hibjump: processor %u does not come back: %d\n", processor, error);
	callbacks = hibjump_callbacks_of(device);
	if (callbacks) {
		callbacks->error[HIBJUMP_RESUME_NOIRQ] = error;
		callbacks->called |= BIT(HIBJUMP_RESUME_NOIRQ);
	}
}

/*
 * One that was off before waits for its start since it was parked, and lets no machine check in: one
 * that goes to all processors would stop the machine. So it is started and stopped, as the kernel
 * does it after its own hibernation. Threads that are not to be used are refused: user space can
 * start those by smt/control.
 */
static void start_once(unsigned int processor)
{
	struct device *device = get_cpu_device(processor);

	if (device && !cpu_subsys.online(device) && cpu_subsys.offline(device))
		pr_err("hibjump: processor %u stays on\n", processor);
}

void hibjump_processors_on(bool left)
{
	unsigned int processor;

	cpu_hotplug_enable();
	for_each_cpu(processor, &taken_off)
		put_on(processor);
	for_each_present_cpu(processor) {
		if (left && !cpu_online(processor) && !cpumask_test_cpu(processor, &taken_off))
			start_once(processor);
	}
	cpu_hotplug_disable();
}

/*
 * The other processors stand in this kernel's code, which is about to go: an INIT takes them out of
 * it, to where A, which starts them, expects them. They may be more than this kernel knows of. A
 * local APIC that is off for interrupts sends it all the same. The processor that the firmware
 * began with would begin with the firmware again.
 */
void hibjump_park_processors(void)
{
	u64 base;

	if (!IS_ENABLED(CONFIG_SMP) || !boot_cpu_has(X86_FEATURE_APIC) ||
	    rdmsrq_safe(MSR_IA32_APICBASE, &base) || !(base & MSR_IA32_APICBASE_BSP))
		return;
	apic->icr_write(APIC_DEST_ALLBUT | APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT, 0);
	udelay(100);
}
