#include "format/swsusp/stream_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/restore_check_arm64.h"
#include "lib/base/text.h"
#include "lib/image/linear_sink.h"

namespace hib::swsusp {
namespace {

// Appends entries; full pages only at the end.
class PfnWriter {
 public:
  PfnWriter(const Abi& abi, std::vector<std::byte>& out)
      : abi_(abi),
        out_(out),
        zero_flag_(abi.word_bytes == 8 ? std::uint64_t{1} << 63 : std::uint64_t{1} << 31) {}

  void add(Pfn pfn, bool zero) { put(pfn | (zero ? zero_flag_ : 0)); }
  void finish() {
    if (out_.size() % abi_.page_size != 0)
      put(abi_.word_max());  // no end mark behind a page that is exactly full
    out_.resize(round_up(out_.size(), abi_.page_size));
  }

 private:
  void put(std::uint64_t value) {
    const std::size_t at = out_.size();
    out_.resize(at + abi_.word_bytes);
    abi_.put_word(out_, at, value);
  }

  Abi abi_;
  std::vector<std::byte>& out_;
  std::uint64_t zero_flag_;
};

}  // namespace

bool StreamPlan::stores(Pfn pfn) const {
  const auto after = std::upper_bound(data_runs.begin(), data_runs.end(), pfn,
                                      [](Pfn p, const PageRun& run) { return p < run.first; });
  return after != data_runs.begin() && pfn < std::prev(after)->end();
}

Result<StreamPlan> plan_stream(const ImageReader& source) {
  const Record* record = find_record(source.records(), kSwsuspRecord);
  if (record == nullptr) {
    return fail(make_error(ErrorKind::Refused, "records",
                           fmt::format("{} without a record \"swsusp\"", source.info().format),
                           "an image that was made from a hibernation image: only that has the restore "
                           "record which a kernel jumps back by")
                    .of(source.info().path));
  }
  StreamPlan plan;
  auto decoded = decode_image_record(*record);
  if (!decoded) return fail(std::move(decoded).error().of(source.info().path));
  plan.record = std::move(*decoded);
  InfoPage& info = plan.record.info;
  if (info.abi.page_size != source.info().page_size) {
    return fail(make_error(ErrorKind::Corrupt, "record swsusp: page_size", std::to_string(info.abi.page_size),
                           fmt::format("{}, as the image's pages have", source.info().page_size))
                    .of(source.info().path));
  }
  RecordCheck restore = check_restore_record(source, info, 0);
  if (auto version = check_version(source, source.records(), info, 0); version && version->damage)
    restore.damage.push_back(std::move(*version->damage));
  if (!restore.damage.empty()) {
    const Error& error = restore.damage.front().error;
    return fail(make_error(ErrorKind::Refused, error.where, error.found,
                           error.allowed + ": a kernel would refuse the image, or jump nowhere")
                    .of(source.info().path));
  }
  PfnWriter pfns(info.abi, plan.pfn_pages);
  TRY(auto runs, source.runs());
  std::uint64_t stored = 0;
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) break;
    if (run->state == PageState::Unreadable) {
      return fail(make_error(ErrorKind::Refused, "pages",
                             fmt::format("{} from PFN {:#x} on are lost", run->count, run->first),
                             "an image without loss: a kernel would resume into broken memory")
                      .of(source.info().path));
    }
    if (!run->is_present()) continue;
    const bool zero = plan.record.uses_zero_flag && run->state == PageState::Fill && run->fill == 0;
    for (Pfn pfn = run->first; pfn < run->end(); ++pfn) pfns.add(pfn, zero);
    if (zero) continue;
    stored += run->count;
    if (!plan.data_runs.empty() && plan.data_runs.back().end() == run->first) {
      plan.data_runs.back().count += run->count;
    } else {
      plan.data_runs.push_back({run->first, run->count, PageState::Data, 0});
    }
  }
  pfns.finish();
  info.image_pages = stored;
  info.pages = 1 + plan.pfn_page_count() + stored;
  plan.info_page = encode_info_page(info);
  return plan;
}

}  // namespace hib::swsusp
