// The loop from a source to a sink, where the sink is one that makes trouble.
#include "format/registry.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

// Keeps what it is given, as a writer keeps the pages of a chunk that is not full, and fails at batch
// `fails_at`.
class KeepingSink final : public PageSink {
 public:
  explicit KeepingSink(std::size_t fails_at) : fails_at_(fails_at) {}
  Result<void> begin() override { return {}; }
  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override {
    kept.push_back(std::move(batch));
    return std::make_unique<Job>();
  }
  Result<void> encode(Job&) override { return {}; }
  Result<void> append(Job&) override {
    if (appended_++ == fails_at_) return fail(make_error(ErrorKind::Io, "append", "no room"));
    return {};
  }
  Result<void> finish(const Totals&) override { return {}; }

  std::vector<std::shared_ptr<const PageBatch>> kept;

 private:
  std::size_t fails_at_;
  std::size_t appended_ = 0;
};

}  // namespace

TEST_CASE("a sink that was stopped in the middle may keep pages for longer than the pipeline lives") {
  const TempFolder folder;
  const std::string raw = folder.file("m.raw");
  write_file(raw, sample_memory(16 * kBatchPages, 1));
  const auto source = open_or_fail(raw, false, "raw");
  KeepingSink sink(3);
  const auto result = run_pipeline(*source, &sink, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().where == "append");
  REQUIRE(sink.kept.size() > 3);
  for (const auto& batch : sink.kept) CHECK_FALSE(batch->items.empty());
  sink.kept.clear();  // AddressSanitizer knows whether there still is something that they can go back to
}
