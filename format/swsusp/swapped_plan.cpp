#include "format/swsusp/swapped_plan.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/runs.h"

namespace hib::swsusp {
namespace {

// Of an area whose account is not known: what is zero there may be unused, or a swapped-out page of zeros.
bool is_doubtful(const PageRun& run, SlotAccount account) {
  return account == SlotAccount::Blocks && run.state == PageState::Fill && run.fill == 0;
}

void add(SwapTarget::UsedSlots& used, const PageRun& run, SlotAccount account) {
  std::vector<PageRun>& slots = is_doubtful(run, account) ? used.doubtful : used.runs;
  append_run(slots, {run.first, run.count, PageState::Data, 0});
}

Error lost(const ImageReader& pages, const PageRun& run) {
  return make_error(ErrorKind::Refused, "swapped-out pages",
                    fmt::format("{} from slot {} on lost", counted(run.count, "page"), grouped(run.first)),
                    "all of them: the machine would read broken memory")
      .of(pages.info().path)
      .advise("--without-swapped-pages goes on without any");
}

Error missing(const ImageReader& source, std::uint64_t count) {
  return make_error(
             ErrorKind::Refused, "swapped-out pages",
             "the machine had " + counted(count, "page") + " swapped out, and this image has none of them",
             "an image of the disk on which they lie, made with what leads to them: a swap header, or the "
             "partition table")
      .of(source.info().path)
      .advise("--without-swapped-pages goes on: programs of the machine crash that need one of them");
}

// By what the image says of its slots.
Result<void> add_runs(const ImageReader& pages, SlotAccount account, SwapTarget::UsedSlots& used) {
  TRY(auto runs, pages.runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return {};
    if (run->state == PageState::Unreadable) return fail(lost(pages, *run));
    if (run->is_present()) add(used, *run, account);
  }
}

// By their content.
Result<void> add_content(const ImageReader& pages, SlotAccount account, SwapTarget::UsedSlots& used) {
  return for_each_item(pages, [&](const PageItem& item) -> Result<void> {
    if (item.run.is_present()) add(used, item.run, account);
    return {};
  });
}

}  // namespace

Result<SwappedPlan> plan_swapped(const ImageReader& source, bool leave_out) {
  SwappedPlan plan;
  if (leave_out) return plan;
  plan.pages = source.swapped_pages();
  if (plan.pages == nullptr) {
    const auto swapped_out = swapped_out_by_memory(source);
    if (swapped_out && *swapped_out > 0) return fail(missing(source, *swapped_out));
    if (swapped_out) plan.used.emplace();
    return plan;
  }
  const SlotAccount account = account_of(source);
  // Of a swap area it is not known which slots are zero until they are read; a .hib image says so.
  const bool says_zeros = account == SlotAccount::Kernel || plan.pages->info().content_digest;
  plan.used.emplace();
  TRY_OK(says_zeros ? add_runs(*plan.pages, account, *plan.used)
                    : add_content(*plan.pages, account, *plan.used));
  return plan;
}

}  // namespace hib::swsusp
