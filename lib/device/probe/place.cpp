#include "lib/device/probe/place.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "lib/os/tree_walk.h"

namespace hib::device {
namespace {

// Does `text` look like `form`, in which d stands for decimal digits and x for hexadecimal ones, one or more
// of them?
bool has_form(std::string_view text, std::string_view form) {
  std::size_t at = 0;
  for (const char want : form) {
    if (want != 'd' && want != 'x') {
      if (at == text.size() || text[at++] != want) return false;
      continue;
    }
    const std::size_t begin = at;
    const auto fits = [&](char c) {
      return want == 'd' ? std::isdigit(static_cast<unsigned char>(c)) != 0
                         : std::isxdigit(static_cast<unsigned char>(c)) != 0;
    };
    while (at < text.size() && fits(text[at])) ++at;
    if (at == begin) return false;
  }
  return at == text.size();
}

std::string_view without_digits(std::string_view text) {
  const std::size_t end = text.find_last_not_of("0123456789");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

// Its rank, from 1 and by number, among the names in the folder that differ from it only in their number.
std::size_t order_of(const Tree& tree, const std::string& folder, const std::string& name) {
  const std::string_view prefix = without_digits(name);
  const auto number = [&](const std::string& text) { return std::string_view(text).substr(prefix.size()); };
  const auto is_less = [&](std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  };
  std::size_t order = 1;
  for (const std::string& other : tree.list("/sys/" + folder)) {
    if (without_digits(other) == prefix && other.size() > prefix.size() &&
        is_less(number(other), number(name)))
      ++order;
  }
  return order;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "rport-2:0-1", "port-0:3", "end_device-0:3": the host's number comes before the colon.
bool has_transport_form(const std::string& name) {
  static constexpr std::string_view kPrefixes[] = {"rport-", "port-", "expander-", "end_device-"};
  const bool is_one = std::any_of(std::begin(kPrefixes), std::end(kPrefixes), [&](std::string_view prefix) {
    return name.compare(0, prefix.size(), prefix) == 0;
  });
  return is_one && name.find(':') != std::string::npos;
}

class Speller {
 public:
  explicit Speller(const Tree& tree) : tree_(tree) {}

  // One component; "" when it says nothing of the place.
  std::string spell(const std::string& folder, const std::string& name) {
    if (has_form(name, "pcix:x")) return name;
    if (has_form(name, "x:x:x.x")) return name.substr(name.rfind(':') + 1);
    if (has_form(name, "atad")) return "ata" + ata_port(folder, name);
    if (has_form(name, "hostd")) return host(folder, name);
    if (has_form(name, "d:d:d:d")) return name.substr(name.find(':') + 1);
    if (has_form(name, "targetd:d:d") ||
        is_one_of(name, {"block", "net", "nvme", "mmc_host", "scsi_host", "devices"}))
      return "";
    if (without_digits(name) == "domain" && name.size() > 6) {
      in_thunderbolt_ = true;
      return fmt::format("domain{}", order_of(tree_, folder, name));
    }
    if (in_thunderbolt_ && has_form(name, "d-x")) return name.substr(name.find('-') + 1);
    if (has_form(name, "fwd")) return "firewire";  // nodes are numbered anew at each reset of the bus
    if (has_form(name, "fwd.d")) return "unit" + name.substr(name.find('.') + 1);
    if (has_transport_form(name)) return name.substr(0, name.find('-')) + name.substr(name.find(':') + 1);
    if (has_form(name, "usbd") || has_form(name, "mmcd") || has_form(name, "nvmed") ||
        has_form(name, "virtiod")) {
      in_usb_ = in_usb_ || name.rfind("usb", 0) == 0;
      return numbered(folder, name);
    }
    if (in_usb_) return usb(name);
    if (has_form(name, "mmcd:x")) return "";  // the address that the host gave to the card
    return name;
  }

 private:
  // The names of virtio and NVMe devices are an order of discovery, and a PCI function has one of them.
  std::string numbered(const std::string& folder, const std::string& name) const {
    const std::string kind(without_digits(name));
    const std::size_t order = order_of(tree_, folder, name);
    const bool is_only_one = kind == "virtio" || kind == "nvme";
    return is_only_one && order == 1 ? kind : fmt::format("{}{}", kind, order);
  }

  std::string ata_port(const std::string& folder, const std::string& name) const {
    const Reading port = tree_.read_line("/sys/" + folder + "/" + name + "/ata_port/" + name + "/port_no");
    return port.is_present() && !port.text.empty() ? port.text
                                                   : std::to_string(order_of(tree_, folder, name));
  }

  // A controller has one host as a rule; libata makes one below each port.
  std::string host(const std::string& folder, const std::string& name) const {
    const std::size_t order = order_of(tree_, folder, name);
    return order == 1 ? "" : fmt::format("host{}", order);
  }

  // "2-1.3" -> "3"; "2-1.3:1.0", an interface, -> "if1.0".
  static std::string usb(const std::string& name) {
    if (const std::size_t interface = name.find(':'); interface != std::string::npos)
      return "if" + name.substr(interface + 1);
    const std::size_t dash = name.find('-');
    if (dash == std::string::npos) return name;
    return name.substr(std::max(dash, name.rfind('.') == std::string::npos ? 0 : name.rfind('.')) + 1);
  }

  const Tree& tree_;
  bool in_usb_ = false;
  bool in_thunderbolt_ = false;
};

}  // namespace

std::string place_of(const Tree& tree, const std::string& path) {
  Speller speller(tree);
  std::string place;
  std::string folder;
  for (const std::string& name : path_components(path)) {
    const std::string word = speller.spell(folder, name);
    if (!word.empty()) place += (place.empty() ? "" : "/") + word;
    folder += (folder.empty() ? "" : "/") + name;
  }
  return place;
}

}  // namespace hib::device
