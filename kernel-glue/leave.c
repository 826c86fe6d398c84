// SPDX-License-Identifier: GPL-2.0
/*
 * How every device is made to stand still, and comes back: the sequence of kernel_kexec(), because
 * another kernel or the firmware has the hardware in between.
 *
 * The PM core exports that sequence, but not what belongs before it: notifiers, freezing the tasks,
 * holding off hotplug. hibernate_quiet_exec() does that, and then goes on to a sequence of its own,
 * which thaws devices where they have to be restored. So it is not let get so far: it prepares two
 * devices of this module before all others (but for the root of platform devices), and
 *
 *   the brake  lets it pass at first;
 *   the hook   does everything, and then cancels the transition.
 *
 * The last step of "everything" completes the devices, and the PM core, when it is cancelled, does
 * so once more. Therefore the devices are prepared a second time before, as far as the brake.
 */
#include <linux/console.h>
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/suspend.h>
#include <linux/syscore_ops.h>

#include "hibjump.h"

#define NOT_REACHED 1

static struct platform_device *brake, *hook;
static bool braking;
static struct task_struct *leaver; /* a transition of anybody else is none of ours */
static const struct hibjump_way *way;
static u64 suspended_at;
static int result;

u64 hibjump_suspended_ns(void)
{
	return suspended_at;
}

/* Returns 0 when somebody came back. */
static int enter(void)
{
	int error;

	local_irq_disable();
	system_state = SYSTEM_SUSPEND;
	error = syscore_suspend();
	if (!error) {
		error = pm_wakeup_pending() ? -EBUSY : way->enter();
		syscore_resume();
	}
	system_state = SYSTEM_RUNNING;
	local_irq_enable();
	return error;
}

static int enter_on_one_processor(void)
{
	int error;

	hibjump_keep_acpi();
	error = hibjump_processors_off();
	if (!error)
		error = enter();
	hibjump_processors_on(!error);
	hibjump_leave_acpi(!error);
	return error;
}

static int enter_without_devices(void)
{
	pm_message_t back = PMSG_RECOVER;
	int error;

	error = dpm_suspend_start(way->message);
	if (error)
		goto resume;
	error = dpm_suspend_end(way->message);
	if (error)
		goto resume;
	suspended_at = ktime_get_real_ns();
	hibjump_record_suspended(suspended_at);
	error = enter_on_one_processor();
	if (!error) {
		back = PMSG_RESTORE;
		pm_set_resume_via_firmware();
		hibjump_hold_lines();
	}
	dpm_resume_start(back);
	hibjump_forget_lines();
resume:
	dpm_resume_end(back);
	hibjump_record_resumed();
	return error;
}

/*
 * Consoles cannot be suspended from here: they are kept silent. The mask for allocations cannot be
 * changed either, so that at least this task must not wait for a disk.
 */
static int enter_in_silence(void)
{
	int level = console_loglevel;
	unsigned int noio = memalloc_noio_save();
	int error;

	if (console_suspend_enabled)
		console_loglevel = CONSOLE_LOGLEVEL_SILENT;
	error = enter_without_devices();
	console_loglevel = level;
	memalloc_noio_restore(noio);
	return error;
}

/* Fails at the brake, so that nothing is suspended. */
static void prepare_again(void)
{
	braking = true;
	if (!dpm_suspend_start(PMSG_FREEZE))
		dpm_resume_end(PMSG_RECOVER);
	braking = false;
}

/* The tasks are frozen, and no device is prepared yet. */
static int prepare_hook(void)
{
	if (leaver != current)
		return 0;
	leaver = NULL;
	result = way->check ? way->check() : 0;
	if (result)
		return -ECANCELED; /* no device was completed: none is to be prepared again */
	hibjump_list_devices();
	/* The PM core holds this device's lock, and passes by devices that are marked so. */
	dev_pm_syscore_device(&hook->dev, true);
	result = enter_in_silence();
	prepare_again();
	dev_pm_syscore_device(&hook->dev, false);
	if (!result && way->back)
		way->back();
	return -ECANCELED;
}

static int prepare(struct device *device)
{
	if (device == &hook->dev)
		return prepare_hook();
	return braking ? -ECANCELED : 0;
}

static const struct dev_pm_ops operations = {
	.prepare = prepare,
};

static struct platform_driver driver = {
	.driver = {
		.name = "hibjump",
		.pm = &operations,
		.suppress_bind_attrs = true,
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

static int never_called(void *data)
{
	return -EIO;
}

int hibjump_go(const struct hibjump_way *to)
{
	int error;

	way = to;
	suspended_at = 0;
	result = NOT_REACHED;
	ksys_sync_helper();
	leaver = current;
	error = hibernate_quiet_exec(never_called, NULL);
	leaver = NULL;
	if (result == NOT_REACHED)
		return error ?: -EAGAIN;
	return result;
}

/* ---- the two devices */

static struct platform_device *register_first(int number)
{
	struct platform_device *device =
		platform_device_register_simple("hibjump", number, NULL, 0);
	int error;

	if (IS_ERR(device))
		return device;
	error = device_move(&device->dev, &platform_bus, DPM_ORDER_DEV_AFTER_PARENT);
	if (!error)
		return device;
	platform_device_unregister(device);
	return ERR_PTR(error);
}

int hibjump_leave_init(void)
{
	int error = platform_driver_register(&driver);

	if (error)
		return error;
	hook = register_first(1);
	if (IS_ERR(hook)) {
		error = PTR_ERR(hook);
		goto driver;
	}
	brake = register_first(0);
	if (IS_ERR(brake)) {
		error = PTR_ERR(brake);
		goto hook;
	}
	return 0;

hook:
	platform_device_unregister(hook);
driver:
	platform_driver_unregister(&driver);
	return error;
}

void hibjump_leave_exit(void)
{
	platform_device_unregister(brake);
	platform_device_unregister(hook);
	platform_driver_unregister(&driver);
}
