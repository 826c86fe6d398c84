#include "lib/diagnose/preflight/preflight.h"

#include <algorithm>

#include "lib/diagnose/log/log.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/preflight/checks.h"
#include "lib/os/machine.h"

namespace hib::diagnose {

namespace {

// The folder with the machine's own journal: of this machine the one that the library finds. Nothing where a
// captured tree has none.
std::optional<std::string> own_journal(const device::Tree& tree) {
  if (tree.is_live()) return "";
  constexpr const char* kFolder = "/var/log/journal";
  return tree.exists(kFolder) ? tree.path_here(kFolder) : std::nullopt;
}

// What was named must be readable; the machine's own journal may be missing.
Result<void> read_memory_maps(const device::Tree& tree, const PreflightRequest& request,
                              PreflightFacts& facts) {
  LogSet logs;
  for (const std::string& path : request.logs) TRY_OK(read_log_file(path, logs));
  if (request.journal) TRY_OK(read_journal_beginnings(*request.journal, logs));
  const bool is_any_named = request.journal || !request.logs.empty() || !request.memory_maps.empty();
  const auto own = is_any_named ? std::nullopt : own_journal(tree);
  const auto read = own ? read_journal_beginnings(*own, logs) : Result<void>();
  if (!read) facts.why_no_maps = read.error().line();
  facts.memory_maps = request.memory_maps;
  const auto logged = logged_maps(logs);
  facts.memory_maps.insert(facts.memory_maps.end(), logged.begin(), logged.end());
  return {};
}

// Before Linux 6.6 pages of zeros were stored as others are.
constexpr unsigned kFirstWithoutZeroPages = 6006;

void sample_this_machine(const Formats& formats, PreflightFacts& facts) {
  const boot::KernelState& kernel = facts.configuration.kernel;
  Machine machine;
  machine.release = kernel.release;
  SampleRequest request;
  request.codec = kernel.compressor.value_or(request.codec);
  request.stores_zero_pages = machine.release_number() < kFirstWithoutZeroPages;
  auto sample = sample_memory(formats, request);
  if (sample) {
    facts.memory_sample = std::move(*sample);
  } else {
    facts.why_no_sample = sample.error().line();
  }
}

std::optional<SpaceReport> space_of(const PreflightFacts& facts) {
  const auto estimate = estimate_image(facts);
  if (!estimate) return std::nullopt;
  SpaceReport space{*estimate, facts.memory_sample, facts.why_no_sample, std::nullopt,
                    facts.configuration.kernel.memory_of("Active(anon)")};
  if (const boot::SwapArea* area = image_area(facts)) space.free_bytes = area->free_bytes();
  return space;
}

}  // namespace

std::string_view name_of(CheckResult result) {
  switch (result) {
    case CheckResult::Ok: return "ok";
    case CheckResult::Warning: return "warning";
    case CheckResult::WouldFail: return "would-fail";
    case CheckResult::Unknown: return "unknown";
  }
  return "unknown";
}

bool PreflightReport::would_fail() const {
  return std::any_of(checks.begin(), checks.end(),
                     [](const Check& check) { return check.result == CheckResult::WouldFail; });
}

PreflightReport judge(const PreflightFacts& facts) {
  checks::Sheet sheet(facts);
  checks::check_kernel(sheet);
  checks::check_systemd(sheet);
  checks::check_swap(sheet);
  checks::check_memory(sheet);
  checks::check_place(sheet);
  checks::check_initramfs(sheet);
  checks::check_next_boot(sheet);
  checks::check_memory_map(sheet);
  checks::check_jump(sheet);
  return {std::move(sheet.checks), facts.configuration.unread, false, space_of(facts)};
}

std::vector<std::string> inputs_of(const PreflightRequest& request) {
  std::vector<std::string> inputs = boot::inputs_of(request.files);
  inputs.insert(inputs.end(), request.logs.begin(), request.logs.end());
  if (request.journal && !request.journal->empty()) inputs.push_back(*request.journal);
  return inputs;
}

Result<PreflightReport> preflight(const Formats& formats, const PreflightRequest& request) {
  TRY(const device::Tree tree, boot::open_tree(request.files));
  PreflightFacts facts = read_preflight_facts(tree, request.files.initramfs);
  TRY_OK(read_memory_maps(tree, request, facts));
  if (tree.is_live()) {
    sample_this_machine(formats, facts);
  } else {
    facts.why_no_sample = "it is another machine's";
  }
  return judge(facts);
}

}  // namespace hib::diagnose
