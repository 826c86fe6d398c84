// SPDX-License-Identifier: GPL-2.0
/*
 * The processor's state: what save_processor_state() and restore_processor_state() do for S3, which
 * 64-bit kernels do not export. Everything that is not here is set by the firmware on each boot
 * alike (MTRRs), by the PM core's own callbacks (APICs, clocks, machine checks), or on the way back
 * to user space (FPU registers).
 */
#include <linux/cc_platform.h>
#include <linux/elfcore.h>
#include <linux/elf.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/xcr.h>
#include <asm/hypervisor.h>
#include <asm/kvm_para.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

#include "compat.h"
#include "hibjump.h"

/* Read where they exist; written back where they differ. */
static const u32 saved_msrs[] = {
	MSR_IA32_CR_PAT,
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SYSCALL_MASK,
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
	MSR_IA32_MISC_ENABLE,
	MSR_IA32_SPEC_CTRL,
	MSR_IA32_TSX_CTRL,
	MSR_AMD64_LS_CFG,
	MSR_AMD64_DE_CFG,
	MSR_TSC_AUX,
	MSR_IA32_XSS,
	MSR_IA32_DS_AREA,
	MSR_IA32_S_CET,
	MSR_IA32_XFD,
	MSR_IA32_MCU_OPT_CTRL,
	MSR_TSX_FORCE_ABORT,
	MSR_TEST_CTRL,
	MSR_IA32_DEBUGCTLMSR,
};

static bool msr_exists(u32 index)
{
	switch (index) {
	case MSR_IA32_MISC_ENABLE:
		return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL;
	case MSR_IA32_SPEC_CTRL:
		return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	case MSR_IA32_TSX_CTRL:
		return boot_cpu_has(X86_FEATURE_MSR_TSX_CTRL);
	case MSR_AMD64_LS_CFG:
		return boot_cpu_has(X86_FEATURE_LS_CFG_SSBD);
	case MSR_AMD64_DE_CFG:
		return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC);
	case MSR_TSC_AUX:
		return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
	case MSR_IA32_XSS:
		return boot_cpu_has(X86_FEATURE_XSAVES);
	case MSR_IA32_DS_AREA:
		return boot_cpu_has(X86_FEATURE_DS);
	case MSR_IA32_S_CET:
		return boot_cpu_has(X86_FEATURE_IBT);
	case MSR_IA32_XFD:
		return boot_cpu_has(X86_FEATURE_XFD);
	case MSR_IA32_MCU_OPT_CTRL:
		return boot_cpu_has(X86_FEATURE_SRBDS_CTRL);
	case MSR_TSX_FORCE_ABORT:
		return boot_cpu_has(X86_FEATURE_TSX_FORCE_ABORT);
	case MSR_TEST_CTRL:
		return boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT);
	}
	return true;
}

static bool kvmclock_is_on(void)
{
	u64 value;

	return hypervisor_is_type(X86_HYPER_KVM) &&
	       ((!rdmsrq_safe(MSR_KVM_SYSTEM_TIME_NEW, &value) && (value & KVM_MSR_ENABLED)) ||
		(!rdmsrq_safe(MSR_KVM_SYSTEM_TIME, &value) && (value & KVM_MSR_ENABLED)));
}

/*
 * The others are parked by an INIT to all but this one. The processor that the firmware began with
 * would begin with the firmware again: it must be the one that is left and entered on, which it is
 * not in a kernel that kexec has started on another one.
 */
static bool begins_elsewhere(void)
{
	u64 base;

	return boot_cpu_has(X86_FEATURE_APIC) &&
	       (rdmsrq_safe_on_cpu(0, MSR_IA32_APICBASE, &base) ||
		!(base & MSR_IA32_APICBASE_BSP));
}

static u32 found_against(void)
{
	unsigned long cr4 = __read_cr4();
	u32 found = 0;

	if (cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT))
		found |= HIBJUMP_REFUSED_ENCRYPTED;
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		found |= HIBJUMP_REFUSED_GUEST_ENCRYPTED;
	if (hibjump_hosts_snp())
		found |= HIBJUMP_REFUSED_SNP_HOST;
	if (hibjump_hosts_tdx())
		found |= HIBJUMP_REFUSED_TDX_HOST;
	if (cr4 & X86_CR4_SMXE)
		found |= HIBJUMP_REFUSED_TXT;
	if (cr4 & HIBJUMP_CR4_FRED)
		found |= HIBJUMP_REFUSED_FRED;
	if (hypervisor_is_type(X86_HYPER_MS_HYPERV))
		found |= HIBJUMP_REFUSED_HYPERV;
	if (hypervisor_is_type(X86_HYPER_XEN_PV) || hypervisor_is_type(X86_HYPER_XEN_HVM))
		found |= HIBJUMP_REFUSED_XEN;
	if (kvmclock_is_on())
		found |= HIBJUMP_REFUSED_KVMCLOCK;
	if (begins_elsewhere())
		found |= HIBJUMP_REFUSED_NOT_FIRST;
	return found;
}

#define HYPERVISORS (HIBJUMP_REFUSED_HYPERV | HIBJUMP_REFUSED_XEN | HIBJUMP_REFUSED_KVMCLOCK)
#define ENCRYPTION                                                     \
	(HIBJUMP_REFUSED_ENCRYPTED | HIBJUMP_REFUSED_GUEST_ENCRYPTED | \
	 HIBJUMP_REFUSED_SNP_HOST | HIBJUMP_REFUSED_TDX_HOST)

/* HIBJUMP_REFUSED_* */
u32 hibjump_refused(void)
{
	return found_against() & ~(hibjump_allows_untested() ? HYPERVISORS : 0);
}

static bool is_untested_machine(void)
{
	return hibjump_allows_untested() && (found_against() & HYPERVISORS);
}

/* To leave A. */
int hibjump_may_leave(void)
{
	return hibjump_refused() ? -EOPNOTSUPP : 0;
}

/*
 * To go back to A. What this kernel has for itself and A has not does not matter. B was asked for by
 * A, which is lost when B does not go back: only what would not work stops it.
 */
int hibjump_may_return(void)
{
	u32 matters = hibjump_is_b() ? ENCRYPTION :
				       ~(u32)(HIBJUMP_REFUSED_FRED | HIBJUMP_REFUSED_KVMCLOCK);

	return hibjump_refused() & matters ? -EOPNOTSUPP : 0;
}

void hibjump_describe_processor(struct hibjump_info *info)
{
	u64 value;

	info->refused = hibjump_refused();
	if (is_untested_machine())
		info->flags |= HIBJUMP_INFO_UNTESTED_MACHINE;
	if (!rdmsrq_safe(MSR_IA32_APICBASE, &value) && (value & X2APIC_ENABLE))
		info->flags |= HIBJUMP_INFO_X2APIC;
	info->tsc_khz = tsc_khz;
	info->cr4 = __read_cr4();
	rdmsrq(MSR_EFER, value);
	info->efer = value;
	if (boot_cpu_has(X86_FEATURE_XSAVES) && !rdmsrq_safe(MSR_IA32_XSS, &value))
		info->xss = value;
	if (boot_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL) &&
	    !rdmsrq_safe(MSR_IA32_FEAT_CTL, &value))
		info->feat_ctl = value;
}

static void save_msrs(struct hibjump_saved *saved)
{
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(saved_msrs) > HIBJUMP_MAX_MSRS);
	saved->msr_count = 0;
	for (i = 0; i < ARRAY_SIZE(saved_msrs); i++) {
		struct hibjump_msr *msr = &saved->msrs[saved->msr_count];

		if (!msr_exists(saved_msrs[i]) || rdmsrq_safe(saved_msrs[i], &msr->value))
			continue;
		msr->index = saved_msrs[i];
		saved->msr_count++;
	}
}

static void restore_msrs(const struct hibjump_saved *saved)
{
	unsigned int i;
	u64 value;

	for (i = 0; i < saved->msr_count; i++) {
		if (!rdmsrq_safe(saved->msrs[i].index, &value) && value != saved->msrs[i].value)
			wrmsrq_safe(saved->msrs[i].index, saved->msrs[i].value);
	}
}

static void save_debug_registers(struct hibjump_saved *saved)
{
	unsigned long value;
	unsigned int i;

	for (i = 0; i < 4; i++)
		saved->dr[i] = native_get_debugreg(i);
	value = native_get_debugreg(6);
	saved->dr6 = value;
	value = native_get_debugreg(7);
	saved->dr7 = value;
}

/* Of the kernel that goes; another one has other code at their addresses, and none to handle them. */
void hibjump_clear_breakpoints(void)
{
	native_set_debugreg(7, 0);
}

static void restore_debug_registers(const struct hibjump_saved *saved)
{
	unsigned int i;

	hibjump_clear_breakpoints();
	for (i = 0; i < 4; i++)
		native_set_debugreg(i, saved->dr[i]);
	native_set_debugreg(6, saved->dr6);
	native_set_debugreg(7, saved->dr7);
}

void hibjump_save_processor(struct hibjump_saved *saved)
{
	u64 value;

	saved->cr0 = read_cr0();
	saved->cr2 = native_read_cr2();
	saved->cr3 = __native_read_cr3();
	saved->cr4 = __read_cr4();
	rdmsrq(MSR_EFER, value);
	saved->efer = value;
	native_store_gdt((struct desc_ptr *)saved->gdt);
	store_idt((struct desc_ptr *)saved->idt);
	store_ldt(saved->ldt);
	store_tr(saved->tr);
	savesegment(ds, saved->ds);
	savesegment(es, saved->es);
	savesegment(fs, saved->fs);
	savesegment(gs, saved->gs);
	rdmsrq(MSR_FS_BASE, value);
	saved->fs_base = value;
	rdmsrq(MSR_GS_BASE, value);
	saved->gs_base = value;
	rdmsrq(MSR_KERNEL_GS_BASE, value);
	saved->kernel_gs_base = value;
	saved->xcr0 = boot_cpu_has(X86_FEATURE_OSXSAVE) ? xgetbv(XCR_XFEATURE_ENABLED_MASK) : 0;
	save_debug_registers(saved);
	save_msrs(saved);
	x86_platform.save_sched_clock_state();
}

/*
 * `ltr` wants an available segment and writes "busy" into it; the table in use is mapped
 * read-only.
 */
static void load_task_register(const struct hibjump_saved *saved)
{
	struct desc_struct *table = get_cpu_gdt_rw(smp_processor_id());
	struct desc_ptr writable = { .size = GDT_SIZE - 1, .address = (unsigned long)table };

	((tss_desc *)&table[GDT_ENTRY_TSS])->type = DESC_TSS;
	native_load_gdt(&writable);
	asm volatile("ltr %w0" : : "r"(saved->tr));
	asm volatile("lldt %w0" : : "r"(saved->ldt));
	native_load_gdt((const struct desc_ptr *)saved->gdt);
}

void hibjump_restore_processor(const struct hibjump_saved *saved)
{
	load_task_register(saved);
	native_write_cr2(saved->cr2);
	restore_msrs(saved);
	if (saved->xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, saved->xcr0);
	restore_debug_registers(saved);
	/* The clock goes on from where it was, whatever the TSC counts from now. */
	x86_platform.restore_sched_clock_state();
}

/*
 * An ELF note as crash_save_cpu() makes it, so that debuggers find the stack of the task that
 * left.
 */
void hibjump_fill_note(void *page, const struct hibjump_saved *saved)
{
	struct elf_note *header = page;
	char *name = (char *)(header + 1);
	struct elf_prstatus *status = (struct elf_prstatus *)(name + 8);

	memset(page, 0, PAGE_SIZE);
	header->n_namesz = sizeof("CORE");
	header->n_descsz = sizeof(*status);
	header->n_type = NT_PRSTATUS;
	strscpy(name, "CORE", 8);
	status->common.pr_pid = task_pid_nr(current);
	status->pr_reg[offsetof(struct user_regs_struct, ip) / 8] = _THIS_IP_;
	status->pr_reg[offsetof(struct user_regs_struct, sp) / 8] = current_stack_pointer;
	status->pr_reg[offsetof(struct user_regs_struct, bp) / 8] =
		(unsigned long)__builtin_frame_address(0);
	status->pr_reg[offsetof(struct user_regs_struct, cs) / 8] = __KERNEL_CS;
	status->pr_reg[offsetof(struct user_regs_struct, ss) / 8] = __KERNEL_DS;
	status->pr_reg[offsetof(struct user_regs_struct, gs_base) / 8] = saved->gs_base;
	status->pr_reg[offsetof(struct user_regs_struct, flags) / 8] = native_save_fl();
}
