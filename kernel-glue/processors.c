// SPDX-License-Identifier: GPL-2.0
/*
 * All processors but one are off while another kernel runs. Of the three ways to do that, one is
 * not exported and one takes the lock against hotplug, which is held already: the third one is to
 * ask the processors' own subsystem.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/printk.h>

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

void hibjump_processors_on(void)
{
	unsigned int processor;

	cpu_hotplug_enable();
	for_each_cpu(processor, &taken_off) {
		int error = cpu_subsys.online(get_cpu_device(processor));

		if (error)
			pr_err("hibjump: processor %u does not come back: %d\n", processor, error);
	}
	cpu_hotplug_disable();
}
