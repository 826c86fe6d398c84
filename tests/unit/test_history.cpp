// May an image be resumed from, after what became of it so far?

#include "lib/jump/restore/history.h"

#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::check_history;
using jump::why_nothing_there;

namespace {

constexpr std::uint16_t kPhaseOfALaterVersion = 99;

std::vector<Breadcrumb> crumbs(std::initializer_list<Phase> phases) {
  std::vector<Breadcrumb> history;
  for (const Phase phase : phases) history.push_back({static_cast<std::uint16_t>(phase), 0, ""});
  return history;
}

const std::vector<Breadcrumb> kSaved =
    crumbs({Phase::Armed, Phase::DevicesSuspended, Phase::Jumped, Phase::Saving, Phase::Committed,
            Phase::Verified, Phase::PoweredOff});

std::vector<Breadcrumb> saved_and(std::initializer_list<Phase> phases) {
  std::vector<Breadcrumb> history = kSaved;
  for (const Breadcrumb& crumb : crumbs(phases)) history.push_back(crumb);
  return history;
}

bool allowed(const std::vector<Breadcrumb>& history) {
  return why_nothing_there(history, false).empty() && check_history(history, "/dev/sda2", false).has_value();
}

void check_gone_on(const std::vector<Breadcrumb>& history) {
  CHECK_FALSE(why_nothing_there(history, false).empty());
  CHECK(why_nothing_there(history, true).empty());
}

}  // namespace

TEST_CASE("An image that was saved and nothing more may be resumed from, and one whose history is empty") {
  CHECK(allowed(kSaved));
  CHECK(allowed({}));
}

TEST_CASE("An image whose machine has resumed is never resumed from again, whatever came after") {
  check_gone_on(saved_and({Phase::ResumeAttempted, Phase::Loaded, Phase::JumpedBack, Phase::Resumed}));
  check_gone_on(saved_and({Phase::ResumeAttempted, Phase::JumpedBack, Phase::DeviceFailed, Phase::Resumed}));
  check_gone_on(saved_and({Phase::JumpedBack, Phase::Resumed, Phase::Failed}));
  check_gone_on(saved_and({Phase::Resumed, Phase::ResumeAttempted, Phase::JumpedBack, Phase::Failed}));
}

TEST_CASE("A target that was armed alone, or whose saver failed, is one of an ordinary boot") {
  CHECK(why_nothing_there(crumbs({Phase::Armed}), true) == "armed, and nothing was saved");
  std::vector<Breadcrumb> failed = crumbs({Phase::Armed, Phase::Jumped, Phase::Saving, Phase::Failed});
  failed.back().text = "no room";
  CHECK(why_nothing_there(failed, true) == "saving failed, and the machine went on: no room");
  CHECK(why_nothing_there(crumbs({Phase::Armed, Phase::Jumped, Phase::Saving}), false).empty());
}

TEST_CASE(
    "A machine that was lost while it was saved is an error that says so, whatever the saver had done last") {
  for (const auto& history :
       {crumbs({Phase::Armed, Phase::DevicesSuspended}), crumbs({Phase::Armed, Phase::Jumped}),
        crumbs({Phase::Armed, Phase::DevicesSuspended, Phase::Jumped, Phase::Saving})}) {
    CHECK(why_nothing_there(history, false).empty());
    const auto checked = check_history(history, "/dev/sda2", false);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == ErrorKind::Corrupt);
    CHECK(checked.error().found == "saving was not finished: that machine is lost");
    CHECK(check_history(history, "/dev/sda2", true));
  }
}

TEST_CASE("A jump that left counts as gone on, though the machine noted nothing") {
  check_gone_on(saved_and({Phase::ResumeAttempted, Phase::Loaded, Phase::JumpedBack}));
  check_gone_on(saved_and({Phase::JumpedBack}));  // saved, and went on
  check_gone_on(saved_and({Phase::JumpedBack, Phase::DeviceFailed}));
}

TEST_CASE("A saver that fails when the image is whole tells the machine, which goes on") {
  check_gone_on(saved_and({Phase::Failed}));                     // it did not power off
  check_gone_on(saved_and({Phase::JumpedBack, Phase::Failed}));  // it panicked on its way back
  std::vector<Breadcrumb> failed = saved_and({Phase::Failed});
  failed.back().text = "panic";
  CHECK(why_nothing_there(failed, false) == "saving failed, and the machine went on: panic");
}

TEST_CASE("A jump that failed before it left may be tried again") {
  CHECK(allowed(saved_and({Phase::ResumeAttempted, Phase::Loaded, Phase::JumpedBack, Phase::Failed})));
  CHECK(allowed(saved_and({Phase::ResumeAttempted, Phase::Failed})));
  check_gone_on(saved_and(
      {Phase::ResumeAttempted, Phase::JumpedBack, Phase::Failed, Phase::ResumeAttempted, Phase::JumpedBack}));
}

TEST_CASE("A failure of a later attempt does not undo an earlier jump that left") {
  check_gone_on(saved_and({Phase::JumpedBack, Phase::ResumeAttempted, Phase::Failed}));
  check_gone_on(saved_and(
      {Phase::JumpedBack, Phase::ResumeAttempted, Phase::Loaded, Phase::JumpedBack, Phase::Failed}));
}

TEST_CASE("Attempts that failed are counted, and refused from the second on with what to do") {
  CHECK(jump::kMaxAttempts == 2);
  CHECK(allowed(saved_and({Phase::ResumeAttempted})));
  const auto history = saved_and({Phase::ResumeAttempted, Phase::ResumeAttempted});
  const auto checked = check_history(history, "/dev/sda2", false);
  REQUIRE_FALSE(checked);
  const Error& error = checked.error();
  CHECK(error.kind == ErrorKind::Refused);
  CHECK(error.line() ==
        "/dev/sda2: history: 2 attempts to resume that failed, expected up to 2; hibtool inspect shows how "
        "far they "
        "got; --force tries again");
  CHECK(check_history(history, "/dev/sda2", true));
}

TEST_CASE("Failures with their notes count as one attempt each") {
  const auto twice = saved_and({Phase::ResumeAttempted, Phase::Failed, Phase::ResumeAttempted,
                                Phase::Overridden, Phase::Loaded, Phase::JumpedBack, Phase::Failed});
  const auto checked = check_history(twice, "image", false);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().found == "2 attempts to resume that failed");
}

TEST_CASE("Phases of a later version decide nothing and hide nothing") {
  std::vector<Breadcrumb> history = kSaved;
  history.push_back({kPhaseOfALaterVersion, 0, "something new"});
  CHECK(allowed(history));
  history.push_back({static_cast<std::uint16_t>(Phase::JumpedBack), 0, ""});
  history.push_back({kPhaseOfALaterVersion, 0, ""});
  check_gone_on(history);
  CHECK(allowed({{0, 0, ""}}));
}

TEST_CASE("Every phase has a name of its own, and numbers that are none are unknown") {
  std::vector<std::string_view> names;
  for (std::uint16_t phase = 1; phase <= static_cast<std::uint16_t>(Phase::Overridden); ++phase) {
    const std::string_view name = phase_name(phase);
    CHECK(name != "unknown");
    CHECK(std::find(names.begin(), names.end(), name) == names.end());
    names.push_back(name);
  }
  CHECK(phase_name(static_cast<std::uint16_t>(Phase::JumpedBack)) == "jumped-back");
  CHECK(phase_name(static_cast<std::uint16_t>(Phase::Resumed)) == "resumed");
  CHECK(phase_name(static_cast<std::uint16_t>(Phase::Overridden)) == "overridden");
  CHECK(phase_name(0) == "unknown");
  CHECK(phase_name(kPhaseOfALaterVersion) == "unknown");
}
