#include "lib/diagnose/post_mortem/session.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::diagnose {
namespace {

// The one that says most: a file system that was written, before what is merely not proven.
const RearmCheck* first_refusal(const std::vector<RearmCheck>& checks) {
  const auto written = std::find_if(checks.begin(), checks.end(), [](const RearmCheck& check) {
    return check.since == fs::Since::Written;
  });
  if (written != checks.end()) return &*written;
  const auto found =
      std::find_if(checks.begin(), checks.end(), [](const RearmCheck& check) { return !check.ok; });
  return found == checks.end() ? nullptr : &*found;
}

// Nothing: some file system was not found, or its marks prove nothing.
std::optional<bool> safe_to_rearm(const Disk& disk) {
  if (disk.rearm.empty()) return std::nullopt;
  bool is_known = true;
  for (const RearmCheck& check : disk.rearm) {
    if (check.ok) continue;
    if (!disk.damage.empty() || check.since == fs::Since::Written) return false;
    is_known = false;
  }
  return is_known ? std::optional(true) : std::nullopt;
}

Advice keep_a_copy(const std::string& path, const std::string& why) {
  return {why, "hibtool create " + shell_word(path) + " -o session.hib", ""};
}

Advice keep_what_is_whole(const std::string& path, const std::string& why) {
  Advice advice = keep_a_copy(path, why);
  advice.command += " --salvage";
  return advice;
}

Session armed(const Disk& disk) {
  Session session{SessionState::Armed, disk.path, safe_to_rearm(disk), "", {}};
  if (!disk.damage.empty()) {
    session.text = "armed, and damaged: the next boot would try it and fail";
    session.next = keep_what_is_whole(disk.path, "keep what is intact before anything boots from it");
    return session;
  }
  const RearmCheck* refusal = first_refusal(disk.rearm);
  if (session.safe_to_rearm == false && refusal != nullptr) {
    session.text =
        fmt::format("armed, and resuming from it would ruin data: {}: {}", refusal->name, refusal->text);
    session.next = {"boot with noresume systemd.swap=0 on the kernel's line, and keep a copy",
                    "hibtool create " + shell_word(disk.path) + " -o session.hib", ""};
    return session;
  }
  session.text = "still there: the image is whole and armed, and the next boot that asks for it resumes";
  if (session.safe_to_rearm != true && refusal != nullptr)
    session.text += fmt::format("; that no file system was written since is not proven: {}: {}",
                                refusal->name, refusal->text);
  session.next = {
      "boot, with resume= naming this device, before anything mounts its file systems; if one was mounted "
      "since, "
      "do not",
      "", ""};
  return session;
}

Session consumed_whole(const Disk& disk) {
  Session session{SessionState::ConsumedWhole, disk.path, safe_to_rearm(disk), "", {}};
  const RearmCheck* refusal = first_refusal(disk.rearm);
  if (refusal == nullptr) {
    session.text =
        "still there: the image is whole; its signature is gone, and none of its file systems was written "
        "since";
    session.next = {"put the signature back, then boot", "hibtool rearm " + shell_word(disk.path) + " --yes",
                    ""};
    return session;
  }
  if (session.safe_to_rearm == false) {
    session.text =
        fmt::format("the image is whole, and must not be resumed from: {}: {}", refusal->name, refusal->text);
    session.next = keep_a_copy(disk.path, "keep it: the memory can be read, and nothing else is safe");
    return session;
  }
  session.text =
      fmt::format("{}; whether resuming from it is safe is not proven: {}: {}",
                  disk.is_whole ? "the image is whole" : "nothing of the image is seen to be wrong",
                  refusal->name, refusal->text);
  session.next = keep_a_copy(disk.path, "keep a copy before the swap area is used again");
  return session;
}

Session consumed_partly(const Disk& disk) {
  std::uint64_t lost = 0;
  for (const Damage& damage : disk.damage) {
    for (const auto& [first, count] : damage.lost_pfns) lost += count;
  }
  Session session{SessionState::ConsumedPartly, disk.path, false, "", {}};
  if (lost >= disk.info.pages.total() && disk.info.pages_are_known) {
    session.state = SessionState::Gone;
    session.text = "gone: not a page of the image is left";
    return session;
  }
  session.text = fmt::format("the image is not whole ({}, {} of {} pages lost): it cannot be resumed from",
                             counted(disk.damage.size(), "broken place"), grouped(lost),
                             grouped(disk.info.pages.total()));
  session.next = keep_what_is_whole(disk.path, "keep what is intact, before more of it is overwritten");
  return session;
}

// The header says nothing of an image.
Session without_header(const Disk& disk) {
  Session session{SessionState::None, disk.path, std::nullopt, "no image lies here, and no trace of one", {}};
  const auto found = std::find_if(disk.carved.begin(), disk.carved.end(), [](const CarvedImage& image) {
    return image.kind == CarvedKind::Image && image.confidence != Confidence::Possible;
  });
  if (found == disk.carved.end()) {
    if (!disk.carved.empty()) {
      session.state = SessionState::Gone;
      session.text = "gone: only remains of an image are left";
      session.next = {"see what they are", "hibtool inspect --carve " + shell_word(disk.path), ""};
    }
    return session;
  }
  session.state = found->missing.empty() ? SessionState::ConsumedWhole : SessionState::ConsumedPartly;
  session.text = found->missing.empty() ? "the swap header names no image, and one lies behind it, complete"
                                        : "the swap header names no image; a part of one lies behind it";
  session.next = {"keep it before the swap area is used again",
                  fmt::format("hibtool create {} --at {} --salvage -o session.hib", shell_word(disk.path),
                              to_text(found->at)),
                  ""};
  return session;
}

Session incomplete(const Disk& disk) {
  return {SessionState::ConsumedPartly, disk.path, std::nullopt,
          "the image is not complete: it cannot be resumed from",
          keep_what_is_whole(disk.path, "keep what is intact")};
}

// Only a device can be gone back from; a copy of it is of use for looking.
bool is_device(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_block_file(path, error);
}

Session of_jump(const Disk& disk) {
  if (disk.info.state == ImageState::Incomplete) return incomplete(disk);
  if (disk.history.empty())
    return {SessionState::None,
            disk.path,
            std::nullopt,
            "none: memory that was packed, and not a machine that was saved to go on",
            {}};
  Session session{SessionState::Armed, disk.path, std::nullopt, "", {}};
  if (has_gone_on(disk.history)) {
    session.state = SessionState::ConsumedWhole;
    session.safe_to_rearm = false;
    session.text = "the machine has gone on from this image: resuming again would ruin its file systems";
    return session;
  }
  if (!disk.damage.empty()) return consumed_partly(disk);
  session.text = "a whole image that nobody has gone on from";
  session.next =
      is_device(disk.path)
          ? Advice{"go back into it", "hibtool resume " + shell_word(disk.path), ""}
          : Advice{"boot, and resume from the device that it was saved to; this is a copy", "", ""};
  return session;
}

// No image could be read: what the logs know of it all the same. Else it stays as it is, not known.
void settle_by_logs(const Case& facts, const Cause& verdict, bool has_gone_on, Session& session) {
  const Story& story = facts.story;
  const auto settle = [&](SessionState state, std::string_view text) {
    session.state = state;
    session.text = text;
  };
  const bool was_refused = story.last_boot != nullptr && has_refused_to_hibernate(*story.last_boot);
  if (has_gone_on)
    settle(SessionState::None, "the session went on in the machine that came back: nothing to be had back");
  else if (verdict.code == Code::EphemeralSwap && story.saving)
    settle(SessionState::Gone, "gone: the image was lost with the power");
  else if (verdict.code == Code::Never)
    settle(SessionState::None, "none: nothing that was read tells of an image");
  else if (verdict.code == Code::SaveInterrupted || (story.saving && story.saving->has_come_back))
    settle(SessionState::None, "none: the image was never completed");
  else if (!story.saving && was_refused)
    settle(SessionState::None, "none: the machine did not hibernate, and no image was written");
}

}  // namespace

std::string_view name_of(SessionState state) {
  switch (state) {
    case SessionState::Armed: return "armed";
    case SessionState::ConsumedWhole: return "consumed-whole";
    case SessionState::ConsumedPartly: return "consumed-partly";
    case SessionState::Gone: return "gone";
    case SessionState::None: return "none";
  }
  return "none";
}

Session session_on(const Disk& disk) {
  if (disk.error) {
    return {SessionState::None, disk.path, std::nullopt, "not known: " + disk.error->text(), {}};
  }
  switch (disk.info.state) {
    case ImageState::None: return without_header(disk);
    case ImageState::Armed: return armed(disk);
    case ImageState::Consumed: return disk.damage.empty() ? consumed_whole(disk) : consumed_partly(disk);
    case ImageState::Unknown:
    case ImageState::Complete:
    case ImageState::Incomplete: break;
  }
  return of_jump(disk);
}

bool is_same_hibernation(const Case& facts) {
  constexpr std::uint64_t kSameBoot = std::uint64_t{5} * 60 * 1000000;  // clocks are set while a machine runs
  if (facts.disk == nullptr || !facts.disk->log || !facts.story.saving) return true;
  const auto& image = facts.disk->log->first_us;
  const auto& log = facts.story.saving->boot->first_us;
  if (!image || !log) return true;
  return (*image < *log ? *log - *image : *image - *log) <= kSameBoot;
}

void settle_session(const Case& facts, const Cause& verdict, bool has_gone_on, Session& session) {
  if (facts.disk == nullptr || facts.disk->error) return settle_by_logs(facts, verdict, has_gone_on, session);
  if (session.device.empty() || session.state == SessionState::None || session.state == SessionState::Gone)
    return;
  if (has_gone_on && session.state != SessionState::Armed && is_same_hibernation(facts)) {
    session.safe_to_rearm = false;
    session.text = "the machine went on from this image: to resume from it again would ruin its file systems";
    session.next = {};
    return;
  }
  if (verdict.code == Code::EveryEntryTries && session.state == SessionState::Armed) {
    session.text = "still there: the image is whole and armed, and each boot that tries it hangs";
    session.next = keep_a_copy(session.device,
                               "boot with noresume systemd.swap=0 on the kernel's line, and keep a copy");
    return;
  }
  const BootLog* mounting = boot_that_mounted(facts);
  if (mounting == nullptr || session.safe_to_rearm == true || session.state == SessionState::ConsumedPartly)
    return;
  session.safe_to_rearm = false;
  session.text = fmt::format("the image is whole, and must not be resumed from: a later boot has mounted {}",
                             detail_of(*mounted_in(*mounting), 0));
  session.next = keep_a_copy(session.device,
                             session.state == SessionState::Armed
                                 ? "boot with noresume systemd.swap=0 on the kernel's line, and keep a copy"
                                 : "keep it: the memory can be read, and nothing else is safe");
}

void warn_of_use(Session& session) {
  if (session.state == SessionState::None || session.state == SessionState::Gone) return;
  session.text += "; the area is in use as swap, and each page that is swapped out goes over it";
  const std::string then = session.next.command;
  session.next.text =
      "switch the area off at once" + (session.next.text.empty() ? "" : "; then " + session.next.text);
  session.next.command = "swapoff " + shell_word(session.device) + (then.empty() ? "" : " && " + then);
}

const Disk* best_of(const std::vector<Disk>& disks) {
  const auto rank = [](const Disk& disk) {
    return std::make_tuple(disk.error.has_value(), session_on(disk).state);
  };
  const auto best = std::min_element(disks.begin(), disks.end(),
                                     [&](const Disk& a, const Disk& b) { return rank(a) < rank(b); });
  return best == disks.end() ? nullptr : &*best;
}

}  // namespace hib::diagnose
