// SPDX-License-Identifier: GPL-2.0
/*
 * Steps after the devices that fail: a processor that does not go off, and a part of the system
 * that is suspended last. Only for tests, by parameters.
 */
#include <linux/cpuhotplug.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>

static int stays_on = -1;
module_param(stays_on, int, 0644);
MODULE_PARM_DESC(stays_on, "the number of the processor that does not go off");

static bool fail_last;
module_param(fail_last, bool, 0644);
MODULE_PARM_DESC(fail_last, "the last step returns -EIO");

static int goes_off(unsigned int processor)
{
	return (int)processor == stays_on ? -EBUSY : 0;
}

/* The stable series of 6.12 has the newer form, too. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static int last_step(void *data)
{
	return fail_last ? -EIO : 0;
}

static const struct syscore_ops operations = {
	.suspend = last_step,
};

static struct syscore syscore = {
	.ops = &operations,
};
#else
static int last_step(void)
{
	return fail_last ? -EIO : 0;
}

static struct syscore_ops operations = {
	.suspend = last_step,
};
#define register_syscore(unused) register_syscore_ops(&operations)
#define unregister_syscore(unused) unregister_syscore_ops(&operations)
#endif

static int state;

static int __init badstep_init(void)
{
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "badstep", NULL, goes_off);
	if (state < 0)
		return state;
	register_syscore(&syscore);
	return 0;
}

static void __exit badstep_exit(void)
{
	unregister_syscore(&syscore);
	cpuhp_remove_state_nocalls(state);
}

module_init(badstep_init);
module_exit(badstep_exit);
MODULE_DESCRIPTION("Steps that fail on request");
MODULE_LICENSE("GPL");
