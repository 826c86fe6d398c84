#include "lib/diagnose/boot/initramfs.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "lib/diagnose/boot/config_text.h"
#include "lib/diagnose/boot/cpio_stream.h"
#include "lib/diagnose/boot/initramfs_stream.h"
#include "lib/diagnose/boot/module_index.h"
#include "lib/diagnose/boot/sleep_settings.h"
#include "lib/diagnose/boot/unified_image.h"
#include "lib/os/machine.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxModuleNames = 20'000;
constexpr std::size_t kMaxKernels = 64;
constexpr unsigned kFirstCryptoLzo =
    6009;  // Linux 6.9 unpacks by the crypto API; before, LZO is always there

constexpr std::string_view kBoosterConfig = "etc/booster.init.yaml";

// Paths that tell the generator, without "usr/"; what ends in "/" begins a path.
struct Mark {
  const char* path;
  Generator generator;
};
constexpr std::array<Mark, 6> kMarks = {{{"conf/initramfs.conf", Generator::InitramfsTools},
                                         {"lib/dracut/", Generator::Dracut},
                                         {"buildconfig", Generator::Mkinitcpio},
                                         {"init_functions", Generator::Mkinitcpio},
                                         {"etc/booster.init.yaml", Generator::Booster},
                                         {"nix/store/", Generator::NixOs}}};

// Scripts that ask the kernel to resume, by where the generators put them.
constexpr std::array<const char*, 6> kResumeScripts = {
    "scripts/local-premount/resume",  // initramfs-tools
    "hooks/resume",                   // mkinitcpio
    "lib/dracut/resume.sh",           // dracut without systemd
    "lib/dracut/hooks/pre-mount/10-resume.sh",
    "var/lib/dracut/hooks/pre-mount/10-resume.sh",
    "sbin/resume.sh",
};

// Hooks of mkinitcpio after which there are devices that were not there before.
constexpr std::array<std::string_view, 3> kDeviceHooks = {"udev", "encrypt", "lvm2"};

constexpr std::array<const char*, 6> kGraphics = {"nvidia", "amdgpu", "i915", "xe", "nouveau", "radeon"};

std::string_view without_usr(std::string_view path) {
  return path.starts_with("usr/") ? path.substr(4) : path;
}

std::string_view base_name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "kernel/drivers/md/dm-crypt.ko.xz" -> "dm_crypt"; empty for what is no module.
std::string module_name(std::string_view path) {
  const std::string_view name = base_name_of(path);
  const std::size_t dot = name.find(".ko");
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view ending = name.substr(dot + 3);
  if (!ending.empty() && ending != ".xz" && ending != ".zst" && ending != ".gz") return {};
  std::string module(name.substr(0, dot));
  std::replace(module.begin(), module.end(), '-', '_');
  return module;
}

std::set<std::string> built_in_names(const std::string& list) {
  std::set<std::string> names;
  for (const TextLine& line : lines_of(list)) {
    if (names.size() == kMaxModuleNames) break;
    if (const std::string name = module_name(trimmed(line.text)); !name.empty()) names.insert(name);
  }
  return names;
}

bool is_kept(const std::string& whole_path) {
  constexpr std::array<std::string_view, 12> kFiles = {
      "conf/param.conf", "etc/cmdline",      "etc/crypttab",        "cryptroot/crypttab",
      "etc/os-release",  "lib/os-release",   "etc/initrd-release",  "lib/initrd-release",
      "config",          "etc/cmdline.conf", "conf/initramfs.conf", kBoosterConfig};
  constexpr std::array<std::string_view, 4> kFolders = {"conf/conf.d/", "etc/cmdline.d/", "etc/modprobe.d/",
                                                        "lib/modprobe.d/"};
  const std::string_view path = without_usr(whole_path);
  return std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end() ||
         std::any_of(kFolders.begin(), kFolders.end(),
                     [&](auto folder) { return path.starts_with(folder); }) ||
         (path.starts_with("lib/modules/") &&
          (path.ends_with("/modules.builtin") || path.ends_with("/modules.builtin.bin")));
}

// Takes the entries of an archive, and makes the facts of them.
class Survey {
 public:
  explicit Survey(Initramfs& facts) : facts_(facts) {}

  void take(CpioEntry&& entry) {
    const std::string_view path = without_usr(entry.path);
    take_generator(entry.path, path);
    take_resume_part(entry, path);
    if (path.starts_with("lib/modules/")) take_module_path(path);
    take_systemd(path);
    // Of several of one name the last one counts, as it does when the kernel unpacks them.
    if (entry.is_file() && is_kept(entry.path)) kept_[std::string(path)] = std::move(entry.content);
  }

  void finish() {
    for (const auto& [path, text] : kept_) {
      if (path.ends_with("/modules.builtin")) take_built_in(built_in_names(text));
      if (path.ends_with("/modules.builtin.bin")) take_built_in_index(text);
      if (path == kBoosterConfig) take_booster(text);
      if (path.starts_with("conf/")) take_initramfs_tools(path, text);
      if (path.starts_with("etc/cmdline")) take_command_line(path, text);
      if (path == "etc/crypttab" || path == "cryptroot/crypttab") {
        const auto lines = crypt_lines(place_of_inner(path), text);
        facts_.crypttab.insert(facts_.crypttab.end(), lines.begin(), lines.end());
      }
      if (path.find("modprobe.d/") != std::string::npos) take_module_options(path, text);
    }
    // By the order in which systemd looks for it; a link that leads to the next one is no file.
    for (const char* path :
         {"etc/os-release", "lib/os-release", "etc/initrd-release", "lib/initrd-release"}) {
      if (!facts_.os.is_known && kept_.contains(path)) facts_.os = parse_os_release(kept_[path]);
    }
    take_hooks();
  }

 private:
  // As evidence names a file in it: "/boot/initrd.img: conf/conf.d/resume".
  std::string place_of_inner(const std::string& path) const { return facts_.path + ": " + path; }

  void take_generator(const std::string& whole, std::string_view path) {
    if (facts_.generator != Generator::Unknown) return;
    for (const Mark& mark : kMarks) {
      const std::string_view wanted = mark.path;
      if (path != wanted && !(wanted.ends_with("/") && path.starts_with(wanted))) continue;
      facts_.generator = mark.generator;
      facts_.generator_evidence = whole;
      return;
    }
  }

  void take_resume_part(const CpioEntry& entry, std::string_view path) {
    const bool is_script = std::any_of(kResumeScripts.begin(), kResumeScripts.end(),
                                       [&](std::string_view script) { return path == script; });
    const std::string_view name = base_name_of(path);
    const bool is_generator = name == "systemd-hibernate-resume-generator";
    const bool is_unit =
        name == "systemd-hibernate-resume.service" || name == "systemd-hibernate-resume@.service";
    const bool is_program = name == "systemd-hibernate-resume" && path.starts_with("lib/systemd/");
    facts_.has_busybox_resume = facts_.has_busybox_resume || is_script;
    facts_.has_resume_generator = facts_.has_resume_generator || is_generator;
    facts_.has_resume_unit = facts_.has_resume_unit || is_unit;
    facts_.has_resume_program = facts_.has_resume_program || is_program;
    if (is_script || is_generator || is_unit || is_program) facts_.resume_parts.push_back(entry.path);
  }

  void take_systemd(std::string_view path) {
    if (path == "lib/systemd/systemd") facts_.has_systemd = true;
    if (path == "lib/systemd/systemd-fsck") facts_.has_systemd_fsck = true;
    const unsigned version = systemd_version_in(std::string(base_name_of(path)));
    if (version != 0) facts_.systemd_version = version;
  }

  void take_module_path(std::string_view path) {
    constexpr std::size_t kPrefix = std::string_view("lib/modules/").size();
    const std::size_t end = path.find('/', kPrefix);
    // Booster has no folder for the release.
    if (end != std::string_view::npos) take_kernel(path.substr(kPrefix, end - kPrefix));
    const std::string module = module_name(path);
    if (!module.empty() && facts_.modules.size() < kMaxModuleNames) facts_.modules.insert(module);
  }

  void take_kernel(std::string_view release) {
    auto& kernels = facts_.kernels;
    if (!release.empty() && kernels.size() < kMaxKernels &&
        std::find(kernels.begin(), kernels.end(), release) == kernels.end())
      kernels.emplace_back(release);
  }

  void take_built_in(std::set<std::string> names) {
    facts_.knows_built_in = true;
    facts_.built_in.merge(std::move(names));
  }

  // A damaged one says nothing.
  void take_built_in_index(const std::string& index) {
    if (auto names = module_index_names(as_bytes(index))) take_built_in(std::move(*names));
  }

  // What booster tells its own init: the release, and which modules are built in.
  void take_booster(const std::string& text) {
    std::set<std::string> built_in;
    std::string_view section;
    for (const TextLine& line : lines_of(text)) {
      const std::string_view key = line.text.substr(0, line.text.find(':'));
      const std::string_view name = trimmed(key);
      if (name.size() == key.size()) section = key;
      if (section == "kernel")
        take_kernel(trimmed(line.text.substr(std::min(key.size() + 1, line.text.size()))));
      if (section == "builtinmodules" && name != section && built_in.size() < kMaxModuleNames)
        built_in.emplace(name);
    }
    if (!built_in.empty()) take_built_in(std::move(built_in));
  }

  void add_setting(Evidence evidence, CommandLine line, std::string kind) {
    facts_.settings.push_back(
        {Origin::Initramfs, std::move(evidence), std::move(line), std::nullopt, true, std::move(kind)});
  }

  void take_initramfs_tools(const std::string& path, const std::string& text) {
    for (const Assignment& assignment : assignments_of(text)) {
      if (assignment.key != "RESUME") continue;
      Evidence evidence{place_of_inner(path), assignment.offset, "", std::nullopt, assignment.line};
      CommandLine line;
      const bool is_word =
          assignment.value == "none" || assignment.value == "auto" || assignment.value.empty();
      if (!is_word) line.resume = assignment.value;
      add_setting(std::move(evidence), std::move(line), is_word ? assignment.value : "");
    }
  }

  void take_command_line(const std::string& path, const std::string& text) {
    CommandLine line = parse_command_line(text);
    if (!line.says_where() && !line.no_resume) return;
    add_setting({place_of_inner(path), 0, "", std::nullopt, std::string(trimmed(text))}, std::move(line), "");
  }

  void take_module_options(const std::string& path, const std::string& text) {
    for (const TextLine& line : lines_of(text)) {
      if (trimmed(line.text).starts_with("options "))
        facts_.module_options.push_back(
            {place_of_inner(path), line.offset, "", std::nullopt, std::string(trimmed(line.text))});
    }
  }

  // mkinitcpio writes which hooks run, early ones first, into /config.
  void take_hooks() {
    if (facts_.generator != Generator::Mkinitcpio || !kept_.contains("config")) return;
    const auto assignments = assignments_of(kept_["config"]);
    for (const char* key : {"EARLYHOOKS", "HOOKS", "LATEHOOKS"}) {
      const auto words = words_of(value_of(assignments, key));
      facts_.hooks.insert(facts_.hooks.end(), words.begin(), words.end());
    }
  }

  Initramfs& facts_;
  std::map<std::string, std::string> kept_;
};

Result<void> survey(const File& file, Initramfs& facts) {
  Survey survey(facts);
  CpioStream stream(is_kept, [&](CpioEntry&& entry) { survey.take(std::move(entry)); });
  TRY(auto unpacking, unpack_initramfs(file, stream));
  survey.finish();
  facts.entries = stream.entries();
  facts.unpacked_bytes = unpacking.unpacked_bytes;
  facts.broken = std::move(unpacking.broken);
  facts.wrappings.insert(facts.wrappings.end(), unpacking.wrappings.begin(), unpacking.wrappings.end());
  return {};
}

unsigned release_number(const std::string& release) {
  Machine machine;
  machine.release = release;
  return machine.release_number();
}

}  // namespace

Result<Initramfs> read_initramfs(const std::string& path, const std::string& shown) {
  TRY(const auto file, File::open(path));
  Initramfs facts;
  facts.path = shown.empty() ? path : shown;
  if (!is_unified_image(*file)) {
    TRY_OK(survey(*file, facts));
    return facts;
  }
  TRY(const UnifiedImage image, read_unified_image(*file));
  if (!image.initrd)
    return fail(make_error(ErrorKind::NotRecognised, "unified kernel image", "no section .initrd",
                           "one with an initramfs")
                    .of(path));
  facts.wrappings.emplace_back("UKI");
  facts.kernel_release = trimmed(image.release);
  facts.command_line = trimmed(image.command_line);
  TRY_OK(survey(*image.initrd, facts));
  CommandLine line = parse_command_line(facts.command_line);
  if (line.says_where() || line.no_resume)
    facts.settings.push_back({Origin::BootEntry,
                              {facts.path + ": .cmdline", 0, "", std::nullopt, facts.command_line},
                              std::move(line),
                              std::nullopt,
                              true,
                              ""});
  if (!facts.os.is_known && !image.os_release.empty()) facts.os = parse_os_release(image.os_release);
  return facts;
}

Resumes resumes(const Initramfs& initramfs) {
  const bool has_systemd_parts = initramfs.has_resume_generator || initramfs.has_resume_unit;
  if (initramfs.has_systemd) {
    if (initramfs.has_resume_generator && initramfs.has_resume_unit && initramfs.has_resume_program)
      return Resumes::Yes;
    if (!initramfs.is_whole()) return Resumes::Unknown;
    if (!has_systemd_parts && initramfs.has_busybox_resume) return Resumes::Yes;  // dracut's own script
    return has_systemd_parts || initramfs.has_resume_program ? Resumes::Incomplete : Resumes::No;
  }
  // mkinitcpio's busybox hook runs systemd's program where it is there.
  if (initramfs.has_busybox_resume) return Resumes::Yes;
  // Booster and NixOS resume by their own init, which cannot be looked into.
  if (!initramfs.is_whole() || initramfs.generator == Generator::Booster ||
      initramfs.generator == Generator::NixOs || initramfs.generator == Generator::Unknown)
    return Resumes::Unknown;
  return Resumes::No;
}

bool reads_hibernate_location(const Initramfs& initramfs) {
  const bool is_hook = initramfs.generator == Generator::Mkinitcpio && initramfs.has_busybox_resume;
  return initramfs.has_resume_generator || (is_hook && initramfs.has_resume_program);
}

std::vector<std::string> hooks_behind_resume(const Initramfs& initramfs) {
  const auto& hooks = initramfs.hooks;
  std::vector<std::string> behind;
  const auto resume = std::find(hooks.begin(), hooks.end(), "resume");
  std::copy_if(resume, hooks.end(), std::back_inserter(behind), [](const std::string& hook) {
    return std::find(kDeviceHooks.begin(), kDeviceHooks.end(), hook) != kDeviceHooks.end();
  });
  return behind;
}

Availability codec_in(const Initramfs& initramfs, const std::string& codec,
                      const std::optional<std::string>& builtin_list) {
  const std::string release = !initramfs.kernel_release.empty() ? initramfs.kernel_release
                              : initramfs.kernels.size() == 1   ? initramfs.kernels.front()
                                                                : "";
  const unsigned number = release_number(release);
  if (codec == "none") return Availability::BuiltIn;
  if (codec == "lzo" && number != 0 && number < kFirstCryptoLzo) return Availability::BuiltIn;
  if (codec == "lz4" && number != 0 && number < kFirstCryptoLzo) return Availability::Missing;
  std::string module = codec;
  std::replace(module.begin(), module.end(), '-', '_');
  if (initramfs.modules.contains(module)) return Availability::Module;
  const bool knows = initramfs.knows_built_in || builtin_list;
  const bool is_built_in =
      initramfs.built_in.contains(module) || (builtin_list && built_in_names(*builtin_list).contains(module));
  if (is_built_in) return Availability::BuiltIn;
  return knows && initramfs.is_whole() ? Availability::Missing : Availability::Unknown;
}

std::vector<std::string> early_graphics_drivers(const Initramfs& initramfs) {
  std::vector<std::string> drivers;
  for (const char* driver : kGraphics) {
    if (initramfs.modules.contains(driver)) drivers.emplace_back(driver);
  }
  return drivers;
}

std::optional<std::string> module_option(const std::vector<Evidence>& lines, const std::string& module,
                                         const std::string& option) {
  std::optional<std::string> value;
  for (const Evidence& line : lines) {
    const auto words = words_of(line.text);
    if (words.size() < 3 || words[0] != "options" || words[1] != module) continue;
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (words[i].starts_with(option + "=")) value = words[i].substr(option.size() + 1);
    }
  }
  return value;
}

}  // namespace hib::diagnose::boot
