#include "lib/diagnose/boot/boot_entries.h"

#include <fnmatch.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/diagnose/boot/config_text.h"
#include "lib/diagnose/boot/efi_variable.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxEntries = 1000;
constexpr std::array<const char*, 4> kEspFolders = {"/boot", "/efi", "/boot/efi", "/boot/esp"};

// ---- GRUB

// The words of a line of grub.cfg; quotes hold them together.
std::vector<std::string> grub_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool has_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      has_word = true;
    } else if (quote != '\'' && c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      has_word = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) {
      if (has_word) words.push_back(word);
      word.clear();
      has_word = false;
    } else {
      word += c;
      has_word = true;
    }
  }
  if (has_word) words.push_back(word);
  return words;
}

// Variables of the environment block: "NAME=VALUE" lines, filled up with '#'.
std::string grub_variable(const std::string& block, std::string_view name) {
  for (const TextLine& line : lines_of(block)) {
    if (line.text.starts_with(name) && line.text.size() > name.size() && line.text[name.size()] == '=')
      return std::string(trimmed(line.text.substr(name.size() + 1)));
  }
  return {};
}

std::string with_variable(std::string text, const std::string& name, const std::string& value) {
  for (const std::string& spelled : {"${" + name + "}", "$" + name}) {
    const std::size_t at = text.find(spelled);
    if (at != std::string::npos) text.replace(at, spelled.size(), value);
  }
  return text;
}

struct GrubMenu {
  std::string position;
  unsigned next = 0;
  bool is_entry = false;
  bool is_block = false;  // of "if", of a function: neither a menu nor an entry
};

class GrubConfig {
 public:
  GrubConfig(std::string path, std::string_view text, std::string environment)
      : path_(std::move(path)), environment_(std::move(environment)) {
    menus_.push_back({});
    for (const TextLine& line : lines_of(text)) take(line);
  }

  std::vector<BootEntry> entries;
  bool reads_loader_entries = false;  // "blscfg"

  // What "default" says: a position, an id or a title. Conditions choose between several assignments: what
  // was saved is meant where one of them takes it, and otherwise the last one that is no variable. (Fedora's
  // "set default=1" counts only after boots that failed.)
  std::string wanted() const {
    const std::string saved = uses_saved_ ? grub_variable(environment_, "saved_entry") : "";
    return saved.empty() ? wanted_ : saved;
  }

 private:
  void take(const TextLine& line) {
    const std::string_view text = trimmed(line.text);
    if (text.empty() || text.front() == '#') return;
    const std::vector<std::string> words = grub_words(text);
    if (words.empty()) return;
    const std::string& verb = words.front();
    if (verb == "menuentry" || verb == "submenu") {
      open_menu(words, verb == "menuentry");
    } else if (verb == "blscfg") {
      reads_loader_entries = true;
    } else if (verb == "set" && words.size() > 1 && words[1].starts_with("default=")) {
      take_default(words[1].substr(std::strlen("default=")));
    } else if (verb == "linux" || verb == "linuxefi" || verb == "linux16") {
      take_linux(line, words);
    } else if (verb == "initrd" || verb == "initrdefi" || verb == "initrd16") {
      if (in_entry()) entries.back().initrds.assign(words.begin() + 1, words.end());
    } else if (text == "}") {
      if (menus_.size() > 1) menus_.pop_back();
    } else if (text.ends_with("{")) {
      menus_.push_back({menus_.back().position, 0, false, true});
    }
  }

  void take_default(const std::string& value) {
    if (value.find("saved_entry") != std::string::npos) uses_saved_ = true;
    if (value.find('$') == std::string::npos) wanted_ = value;
  }

  bool in_entry() const { return menus_.back().is_entry && !entries.empty(); }

  void open_menu(const std::vector<std::string>& words, bool is_entry) {
    constexpr std::size_t kMaxDepth = 32;
    if (menus_.size() >= kMaxDepth || entries.size() >= kMaxEntries) return;
    GrubMenu& above = menus_.back();
    const std::string number = std::to_string(above.next++);
    const std::string position = above.position.empty() ? number : above.position + ">" + number;
    if (is_entry) {
      BootEntry entry;
      entry.title = words.size() > 1 ? words[1] : "";
      entry.position = position;
      for (std::size_t i = 2; i + 1 < words.size(); ++i) {
        if (words[i] == "--id" || words[i] == "$menuentry_id_option") entry.id = words[i + 1];
      }
      entries.push_back(std::move(entry));
    }
    menus_.push_back({position, 0, is_entry, false});
  }

  void take_linux(const TextLine& line, const std::vector<std::string>& words) {
    if (!in_entry() || words.size() < 2) return;
    BootEntry& entry = entries.back();
    entry.kernel = words[1];
    entry.release = release_in_name(entry.kernel);
    for (std::size_t i = 2; i < words.size(); ++i) entry.options += (i == 2 ? "" : " ") + words[i];
    entry.evidence = {path_, line.offset, "", std::nullopt, std::string(trimmed(line.text))};
  }

  std::string path_;
  std::string environment_;
  std::vector<GrubMenu> menus_;
  std::string wanted_;
  bool uses_saved_ = false;
};

std::optional<std::size_t> grub_default(const std::vector<BootEntry>& entries, std::string wanted) {
  if (wanted.empty()) wanted = "0";
  // "submenu-id>entry-id": the last part names the entry, unless all are numbers.
  const std::string last = wanted.substr(wanted.rfind('>') == std::string::npos ? 0 : wanted.rfind('>') + 1);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const BootEntry& entry = entries[i];
    if (!entry.position.empty() && entry.position == wanted) return i;
    if (entry.id == last || entry.title == last) return i;
  }
  const bool is_number = !wanted.empty() && wanted.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && wanted.size() < 6 && std::stoul(wanted) < entries.size() &&
      entries.front().position.empty())
    return std::stoul(wanted);
  return std::nullopt;
}

// ---- the Boot Loader Specification

BootEntry loader_entry(const std::string& path, const std::string& text) {
  BootEntry entry;
  const std::size_t slash = path.rfind('/');
  entry.id = path.substr(slash + 1, path.size() - slash - 1 - std::strlen(".conf"));
  for (const TextLine& line : lines_of(text)) {
    const std::vector<std::string> words = words_of(line.text);
    if (words.size() < 2 || words.front().front() == '#') continue;
    const std::string rest(trimmed(trimmed(line.text).substr(words.front().size())));
    if (words.front() == "title") entry.title = rest;
    if (words.front() == "version") entry.release = rest;
    if (words.front() == "linux") entry.kernel = rest;
    if (words.front() == "initrd") entry.initrds.push_back(rest);
    if (words.front() == "options") {
      entry.options += (entry.options.empty() ? "" : " ") + rest;
      entry.evidence = {path, line.offset, "", std::nullopt, std::string(trimmed(line.text))};
    }
  }
  if (entry.evidence.source.empty()) entry.evidence = {path, 0, "", std::nullopt, ""};
  if (entry.release.empty()) entry.release = release_in_name(entry.kernel);
  return entry;
}

std::vector<BootEntry> loader_entries(const TreeReader& reader, const std::string& folder) {
  std::vector<BootEntry> entries;
  for (const std::string& name : reader.names(folder)) {
    if (!name.ends_with(".conf") || entries.size() >= kMaxEntries) continue;
    if (const auto text = reader.text(folder + "/" + name))
      entries.push_back(loader_entry(folder + "/" + name, *text));
  }
  // Newest first, as loaders sort them.
  std::stable_sort(entries.begin(), entries.end(), [](const BootEntry& a, const BootEntry& b) {
    return ::strverscmp(a.release.c_str(), b.release.c_str()) > 0;
  });
  return entries;
}

std::optional<std::size_t> matching(const std::vector<BootEntry>& entries, std::string pattern) {
  if (pattern.ends_with(".conf")) pattern.resize(pattern.size() - std::strlen(".conf"));
  if (pattern.empty()) return std::nullopt;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (::fnmatch(pattern.c_str(), entries[i].id.c_str(), FNM_CASEFOLD) == 0) return i;
  }
  return std::nullopt;
}

// systemd-boot: the variable of "bootctl set-default" first, then loader.conf, then the newest.
std::optional<std::size_t> systemd_boot_default(const TreeReader& reader, const std::string& config,
                                                const std::vector<BootEntry>& entries) {
  if (entries.empty()) return std::nullopt;
  const auto variable = efi_variable(reader, "LoaderEntryDefault", kLoaderGuid);
  if (variable) {
    if (const auto found = matching(entries, text_of_utf16(variable->data))) return found;
  }
  if (const auto text = reader.text(config)) {
    for (const TextLine& line : lines_of(*text)) {
      const auto words = words_of(line.text);
      if (words.size() < 2 || words[0] != "default") continue;
      if (words[1] == "@saved") return std::nullopt;
      if (const auto found = matching(entries, words[1])) return found;
    }
  }
  return 0;
}

// ---- simpler loaders: one line of a file is a command line

struct PlainLoader {
  Loader loader;
  const char* path;
  const char* keyword;  // what the line begins with; "" for a file that is nothing else
};
constexpr std::array<PlainLoader, 8> kPlainLoaders = {{
    {Loader::Extlinux, "/boot/extlinux/extlinux.conf", "append"},
    {Loader::Limine, "/boot/limine.conf", "cmdline:"},
    {Loader::Limine, "/boot/limine/limine.conf", "cmdline:"},
    {Loader::Limine, "/boot/limine.cfg", "CMDLINE="},
    {Loader::Refind, "/boot/refind_linux.conf", "\""},
    {Loader::RaspberryPi, "/boot/firmware/cmdline.txt", ""},
    {Loader::RaspberryPi, "/boot/cmdline.txt", ""},
    {Loader::Refind, "/boot/EFI/refind/refind.conf", "options"},
}};

std::vector<BootEntry> plain_entries(const PlainLoader& loader, const std::string& text) {
  std::vector<BootEntry> entries;
  const std::string_view keyword = loader.keyword;
  for (const TextLine& line : lines_of(text)) {
    const std::string_view content = trimmed(line.text);
    if (content.empty() || content.front() == '#' || entries.size() >= kMaxEntries) continue;
    const bool is_mine = content.size() >= keyword.size() &&
                         ::strncasecmp(content.data(), keyword.data(), keyword.size()) == 0;
    if (!is_mine) continue;
    BootEntry entry;
    entry.options = trimmed(content.substr(keyword.size()));
    if (keyword == "\"") {  // "TITLE" "COMMAND LINE"
      const auto words = grub_words(content);
      entry.title = words.empty() ? "" : words[0];
      entry.options = words.size() > 1 ? words[1] : "";
    }
    entry.evidence = {loader.path, line.offset, "", std::nullopt, std::string(content)};
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool read_grub(const TreeReader& reader, BootEntries& found) {
  for (const std::string path : {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/grub/grub.cfg"}) {
    const auto text = reader.text(path);
    if (!text) continue;
    const std::string folder = path.substr(0, path.rfind('/'));
    const std::string environment = reader.text(folder + "/grubenv").value_or("");
    GrubConfig config(path, *text, environment);
    found.loader = Loader::Grub;
    found.config = path;
    found.entries = std::move(config.entries);
    if (config.reads_loader_entries) {
      auto more = loader_entries(reader, "/boot/loader/entries");
      found.entries.insert(found.entries.begin(), more.begin(), more.end());
    }
    for (BootEntry& entry : found.entries)
      entry.options = with_variable(entry.options, "kernelopts", grub_variable(environment, "kernelopts"));
    found.default_entry = grub_default(found.entries, config.wanted());
    return true;
  }
  return false;
}

bool read_systemd_boot(const TreeReader& reader, BootEntries& found) {
  for (const std::string folder : kEspFolders) {
    auto entries = loader_entries(reader, folder + "/loader/entries");
    if (entries.empty()) continue;
    found.loader = Loader::SystemdBoot;
    found.config = folder + "/loader/loader.conf";
    found.default_entry = systemd_boot_default(reader, found.config, entries);
    found.entries = std::move(entries);
    return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(Loader loader) {
  switch (loader) {
    case Loader::Grub: return "GRUB";
    case Loader::SystemdBoot: return "systemd-boot";
    case Loader::Extlinux: return "extlinux";
    case Loader::Refind: return "rEFInd";
    case Loader::Limine: return "Limine";
    case Loader::RaspberryPi: return "the Raspberry Pi's firmware";
  }
  return "";
}

std::string release_in_name(const std::string& kernel) {
  const std::string name = kernel.substr(kernel.rfind('/') == std::string::npos ? 0 : kernel.rfind('/') + 1);
  for (const std::string_view prefix : {"vmlinuz-", "vmlinux-", "bzImage-", "kernel-", "linux-", "Image-"}) {
    if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
    const char first = name[prefix.size()];
    if (first >= '0' && first <= '9') return name.substr(prefix.size());
  }
  return {};
}

BootEntries read_boot_entries(const TreeReader& reader) {
  BootEntries found;
  if (read_grub(reader, found) || read_systemd_boot(reader, found)) return found;
  for (const PlainLoader& loader : kPlainLoaders) {
    const auto text = reader.text(loader.path);
    if (!text) continue;
    found.loader = loader.loader;
    found.config = loader.path;
    found.entries = plain_entries(loader, *text);
    if (found.entries.size() == 1) found.default_entry = 0;
    return found;
  }
  return found;
}

}  // namespace hib::diagnose::boot
