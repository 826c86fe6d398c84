// The marks of a file system, out of the states in which devices keep them.
#include <string_view>

#include "lib/device/policy/policy.h"
#include "lib/device/policy/saver_marks.h"

namespace hib::device {
namespace {

constexpr std::string_view kPrefix = "MARK_";
constexpr const char* kNoMark = "MARK";  // its presence says why there is none

bool is_mark(const Value& value) {
  return value.presence == Presence::Present && value.name.starts_with(kPrefix) &&
         value.name != fs::kUnreadable;
}

const Value* unreadable_mark(const Device& device) {
  for (const Value& value : device.state) {
    if (value.name == kNoMark && value.presence == Presence::Unreadable) return &value;
  }
  return nullptr;
}

fs::SavedMarks saved_marks(const Device& device) {
  fs::SavedMarks saved;
  for (const Value& value : device.state) {
    if (!is_mark(value)) continue;
    saved.marks.push_back(
        {value.name, value.text, value.from == kFromSaver ? fs::ReadBy::Saver : fs::ReadBy::Machine});
  }
  if (const Value* value = unreadable_mark(device)) saved.missing = "not readable: " + value->text;
  return saved;
}

fs::Marks marks_here(const Device& device) {
  fs::Marks marks;
  for (const Value& value : device.state) {
    if (is_mark(value)) marks.emplace(value.name, value.text);
  }
  if (const Value* value = unreadable_mark(device)) marks[fs::kUnreadable] = value->text;
  return marks;
}

}  // namespace

fs::WrittenSince compare_marks(const Device& saved, const Device& here, std::uint64_t snapshot_ns) {
  return fs::written_since(saved_marks(saved), marks_here(here), snapshot_ns);
}

}  // namespace hib::device
