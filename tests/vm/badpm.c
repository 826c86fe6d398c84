// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not stand still, or does not come back, when it is told so. Only for tests:
 * /sys/module/badpm/parameters/fail_suspend and fail_resume; `calls` is what was called, in order.
 */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/suspend.h>

static bool fail_suspend;
module_param(fail_suspend, bool, 0644);
MODULE_PARM_DESC(fail_suspend, "to stand still returns -EBUSY");

static bool fail_resume;
module_param(fail_resume, bool, 0644);
MODULE_PARM_DESC(fail_resume, "to come back returns -EIO");

static char calls[256];
module_param_string(calls, calls, sizeof(calls), 0644);
MODULE_PARM_DESC(calls, "what the PM core called");

static void note(const char *call)
{
	strlcat(calls, call, sizeof(calls));
	if (pm_resume_via_firmware())
		strlcat(calls, ":firmware", sizeof(calls));
	if (current->flags & PF_KTHREAD)
		strlcat(calls, ":async", sizeof(calls));
	strlcat(calls, " ", sizeof(calls));
}

static int stand_still(const char *call)
{
	note(call);
	return fail_suspend ? -EBUSY : 0;
}

static int come_back(const char *call)
{
	note(call);
	return fail_resume ? -EIO : 0;
}

#define OPERATION(name, does)                            \
	static int badpm_##name(struct device *device)   \
	{                                                \
		return does(#name);                      \
	}

OPERATION(suspend, stand_still)
OPERATION(resume, come_back)
OPERATION(freeze, stand_still)
OPERATION(thaw, come_back)
OPERATION(restore, come_back)

static const struct dev_pm_ops badpm_operations = {
	.suspend = badpm_suspend,
	.resume = badpm_resume,
	.freeze = badpm_freeze,
	.thaw = badpm_thaw,
	.restore = badpm_restore,
};

static struct platform_driver badpm_driver = {
	.driver = {
		.name = "badpm",
		.pm = &badpm_operations,
	},
};

static struct platform_device *badpm_device;

static int __init badpm_init(void)
{
	int error = platform_driver_register(&badpm_driver);

	if (error)
		return error;
	badpm_device = platform_device_register_simple("badpm", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(badpm_device)) {
		platform_driver_unregister(&badpm_driver);
		return PTR_ERR(badpm_device);
	}
	device_enable_async_suspend(&badpm_device->dev);
	return 0;
}

static void __exit badpm_exit(void)
{
	platform_device_unregister(badpm_device);
	platform_driver_unregister(&badpm_driver);
}

module_init(badpm_init);
module_exit(badpm_exit);
MODULE_DESCRIPTION("A device that fails on request");
MODULE_LICENSE("GPL");
