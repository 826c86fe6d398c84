#include "cli/restore.h"

#include "cli/rearm.h"
#include "cli/replay.h"
#include "cli/restore_jump.h"
#include "lib/codec/zstd.h"

namespace hib::cli {

void RestoreVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("restore", "replay memory into another container");
  app_->add_option("IMAGE", image_, "the image; - is standard input")->required();
  app_->add_option("-o,--output", output_, "where it goes; - is standard output")->type_name("FILE");
  app_->add_option("--as", as_, "format to write: raw, elf, kdump, lime, hib, swsusp, snapshot")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"raw", "elf", "kdump", "lime", "hib", "swsusp", "snapshot"}));
  app_->add_option(
          "--codec", codec_,
          "kdump: none, zlib, lzo (default), snappy, zstd; swsusp: lzo, lz4, none (default: as in the image)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"none", "zlib", "lzo", "lz4", "snappy", "zstd"}));
  app_->add_option(
          "--target-offset", target_offset_,
          "swsusp: page of the output that holds the swap header (resume_offset), where it cannot be found")
      ->type_name("PAGES");
  app_->add_option("--level", level_, "hib: zstd level")
      ->type_name("N")
      ->check(CLI::Range(min_zstd_level(), max_zstd_level()))
      ->capture_default_str();
  app_->add_option("--chunk-size", chunk_kib_, "hib: KiB compressed together")
      ->type_name("KIB")
      ->check(CLI::Range(4, 4096))
      ->capture_default_str();
  app_->add_flag("--by-extents", by_extents_,
                 "swsusp: the output is a swap file of this machine, on a mounted file system");
  app_->add_flag("--jump", jump_,
                 "go back into the machine that hibtool hibernate has saved to this device; does not return");
  app_->add_option(
          "--kernel", preload_.kernel,
          "with --jump: kernel that writes the memory back (default: the one that saved the image, in /boot)")
      ->type_name("VMLINUZ");
  app_->add_option("--modules", preload_.modules,
                   "with --jump: its modules (default: /lib/modules/RELEASE of it)")
      ->type_name("DIR");
  app_->add_option("--module", preload_.jump_module, "with --jump: its hibjump.ko")->type_name("FILE");
  app_->add_option("--append", preload_.append, "with --jump: more for its command line")->type_name("TEXT");
  app_->add_option("--accept", accepted_,
                   "with --jump: go on although this device is not the one it was; a refusal says what to "
                   "give here. Recorded in the image")
      ->type_name("DEVICE=VERDICT");
  app_->add_option("--wait", wait_seconds_,
                   "with --jump: how long to wait for devices that have not been found yet")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, 3600U))
      ->capture_default_str();
  app_->add_flag("--rearm", rearm_,
                 "put the signature of a consumed hibernation image back; without --yes only says whether "
                 "that would be safe");
  app_->add_flag("--yes", yes_, "with --rearm: do it");
  app_->add_option("--device", devices_,
                   "with --rearm: a disk with file systems that the machine had mounted")
      ->type_name("DISK");
  app_->add_flag("--force", force_,
                 "replace an existing file; swsusp: write over an armed image too; --jump: although somebody "
                 "has resumed from it");
  app_->add_flag("--salvage", common.salvage, "go on past damage with what is whole (exit code 3)");
  add_input_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool restore crash.hib -o vmcore --as elf       # crash, gdb, makedumpfile open it\n"
      "  hibtool restore crash.hib -o memory.raw --as raw   # byte N is physical address N; holes stay "
      "holes\n"
      "  hibtool restore laptop.hib -o /dev/sda3 --as swsusp  # into an existing swap area: the kernel "
      "resumes from it\n"
      "  hibtool restore --jump /dev/vdb              # what hibtool hibernate has saved there goes on\n"
      "  hibtool restore --rearm /dev/sda3            # after a failed resume: could it be tried again?\n"
      "  hibtool restore crash.hib -o - --as kdump | ssh host 'makedumpfile -R vmcore'");
}

int RestoreVerb::jump_back(const Context& context) const {
  RestoreJumpRequest request;
  request.device = image_;
  request.preload = preload_;
  request.accepted = accepted_;
  request.wait_seconds = wait_seconds_;
  request.force = force_;
  if (!context.options.swap_offset.empty()) {
    const auto offset = parse_number(context.options.swap_offset, "--offset");
    if (!offset) return context.report(offset.error());
    request.offset = *offset;
  }
  return restore_jump(context, request);
}

int RestoreVerb::run(const Context& context) const {
  if (jump_) return jump_back(context);
  if (rearm_) return rearm(context, {image_, devices_, yes_});
  if (output_.empty() || as_.empty())
    return context.report(make_error(ErrorKind::Usage, output_.empty() ? "--output" : "--as", "missing",
                                     "both -o FILE and --as FORMAT"));
  ReplayRequest request;
  request.verb = "restore";
  request.source = image_;
  request.output = output_;
  request.as = as_;
  request.codec = codec_;
  request.level = level_;
  request.chunk_kib = chunk_kib_;
  request.target_offset = target_offset_;
  request.by_extents = by_extents_;
  request.force = force_;
  return replay(context, request);
}

}  // namespace hib::cli
