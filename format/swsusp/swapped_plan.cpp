#include "format/swsusp/swapped_plan.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

// What is zero in an area whose account is not known is taken for unused.
bool is_used(const PageRun& run, SlotAccount account) {
  const bool zero = run.state == PageState::Fill && run.fill == 0;
  return run.is_present() && (account == SlotAccount::Kernel || !zero);
}

void add(std::vector<PageRun>& used, const PageRun& run) {
  const PageRun slots{run.first, run.count, PageState::Data, 0};
  if (!used.empty() && slots.continues(used.back())) {
    used.back().count += slots.count;
  } else {
    used.push_back(slots);
  }
}

Error lost(const ImageReader& pages, const PageRun& run) {
  return make_error(ErrorKind::Refused, "swapped-out pages",
                    fmt::format("{} from slot {} on lost", counted(run.count, "page"), grouped(run.first)),
                    "all of them: the machine would read broken memory")
      .of(pages.info().path)
      .advise("--without-swapped-pages goes on without any");
}

// By what the image says of its slots.
Result<void> add_runs(const ImageReader& pages, SlotAccount account, std::vector<PageRun>& used) {
  TRY(auto runs, pages.runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return {};
    if (run->state == PageState::Unreadable) return fail(lost(pages, *run));
    if (is_used(*run, account)) add(used, *run);
  }
}

// By their content.
Result<void> add_content(const ImageReader& pages, SlotAccount account, std::vector<PageRun>& used) {
  TRY(auto batches, pages.batches());
  PageBatch batch;
  for (;;) {
    TRY(const bool more, batches->next(batch));
    if (!more) return {};
    pages.load(batch);
    if (!batch.damage.empty()) return fail(batch.damage.front().error);
    for (const PageItem& item : batch.items) {
      if (is_used(item.run, account)) add(used, item.run);
    }
  }
}

}  // namespace

Result<SwappedPlan> plan_swapped(const ImageReader& source, bool leave_out) {
  SwappedPlan plan;
  if (leave_out) return plan;
  plan.pages = source.swapped_pages();
  if (plan.pages == nullptr) return plan;
  const SlotAccount account = account_of(source);
  // Of a swap area it is not known which slots are zero until they are read; a .hib image says so.
  const bool says_zeros = account == SlotAccount::Kernel || plan.pages->info().content_digest;
  plan.used.emplace();
  TRY_OK(says_zeros ? add_runs(*plan.pages, account, plan.used->runs)
                    : add_content(*plan.pages, account, plan.used->runs));
  return plan;
}

}  // namespace hib::swsusp
