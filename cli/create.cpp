#include <fmt/format.h>

#include "cli/convert.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/device/probe/probe.h"
#include "lib/os/running_memory.h"
#include "lib/report/records_file.h"

namespace hib::cli {
namespace {

class Create final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    app.add_option(
        "SOURCE", source_,
        fmt::format(
            "the memory to pack, in any format ({}); - is standard input; of a dump in parts, any one",
            listed(formats.readable())));
    app.add_flag(
        "--live", live_,
        "the memory of the running machine in place of SOURCE, with its records; pages go on changing");
    app.add_option("-o,--output", output_, "where the image goes; - is standard output")
        ->required()
        ->type_name("FILE");
    add_hib_options(app, write_, "");
    app.add_option("--base", base_, "store only the pages that differ from this .hib image (incremental)")
        ->type_name("OLD.hib");
    app.add_option("--records", records_,
                   "JSON file of machine or device records to add, as inspect --records --json prints them")
        ->type_name("FILE");
    app.add_flag("--probe", probe_,
                 "add the records of this machine, as probe makes them; for memory of this machine");
    app.add_flag("--without-swapped-pages", write_.without_swapped,
                 "hibernation image: leave out the pages that the machine had swapped out");
    app.add_flag("--force", write_.force, "replace an existing file, or what a device holds");
    app.add_flag("--salvage", common.salvage,
                 "go on past damage; lost pages are marked as unreadable (exit code 3)");
    add_input_options(app, common, formats);
    app.footer(
        "Examples:\n"
        "  hibtool create /proc/vmcore -o crash.hib\n"
        "  hibtool create --live -o now.hib\n"
        "  hibtool create guest.elf -o monday.hib --level 3\n"
        "  hibtool create tuesday.elf -o tuesday.hib --base monday.hib\n"
        "  hibtool create /dev/sda3 -o - | ssh host 'cat > laptop.hib'\n"
        "  makedumpfile -F -l -d 31 /proc/vmcore | hibtool create - -o crash.hib");
  }

  int run(const Context& context) const override {
    const auto request = conversion(context);
    return request ? run_conversion(context, "create", *request) : context.report(request.error());
  }

 private:
  Result<ConvertRequest> conversion(const Context& context) const {
    if (live_ == !source_.empty()) {
      return fail(make_error(ErrorKind::Usage, "create", live_ ? "SOURCE and --live" : "no SOURCE",
                             "SOURCE or --live"));
    }
    ConvertRequest request;
    TRY(request.open, context.open_options());
    request.source = live_ ? kRunningMachine : source_;
    request.is_live = live_;
    request.output = output_;
    request.as = &context.formats.with_areas();
    request.write = write_;
    request.base = base_;
    if (live_) TRY_OK(can_read_running_machine());
    if (probe_ || live_) request.added_records = device::records_of(device::probe(device::Tree::live()));
    if (records_.empty()) return request;
    request.other_inputs.push_back(records_);
    TRY(auto records, report::read_records_file(records_));
    for (const std::string& note : report::notes_of_types(records)) context.note(note);
    std::move(records.begin(), records.end(), std::back_inserter(request.added_records));
    return request;
  }

  std::string source_;
  std::string output_;
  std::string base_;
  std::string records_;
  WriteOptions write_;
  bool probe_ = false;
  bool live_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_create() { return std::make_unique<Create>(); }

}  // namespace hib::cli
