// SPDX-License-Identifier: GPL-2.0
/*
 * A breakpoint that every processor has, at any address. Only for tests: insmod widebreak.ko at=ADDRESS;
 * /sys/module/widebreak/parameters/control is what the processor has in its register of breakpoints.
 */
#include <linux/err.h>
#include <linux/hw_breakpoint.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <asm/debugreg.h>

static unsigned long at;
module_param(at, ulong, 0444);
MODULE_PARM_DESC(at, "where no code of this kernel lies");

static struct perf_event *__percpu *events;

static int get_control(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%#lx\n", native_get_debugreg(7));
}

static const struct kernel_param_ops control_operations = { .get = get_control };
module_param_cb(control, &control_operations, NULL, 0444);
MODULE_PARM_DESC(control, "DR7");

static void never(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *registers)
{
}

static int __init widebreak_init(void)
{
	struct perf_event_attr attributes;

	hw_breakpoint_init(&attributes);
	attributes.bp_addr = at;
	attributes.bp_len = sizeof(long);
	attributes.bp_type = HW_BREAKPOINT_X;
	events = register_wide_hw_breakpoint(&attributes, never, NULL);
	return IS_ERR((void __force *)events) ? PTR_ERR((void __force *)events) : 0;
}

static void __exit widebreak_exit(void)
{
	unregister_wide_hw_breakpoint(events);
}

module_init(widebreak_init);
module_exit(widebreak_exit);
MODULE_DESCRIPTION("A breakpoint of all processors");
MODULE_LICENSE("GPL");
