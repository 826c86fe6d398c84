#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"
#include "lib/mount/image_files.h"
#include "lib/mount/launch.h"
#include "lib/mount/mount_point.h"
#include "lib/ops/find_kernel.h"
#include "lib/os/cancel.h"
#include "lib/report/mount.h"

namespace hib::cli {
namespace {

constexpr std::size_t kMostErrors = 100;  // that are said, of pages that could not be read

struct Mounted {
  std::unique_ptr<ImageReader> image;
  report::MountReport report;
  std::unique_ptr<mount::Server> server;  // ends before what it serves
};

class Mount final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    app.add_option("IMAGE", image_, "the image; - is standard input")->required();
    app.add_option("DIR", folder_, "an empty folder")->required();
    take_one_of(
        *app.add_option("-o", options_,
                        "absent=zero: absent pages read as zeros, not as an error; allow_other: other "
                        "users may read; nonempty: DIR may have something in it; nosearch: do not read "
                        "all pages of an image that does not say which kernel runs it")
             ->type_name("OPTION")
             ->allow_extra_args(false)
             ->delimiter(','),
        {"absent=zero", "allow_other", "nonempty", "nosearch"});
    app.add_flag("--foreground", foreground_, "stay, and say which pages cannot be read");
    app.add_flag("--salvage", common.salvage, "go on past damage with what is whole (exit code 3)");
    add_input_options(app, common, formats);
    app.footer(
        "Reading a damaged page is an error (EIO), always; the pages beside it can be read.\n"
        "Examples:\n"
        "  hibtool mount crash.hib /mnt && crash vmlinux /mnt/vmcore\n"
        "  hibtool mount -o absent=zero laptop.hib /mnt && strings /mnt/memory.raw | less\n"
        "  hibtool mount nbd://server/dump /mnt; less /mnt/log\n"
        "  fusermount3 -u /mnt");
  }

  int run(const Context& context) const override {
    if (foreground_) return serve(context, nullptr);
    auto launch = mount::Launch::fork_off();
    if (!launch) return context.report(launch.error());
    if (!launch->is_parent()) return serve(context, &*launch);
    const auto answer = launch->wait();
    if (!answer) return context.report(answer.error());
    context.streams.out << answer->text << std::flush;
    if (!context.bytes()) launch->end();  // nobody was told of it
    return answer->exit_code;
  }

 private:
  bool is_given(std::string_view option) const {
    return std::find(options_.begin(), options_.end(), option) != options_.end();
  }

  Result<Mounted> mount_image(const Context& context) const {
    Mounted mounted;
    auto& report = mounted.report;
    TRY(report.folder, mount::check_mount_point(folder_, is_given("nonempty")));
    TRY(mounted.image, context.open(image_));
    TRY_OK(context.refuse_unused_options({mounted.image->info()}));
    const bool is_searched = !is_given("nosearch") && vmcoreinfo_of(mounted.image->records()) == nullptr;
    if (is_searched) {
      TRY(mounted.image,
          find_kernel(std::move(mounted.image), context.options.threads, context.progress("search")));
    }
    report.image = mounted.image->info();
    report.server = ::getpid();
    report.absent_is_zero = is_given("absent=zero");
    mount::MemoryOptions memory;
    memory.absent_is_zero = report.absent_is_zero;
    if (foreground_) memory.on_error = say_once(context);
    TRY(report.files, mount::memory_files(*mounted.image, context.formats, std::move(memory)));
    TRY_OK(report::add_texts(*mounted.image, is_searched, report));
    const unsigned threads = context.options.threads;
    TRY(mounted.server,
        mount::Server::mount(report.files,
                             {report.folder, image_, is_given("allow_other"),
                              threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())}));
    return mounted;
  }

  // Any thread may have to say something.
  static std::function<void(const Error&)> say_once(const Context& context) {
    struct Said {
      std::mutex mutex;
      std::size_t errors = 0;
    };
    return [&context, said = std::make_shared<Said>()](const Error& error) {
      const std::scoped_lock lock(said->mutex);
      if (said->errors++ < kMostErrors && !cancelled()) context.line(error.line());
    };
  }

  int serve(const Context& context, mount::Launch* launch) const {
    const auto mounted = mount_image(context);
    if (!mounted) {
      const int code = context.report(mounted.error());
      context.streams.out.flush();
      if (launch != nullptr) launch->failed(code);
      return code;
    }
    const int code = mounted->image->info().damage.empty() ? kDone : kPartial;
    const auto served = mounted->server->serve([&]() -> Result<void> {
      std::ostringstream text;
      if (context.options.json) report::print_json(text, report::json_of_mount(mounted->report));
      if (context.shows_text()) report::print_mount(text, mounted->report);
      if (launch != nullptr) return launch->stay(code, text.str());
      context.streams.out << text.str() << std::flush;
      return {};
    });
    return served ? code : context.report(served.error());
  }

  std::string image_;
  std::string folder_;
  std::vector<std::string> options_;
  bool foreground_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_mount() { return std::make_unique<Mount>(); }

}  // namespace hib::cli
