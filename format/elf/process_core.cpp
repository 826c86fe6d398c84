#include "format/elf/process_core.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace hib::elf {
namespace {

// include/uapi/linux/elf.h; all have the name "CORE".
struct NoteType {
  std::uint32_t number;
  std::string_view name;
};
constexpr NoteType kOfProcesses[] = {
    {3, "NT_PRPSINFO"}, {6, "NT_AUXV"}, {0x53494749, "NT_SIGINFO"}, {0x46494C45, "NT_FILE"}};
constexpr std::uint32_t kNtTaskstruct = 4;  // beside NT_PRPSINFO in /proc/kcore

bool is_of_a_machine(const Note& note) {
  return note.name == "VMCOREINFO" || note.name == "QEMU" || note.type == kNtTaskstruct;
}

}  // namespace

Result<void> refuse_core_of_a_process(const std::vector<Note>& notes) {
  if (std::any_of(notes.begin(), notes.end(), is_of_a_machine)) return {};
  std::string found;
  for (const NoteType& type : kOfProcesses) {
    const bool is_there = std::any_of(notes.begin(), notes.end(), [&](const Note& note) {
      return note.name == "CORE" && note.type == type.number;
    });
    if (is_there) found += (found.empty() ? "" : ", ") + std::string(type.name);
  }
  if (found.empty()) return {};
  return fail(make_error(ErrorKind::Unsupported, "notes", "the core of a process (" + found + ")",
                         "a vmcore: the memory of a whole machine")
                  .advise("gdb reads it"));
}

}  // namespace hib::elf
