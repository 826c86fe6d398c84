#include "lib/report/html/device_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/report/devices.h"
#include "lib/report/html/parts.h"

namespace hib::report {
namespace {

constexpr std::size_t kDeepest = 9;  // that is shown deeper than the one above

void add_device_row(Html& html, const DeviceRow& device) {
  const Element row(html, "tr");
  html.element("td", device.name, {{"class", fmt::format("branch d{}", std::min(device.depth, kDeepest))}});
  html.element("td", device.kind, {{"class", "short"}});
  {
    const Element what(html, "td", {{"class", "what"}});
    html.text(device.what);
    if (!device.id.empty()) html.element("div", device.id, {{"class", "key"}});
  }
  html.element("td", device.size, {{"class", "number"}});
  html.element("td", device.state);
}

}  // namespace

void add_device_tree(Html& html, const device::DeviceSet& devices) {
  const std::vector<DeviceRow> rows = rows_of(devices);
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element table(html, "table");
    add_heads(html, {"name", "kind", "what, and what proves it", "#size", "state"});
    for (std::size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) add_device_row(html, rows[i]);
  }
  left_out(html, rows.size(), kMostRows);
}

}  // namespace hib::report
