// SPDX-License-Identifier: GPL-2.0
/*
 * A device that spoils hibernation when it is told so. Only for tests: /sys/module/badsleep/parameters/
 *   fail_freeze   its driver does not stop it, neither for the snapshot nor before the jump
 *   hang_restore  its driver never comes back from waking it in the machine that was restored
 *   fail_restore  its driver says that it did not wake it
 *   stay          who writes to it is in an uninterruptible sleep from then on
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/sched.h>

static bool fail_freeze;
module_param(fail_freeze, bool, 0644);
MODULE_PARM_DESC(fail_freeze, "freeze returns -EIO");

static bool hang_restore;
module_param(hang_restore, bool, 0644);
MODULE_PARM_DESC(hang_restore, "restore never returns");

static bool fail_restore;
module_param(fail_restore, bool, 0644);
MODULE_PARM_DESC(fail_restore, "restore returns -EIO");

static int stay_for_ever(const char *value, const struct kernel_param *parameter)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	return 0; /* some compilers ask for it */
}

static const struct kernel_param_ops stay_operations = {
	.set = stay_for_ever,
};
module_param_cb(stay, &stay_operations, NULL, 0200);
MODULE_PARM_DESC(stay, "the writer never returns");

static int badsleep_freeze(struct device *device)
{
	return fail_freeze ? -EIO : 0;
}

static int badsleep_restore(struct device *device)
{
	while (hang_restore)
		mdelay(1000);
	return fail_restore ? -EIO : 0;
}

static const struct dev_pm_ops badsleep_operations = {
	.freeze = badsleep_freeze,
	.restore = badsleep_restore,
};

static struct platform_driver badsleep_driver = {
	.driver = {
		.name = "badsleep",
		.pm = &badsleep_operations,
	},
};

static struct platform_device *badsleep_device;

static int __init badsleep_init(void)
{
	int error = platform_driver_register(&badsleep_driver);

	if (error)
		return error;
	badsleep_device = platform_device_register_simple("badsleep", PLATFORM_DEVID_NONE, NULL, 0);
	if (!IS_ERR(badsleep_device))
		return 0;
	platform_driver_unregister(&badsleep_driver);
	return PTR_ERR(badsleep_device);
}

module_init(badsleep_init);
MODULE_DESCRIPTION("A device that spoils hibernation on request");
MODULE_LICENSE("GPL");
