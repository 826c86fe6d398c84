/*
 * Every call of /dev/hibjump, made by somebody who may not, and what each of them said.
 *
 *   who_may root          who may
 *   who_may unprivileged  another user, where the device file lets everybody in
 *   who_may dropped       root opens it, and then lacks one capability
 *   who_may container     root opens it, and then has all capabilities of a user namespace of its own
 *   who_may locked        root opens it, and then the kernel is locked down; it stays so
 *
 * Build: gcc -static -Os -I kernel-glue/include/uapi
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/hibjump.h>

static const char *device = "/dev/hibjump";

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void report(const char *call, long result)
{
	printf("%s %s\n", call, result >= 0 ? "success" : strerrorname_np(errno));
}

static void drop_one_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	must(syscall(SYS_capget, &header, data) == 0, "capget");
	data[0].effective &= ~(1U << CAP_SYS_BOOT);
	must(syscall(SYS_capset, &header, data) == 0, "capset");
}

static void lock_down(void)
{
	int file;

	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	file = open("/sys/kernel/security/lockdown", O_WRONLY);
	must(file >= 0 && write(file, "integrity", 9) == 9, "lockdown");
	close(file);
}

static int open_as(const char *who)
{
	int file;

	if (!strcmp(who, "unprivileged")) {
		must(chmod(device, 0666) == 0, "chmod");
		must(setresuid(65534, 65534, 65534) == 0, "setresuid");
		return open(device, O_RDWR);
	}
	file = open(device, O_RDWR);
	must(file >= 0, "open");
	if (!strcmp(who, "dropped"))
		drop_one_capability();
	else if (!strcmp(who, "container"))
		must(unshare(CLONE_NEWUSER) == 0, "unshare");
	else if (!strcmp(who, "locked"))
		lock_down();
	return file;
}

/* Structures that are right but for what they say, so that nobody jumps. */
static void call_all(int file)
{
	struct hibjump_range range = { .start = 1 << 20, .bytes = 4096 };
	struct hibjump_info info = { .size = sizeof(info) };
	struct hibjump_arm arm = { .size = sizeof(arm), .ranges = (__u64)&range, .range_count = 1 };
	struct hibjump_leave leave = { .size = sizeof(leave) };
	struct hibjump_return back = { .size = sizeof(back) };
	struct hibjump_devices devices = { .size = sizeof(devices) };
	struct hibjump_stage stage = { .size = sizeof(stage), .ranges = (__u64)&range, .range_count = 1 };
	struct hibjump_staged staged = { .size = sizeof(staged) };
	struct hibjump_home home = { .size = sizeof(home) };
	char page[4096];

	report("HIBJUMP_INFO", ioctl(file, HIBJUMP_INFO, &info));
	report("HIBJUMP_ARM", ioctl(file, HIBJUMP_ARM, &arm));
	report("HIBJUMP_DISARM", ioctl(file, HIBJUMP_DISARM));
	report("HIBJUMP_LEAVE", ioctl(file, HIBJUMP_LEAVE, &leave));
	report("HIBJUMP_RETURN", ioctl(file, HIBJUMP_RETURN, &back));
	report("HIBJUMP_DEVICES", ioctl(file, HIBJUMP_DEVICES, &devices));
	report("HIBJUMP_STAGE", ioctl(file, HIBJUMP_STAGE, &stage));
	report("HIBJUMP_STAGED", ioctl(file, HIBJUMP_STAGED, &staged));
	report("HIBJUMP_HOME", ioctl(file, HIBJUMP_HOME, &home));
	report("pread", pread(file, page, sizeof(page), 0));
	report("pwrite", pwrite(file, page, sizeof(page), 0));
	report("mmap", mmap(NULL, sizeof(page), PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED ? -1 : 0);
	if (info.region_bytes) {
		report("pread-region", pread(file, page, sizeof(page), info.region_start));
		report("pwrite-below", pwrite(file, page, sizeof(page), info.region_start - sizeof(page)));
		report("pwrite-above", pwrite(file, page, sizeof(page), info.region_start + info.region_bytes - 8));
	}
}

int main(int argc, char **argv)
{
	int file;

	if (argc != 2)
		return 2;
	file = open_as(argv[1]);
	report("open", file);
	if (file >= 0) {
		call_all(file);
		report("open-again", open(device, O_RDWR));
	}
	return 0;
}
