// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not suspend, or does not come back, when it is told so. Only for tests:
 * /sys/module/badpm/parameters/fail_suspend and fail_resume.
 */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

static bool fail_suspend;
module_param(fail_suspend, bool, 0644);
MODULE_PARM_DESC(fail_suspend, "suspend returns -EBUSY");

static bool fail_resume;
module_param(fail_resume, bool, 0644);
MODULE_PARM_DESC(fail_resume, "resume returns -EIO");

static int badpm_suspend(struct device *device)
{
	return fail_suspend ? -EBUSY : 0;
}

static int badpm_resume(struct device *device)
{
	return fail_resume ? -EIO : 0;
}

static const struct dev_pm_ops badpm_operations = {
	.suspend = badpm_suspend,
	.resume = badpm_resume,
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
	if (!IS_ERR(badpm_device))
		return 0;
	platform_driver_unregister(&badpm_driver);
	return PTR_ERR(badpm_device);
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
