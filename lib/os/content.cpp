#include "lib/os/content.h"

#include <algorithm>

#include "lib/os/blkid_probe.h"

namespace hib {
namespace {

constexpr int kMaxFacts = 128;

}  // namespace

std::map<std::string, std::string> content_facts(const File& file) {
  std::map<std::string, std::string> facts;
  const BlkidProbe probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), file.descriptor(), 0, 0) != 0) return facts;
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_UUID |
                                                     BLKID_SUBLKS_LABEL | BLKID_SUBLKS_VERSION);
  blkid_probe_enable_partitions(probe.get(), 1);
  blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_ENTRY_DETAILS);
  if (blkid_do_safeprobe(probe.get()) == -2) facts["AMBIVALENT"] = "1";
  const int count = std::min(blkid_probe_numof_values(probe.get()), kMaxFacts);
  for (int i = 0; i < count; ++i) {
    const char* name = nullptr;
    const char* data = nullptr;
    std::size_t size = 0;
    if (blkid_probe_get_value(probe.get(), i, &name, &data, &size) != 0 || name == nullptr || data == nullptr)
      continue;
    std::string text(data, size);
    text.resize(std::min(text.find('\0'), text.size()));
    facts[name] = std::move(text);
  }
  return facts;
}

}  // namespace hib
