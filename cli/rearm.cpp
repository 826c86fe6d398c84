#include "cli/rearm.h"

#include <fmt/format.h>

#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "format/swsusp/file_systems.h"
#include "format/swsusp/locate.h"
#include "lib/base/text.h"
#include "lib/ops/verify.h"
#include "lib/os/in_place.h"

namespace hib::cli {
namespace {

// One condition, and why it holds or does not.
struct Check {
  std::string name;
  bool ok = false;
  std::string text;
};

struct Rearm {
  swsusp::Located located;
  std::vector<Check> checks;
  bool armed_already = false;
  bool written = false;

  bool possible() const {
    for (const Check& check : checks) {
      if (!check.ok) return false;
    }
    return true;
  }
};

Check check_layers(const VerifyReport& report) {
  switch (report.verdict) {
    case Verdict::Good:
      return {"image", true, "every layer verifies, the checksum included: the blocks are untouched"};
    case Verdict::Damaged:
      return {"image", false,
              "damaged: " + (report.damage.empty() ? std::string("a layer is bad")
                                                   : report.damage.front().error.line())};
    case Verdict::Unverifiable:
      return {"image", false, "it carries no checksum, so whether its blocks are untouched cannot be proven"};
  }
  return {};
}

// Every file system of which the machine had the superblock in memory has to be found, unchanged.
Result<void> check_file_systems(const RearmRequest& request,
                                const std::map<std::string, swsusp::SuperBlock>& in_image, Rearm& out) {
  std::vector<swsusp::SuperBlock> now;
  std::vector<std::string> paths = request.devices;
  paths.insert(paths.begin(), request.image);
  for (const std::string& path : paths) {
    TRY(const auto file, File::open(path));
    for (auto& block : swsusp::super_blocks_of(*file)) now.push_back(std::move(block));
  }
  if (in_image.empty()) out.checks.push_back({"file systems", true, "none in the machine's memory"});
  for (const auto& [uuid, block] : in_image) {
    const std::string name = fmt::format("file system {}", uuid);
    const auto it = std::find_if(now.begin(), now.end(),
                                 [&wanted = uuid](const swsusp::SuperBlock& b) { return b.uuid == wanted; });
    if (it == now.end()) {
      out.checks.push_back(
          {name, false,
           fmt::format(
               "the machine used this {} file system, and it is not on {}: name its disk with --device",
               block.kind, printable(paths.size() == 1 ? request.image : "the disks named"))});
      continue;
    }
    const auto reason = swsusp::written_since(block, *it);
    out.checks.push_back({name, !reason, reason.value_or(block.kind + ", as the machine left it")});
  }
  return {};
}

Result<void> look(const Context& context, const RearmRequest& request, Rearm& out) {
  TRY(const auto image, context.open_for_look(request.image, true));
  const ImageInfo& info = image->info();
  if (info.format != "swsusp" || info.state == "none") {
    return fail(make_error(ErrorKind::Refused, "--rearm", fmt::format("{}, {}", info.format, info.state),
                           "a consumed hibernation image in a swap area")
                    .of(request.image));
  }
  out.armed_already = info.state == "armed";
  swsusp::SuperBlockScan scan;
  {
    ProgressLine progress(context, "rearm");
    PipelineOptions options;
    options.threads = context.options.threads;
    options.salvage = true;
    options.progress = progress.callback();
    options.inspect = [&](const PageBatch& batch) -> Result<void> {
      scan.add(batch, info.page_size);
      return {};
    };
    TRY_OK(run_pipeline(*image, nullptr, options));
  }
  TRY(const auto report, verify(*image, context.options.threads, {}));
  out.checks.push_back(check_layers(report));
  return check_file_systems(request, scan.found(), out);
}

// The reverse of what the kernel did: the swap signature goes back to where it was kept, the image's takes
// its place.
Result<void> write_signature(const RearmRequest& request, Rearm& out) {
  TRY(auto file, InPlaceFile::open(request.image));
  swsusp::Header header = out.located.header;
  header.orig_sig = header.sig;
  header.sig = std::string(swsusp::kSigArmed);
  TRY(const auto read, File::open(request.image));
  TRY(auto page, read->read_at(out.located.header_offset, header.page_size));
  swsusp::encode_tail(header, page);
  TRY_OK(file->write_at(out.located.header_offset, page));
  TRY_OK(file->flush());
  out.written = true;
  return {};
}

int answer(const Context& context, const RearmRequest& request, const Rearm& rearm) {
  std::ostream& out = context.streams.out;
  if (context.options.json) {
    Json document = json_document("restore");
    document["rearm"] = {
        {"possible", rearm.possible()}, {"armed_already", rearm.armed_already}, {"written", rearm.written}};
    document["path"] = printable(request.image);
    document["checks"] = Json::array();
    for (const Check& check : rearm.checks)
      document["checks"].push_back(
          {{"name", printable(check.name)}, {"ok", check.ok}, {"text", printable(check.text)}});
    print_json(out, document);
  } else if (!context.options.quiet) {
    const char* verdict = rearm.armed_already ? "armed already"
                          : rearm.written     ? "armed"
                          : rearm.possible()  ? "could be armed; --yes does it"
                                              : "not armed";
    out << fmt::format("{}: {}\n", printable(request.image), verdict);
    for (const Check& check : rearm.checks) {
      out << "  " << (check.ok ? context.out_style.green("ok ") : context.out_style.red("NO ")) << " "
          << printable(check.name) << ": " << printable(check.text) << "\n";
    }
  }
  if (rearm.possible() || rearm.armed_already) return kDone;
  for (const Check& check : rearm.checks) {
    if (!check.ok)
      context.streams.err << "hibtool: " << printable(request.image)
                          << ": not armed: " << printable(check.name) << ": " << printable(check.text)
                          << "\n";
  }
  return kRefused;
}

}  // namespace

int rearm(const Context& context, const RearmRequest& request) {
  OpenOptions options;
  if (!context.options.swap_offset.empty()) {
    const auto offset = parse_number(context.options.swap_offset, "--offset");
    if (!offset) return context.report(offset.error());
    options.swap_offset = *offset;
  }
  auto file = File::open(request.image);
  if (!file) return context.report(file.error());
  auto located = swsusp::locate(*file, options);
  if (!located) return context.report(located.error());
  Rearm state{std::move(*located), {}, false, false};
  if (const auto looked = look(context, request, state); !looked) return context.report(looked.error());
  if (request.write && state.possible() && !state.armed_already) {
    if (const auto written = write_signature(request, state); !written)
      return context.report(written.error());
  }
  return answer(context, request, state);
}

}  // namespace hib::cli
