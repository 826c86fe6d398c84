#include "lib/diagnose/boot/kernel_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/diagnose/boot/config_text.h"
#include "lib/diagnose/boot/efi_variable.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxProcesses = 20'000;
constexpr std::size_t kMaxDescriptors = 4096;  // of one process
constexpr std::size_t kMaxHolders = 16;
constexpr std::string_view kSecretMemory = "/secretmem";
constexpr std::string_view kSnapshotDevice = "/dev/snapshot";
constexpr std::string_view kVirtualMachine = "anon_inode:kvm-vm";

std::optional<std::uint64_t> decimal(const std::optional<std::string>& text) {
  constexpr std::size_t kMostDigits = 18;
  if (!text || text->empty() || text->size() > kMostDigits) return std::nullopt;
  if (text->find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoull(*text);
}

// "MemTotal:       16318412 kB"
std::map<std::string, std::uint64_t> memory_from(const std::string& text) {
  std::map<std::string, std::uint64_t> memory;
  for (const TextLine& line : lines_of(text)) {
    const auto words = words_of(line.text);
    if (words.size() < 2 || !words[0].ends_with(":")) continue;
    const auto value = decimal(words[1]);
    const bool is_kib = words.size() > 2 && words[2] == "kB";
    if (value && *value < (1ULL << 50))
      memory[words[0].substr(0, words[0].size() - 1)] = *value * (is_kib ? 1024 : 1);
  }
  return memory;
}

// The names in it as the kernel shows them: "/secretmem (deleted)".
bool maps_secret_memory(const std::string& maps) {
  for (const TextLine& line : lines_of(maps)) {
    const std::size_t path = line.text.find('/');
    if (path != std::string_view::npos && line.text.substr(path).starts_with(kSecretMemory)) return true;
  }
  return false;
}

// Reads of processes go by the tree itself: that one is gone, or is somebody else's, is nothing to report.
class ProcessSearch {
 public:
  ProcessSearch(const device::Tree& tree, KernelState& state) : tree_(tree), state_(state) {}

  void run() {
    std::size_t looked_at = 0;
    for (const std::string& pid : tree_.list("/proc")) {
      if (!decimal(pid)) continue;
      if (++looked_at > kMaxProcesses || state_.secret_memory.size() == kMaxHolders) {
        ++state_.processes_not_looked_at;
      } else {
        look_at(pid);
      }
    }
  }

 private:
  void look_at(const std::string& pid) {
    const std::string folder = "/proc/" + pid;
    const device::Reading maps = tree_.read(folder + "/maps", 16U << 20);
    const device::Reading fds = tree_.look_into(folder + "/fd");
    const bool is_hidden = is_denied(maps) || is_denied(fds);
    const Held held = descriptors_of(folder + "/fd");
    const Process process{pid, tree_.read_line(folder + "/comm").text};
    if (held.snapshot && state_.snapshot_holders.size() < kMaxHolders)
      state_.snapshot_holders.push_back(process);
    state_.virtual_machines += held.virtual_machines;
    if (maps_secret_memory(maps.text) || held.secret_memory) {
      state_.secret_memory.push_back(process);
    } else if (is_hidden) {
      ++state_.processes_not_looked_at;
    }
  }

  struct Held {
    bool secret_memory = false;
    bool snapshot = false;
    std::size_t virtual_machines = 0;
  };

  // A process that has ended meanwhile is unreadable as well, and holds nothing.
  static bool is_denied(const device::Reading& reading) {
    return reading.presence == device::Presence::Unreadable &&
           (reading.text == std::strerror(EACCES) || reading.text == std::strerror(EPERM));
  }

  Held descriptors_of(const std::string& folder) const {
    Held held;
    const auto names = tree_.list(folder);
    for (std::size_t i = 0; i < std::min(names.size(), kMaxDescriptors); ++i) {
      const std::string target = tree_.link(folder + "/" + names[i]).value_or("");
      held.secret_memory |= target.starts_with(kSecretMemory);
      held.snapshot |= target == kSnapshotDevice;
      held.virtual_machines += target == kVirtualMachine ? 1 : 0;
    }
    return held;
  }

  const device::Tree& tree_;
  KernelState& state_;
};

void read_lockdown(const TreeReader& reader, KernelState& state) {
  constexpr const char* kPath = "/sys/kernel/security/lockdown";
  if (const auto text = reader.line(kPath)) {
    state.lockdown = KernelState::chosen(*text);
    state.lockdown_evidence = Evidence{kPath, std::nullopt, "", std::nullopt, *text};
  }
  const device::Tree& tree = reader.tree();
  if (tree.exists("/sys/firmware") || tree.is_live()) state.has_efi = tree.exists("/sys/firmware/efi");
  if (const auto variable = efi_variable(reader, "SecureBoot", kGlobalGuid);
      variable && !variable->data.empty())
    state.secure_boot = variable->data.front() == 1;
}

// Where modules of nobody's package are put, below /lib/modules/RELEASE.
bool has_jump_module(const device::Tree& tree, const std::string& release) {
  if (tree.exists("/dev/hibjump") || tree.exists("/sys/module/hibjump")) return true;
  for (const std::string folder : {"", "/extra", "/updates", "/updates/dkms", "/misc", "/kernel/extra"}) {
    for (const std::string ending : {"", ".xz", ".zst", ".gz"}) {
      if (!release.empty() && tree.exists("/lib/modules/" + release + folder + "/hibjump.ko" + ending))
        return true;
    }
  }
  return false;
}

void read_kexec(const TreeReader& reader, KernelState& state) {
  state.has_jump = has_jump_module(reader.tree(), state.release);
  state.crash_bytes = decimal(reader.line("/sys/kernel/kexec_crash_size"));
  state.has_crash_kernel = reader.line("/sys/kernel/kexec_crash_loaded") == "1";
  if (const auto disabled = decimal(reader.line("/proc/sys/kernel/kexec_load_disabled")))
    state.may_load_kernels = *disabled == 0;
}

}  // namespace

std::string KernelState::chosen(const std::string& words) {
  const std::size_t begin = words.find('[');
  const std::size_t end = words.find(']', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return words.substr(begin + 1, end - begin - 1);
}

std::optional<bool> KernelState::can_hibernate() const {
  if (!state) return std::nullopt;
  const auto words = words_of(*state);
  return std::find(words.begin(), words.end(), "disk") != words.end();
}

std::uint64_t KernelState::memory_of(const std::string& name) const {
  const auto found = memory.find(name);
  return found == memory.end() ? 0 : found->second;
}

KernelState read_kernel_state(const TreeReader& reader) {
  KernelState state;
  state.release = reader.line("/proc/sys/kernel/osrelease").value_or("");
  state.state = reader.line("/sys/power/state");
  state.disk = reader.line("/sys/power/disk");
  state.resume = reader.line("/sys/power/resume");
  state.resume_offset = reader.line("/sys/power/resume_offset");
  state.compressor = reader.line("/sys/module/hibernate/parameters/compressor");
  state.image_size = decimal(reader.line("/sys/power/image_size"));
  read_lockdown(reader, state);
  for (const std::string& name : reader.names("/sys/bus/cxl/devices")) {
    // The kernel counts memory devices that a driver has taken.
    if (name.starts_with("mem") && reader.tree().exists("/sys/bus/cxl/devices/" + name + "/driver"))
      state.cxl_memory.push_back(name);
  }
  read_kexec(reader, state);
  ProcessSearch(reader.tree(), state).run();
  if (const auto text = reader.text("/proc/meminfo")) state.memory = memory_from(*text);
  const device::Facts machine = reader.tree().machine_facts();
  if (const auto name = machine.find("MACHINE"); name != machine.end()) state.machine = name->second;
  if (const auto page = machine.find("PAGE_SIZE"); page != machine.end())
    state.page_bytes = decimal(page->second);
  return state;
}

}  // namespace hib::diagnose::boot
