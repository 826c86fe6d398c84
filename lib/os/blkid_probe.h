// A probe of libblkid, which is freed with its owner.
#pragma once

#include <blkid/blkid.h>

#include <memory>
#include <type_traits>

namespace hib {

struct FreeBlkidProbe {
  void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using BlkidProbe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeBlkidProbe>;

}  // namespace hib
