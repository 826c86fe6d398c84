#include "lib/jump/check/facts.h"

#include <algorithm>
#include <charconv>

#include "lib/diagnose/boot/config_text.h"

namespace hib::jump {
namespace {

namespace boot = diagnose::boot;

constexpr std::size_t kMaxProcessorBytes = 32U << 20;  // /proc/cpuinfo of some thousand processors
constexpr unsigned kMaxNumber = 1U << 16;              // of a processor

std::optional<unsigned> number_of(std::string_view text) {
  unsigned value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

void take(ProcessorFacts& facts, std::string_view key, std::string_view value, bool is_first) {
  if (key == "apicid")
    facts.largest_apic_id = std::max<std::uint64_t>(facts.largest_apic_id, number_of(value).value_or(0));
  if (!is_first) return;
  if (key == "vendor_id") facts.vendor = value;
  if (key == "cpu family") facts.family = value;
  if (key == "model") facts.model = value;
  if (key == "model name") facts.name = value;
  if (key == "microcode") facts.microcode = value;
  if (key != "flags") return;
  const auto words = boot::words_of(value);
  facts.flags.insert(words.begin(), words.end());
}

}  // namespace

ProcessorFacts parse_cpuinfo(std::string_view text) {
  ProcessorFacts facts;
  std::size_t processors = 0;
  for (const boot::TextLine& line : boot::lines_of(text)) {
    const std::size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = boot::trimmed(line.text.substr(0, colon));
    if (key == "processor") ++processors;
    take(facts, key, boot::trimmed(line.text.substr(colon + 1)), processors <= 1);
  }
  return facts;
}

std::optional<std::set<unsigned>> parse_number_list(std::string_view text) {
  std::set<unsigned> numbers;
  text = boot::trimmed(text);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, end);
    const std::size_t dash = std::min(item.find('-'), item.size());
    const auto first = number_of(item.substr(0, dash));
    const auto last = dash == item.size() ? first : number_of(item.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= kMaxNumber) return std::nullopt;
    for (unsigned number = *first; number <= *last; ++number) numbers.insert(number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return numbers;
}

Facts::Facts(const device::Tree& machine, const std::optional<Result<DeviceInfo>>& answer,
             std::vector<boot::Unread>& not_read)
    : tree(machine), reader(machine, not_read), module(answer), kernel(boot::read_kernel_state(reader)) {
  processor = parse_cpuinfo(tree.read("/proc/cpuinfo", kMaxProcessorBytes).text);
  memory = parse_iomem(reader.text("/proc/iomem").value_or(""));
  sees_addresses =
      std::any_of(memory.begin(), memory.end(), [](const IomemLine& line) { return line.last != 0; });
  if (const auto line = reader.text("/proc/cmdline")) {
    parameters = boot::parameters_of(*line);
    settings = boot::parse_command_line(*line);
  }
}

bool Facts::has_parameter(std::string_view parameter) const {
  return parameters && std::find(parameters->begin(), parameters->end(), parameter) != parameters->end();
}

std::string Facts::driver_of(const std::string& device) const {
  const std::string driver = tree.link(device + "/driver").value_or("");
  return driver.substr(driver.rfind('/') + 1);
}

}  // namespace hib::jump
