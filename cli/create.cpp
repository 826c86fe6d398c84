#include "cli/create.h"

#include "cli/replay.h"
#include "lib/codec/zstd.h"
#include "lib/device/probe.h"

namespace hib::cli {

void CreateVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("create", "pack memory into a .hib container");
  app_->add_option("SOURCE", source_, "ELF vmcore, kdump, LiME, raw memory or .hib; - is standard input")
      ->required();
  app_->add_option("-o,--output", output_, "where the container goes; - is standard output")
      ->required()
      ->type_name("FILE");
  app_->add_option("--level", level_, "zstd level; higher is smaller and slower")
      ->type_name("N")
      ->check(CLI::Range(min_zstd_level(), max_zstd_level()))
      ->capture_default_str();
  app_->add_option("--chunk-size", chunk_kib_,
                   "KiB compressed together: larger is smaller, smaller reaches single pages faster")
      ->type_name("KIB")
      ->check(CLI::Range(4, 4096))
      ->capture_default_str();
  app_->add_option("--base", base_, "store only what differs from this .hib (incremental)")
      ->type_name("OLD.hib");
  app_->add_option("--records", records_,
                   "JSON file of machine or device records to add, as inspect --records --json prints them")
      ->type_name("FILE");
  app_->add_flag(
      "--probe", probe_,
      "add the records of this machine, as probe makes them: for memory of the machine that this runs on");
  app_->add_flag("--force", force_, "replace an existing file");
  app_->add_flag("--salvage", common.salvage,
                 "go on past damage; lost pages are marked as unreadable (exit code 3)");
  add_input_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool create /proc/vmcore -o crash.hib\n"
      "  hibtool create guest.elf -o monday.hib --level 3\n"
      "  hibtool create tuesday.elf -o tuesday.hib --base monday.hib\n"
      "  makedumpfile -F -d 1 /proc/vmcore | hibtool create - -o - | ssh host 'cat > crash.hib'");
}

int CreateVerb::run(const Context& context) const {
  ReplayRequest request;
  request.verb = "create";
  request.source = source_;
  request.output = output_;
  request.as = "hib";
  request.level = level_;
  request.chunk_kib = chunk_kib_;
  request.base = base_;
  request.records = records_;
  request.force = force_;
  if (probe_) request.added_records = device::records_of(device::probe(device::Tree::live()));
  return replay(context, request);
}

}  // namespace hib::cli
