// What can be proven of a .hib image without decoding pages, and its stored page hashes.

#include <algorithm>

#include <fmt/format.h>

#include "format/hib/chunk_walk.h"
#include "format/hib/reader.h"
#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::hib_image {
namespace {

// Pages and their hashes, in PFN order, from the index alone.
class IndexHashes final : public PageHashSource {
 public:
  IndexHashes(const Reader& reader, Reader::Space space) : reader_(reader), chunks_(reader, space) {
    if (reader.base() != nullptr) base_ = std::make_unique<IndexHashes>(*reader.base(), space);
  }

  Result<std::optional<Run>> next() override {
    while (position_ == runs_.size()) {
      TRY(const bool more, next_chunk());
      if (!more) return std::optional<Run>();
    }
    return describe(runs_[position_++]);
  }

  // The hash of a page of Data state; the PFNs asked for ascend.
  Result<std::uint64_t> hash_at(Pfn pfn) {
    while (!current_ || current_->run.end() <= pfn) {
      TRY(current_, next());
      if (!current_) break;
    }
    if (!current_ || pfn < current_->run.first || current_->run.state != PageState::Data) {
      return fail(make_error(ErrorKind::Corrupt, fmt::format("page {:#x}", pfn), "not stored in the base",
                             "a stored page")
                      .of(reader_.info().path));
    }
    return current_->hashes[pfn - current_->run.first];
  }

 private:
  Result<bool> next_chunk() {
    TRY(const ChunkEntry* chunk, chunks_.next());
    if (chunk == nullptr) return false;
    TRY(runs_, reader_.map_runs(chunks_.loaded()->index, *chunk));
    position_ = 0;
    return true;
  }

  Result<std::optional<Run>> describe(const MapRun& run) {
    Run out{{run.first, run.count, PageState::Data, run.fill}, nullptr};
    switch (run.kind) {
      case MapKind::Absent: out.run.state = PageState::Absent; return std::optional<Run>(out);
      case MapKind::Zero:
      case MapKind::Fill: out.run.state = PageState::Fill; return std::optional<Run>(out);
      case MapKind::Unreadable: out.run.state = PageState::Unreadable; return std::optional<Run>(out);
      case MapKind::Stored:
        out.hashes =
            chunks_.loaded()->index.page_hashes.data() + (run.slot - chunks_.loaded()->index.first_slot);
        return std::optional<Run>(out);
      case MapKind::Hole: return next();
      case MapKind::Equal:
      case MapKind::Base: break;
    }
    gathered_.clear();
    for (std::uint64_t i = 0; i < run.count; ++i) {
      TRY(const std::uint64_t hash,
          run.kind == MapKind::Base ? base_->hash_at(run.first + i) : reader_.slot_hash(run.slot + i));
      gathered_.push_back(hash);
    }
    out.hashes = gathered_.data();
    return std::optional<Run>(out);
  }

  const Reader& reader_;
  std::unique_ptr<IndexHashes> base_;
  ChunkWalk chunks_;
  std::vector<MapRun> runs_;
  std::size_t position_ = 0;
  std::vector<std::uint64_t> gathered_;
  std::optional<Run> current_;
};

Layer layer(std::string name, std::size_t damage_count, std::string good) {
  if (damage_count == 0) return {std::move(name), LayerResult::Ok, std::move(good)};
  return {std::move(name), LayerResult::Bad, counted(damage_count, "broken place")};
}

}  // namespace

Result<std::uint64_t> Reader::slot_hash(std::uint64_t slot) const {
  TRY(const ChunkPlace place, chunk_with_slot(slot));
  const Index& index = place.first->index;
  return index.page_hashes[slot - index.first_slot];
}

// Only an index that is whole has all hashes; a salvaged one has none.
Result<std::unique_ptr<PageHashSource>> Reader::hashes_of(Space space) const {
  if (!has_root_ || (header_.has_base() && base_ == nullptr)) return std::unique_ptr<PageHashSource>();
  for (std::size_t i = 0; i < index_count(); ++i) {
    TRY(const auto loaded, index(i));
    if (!loaded->damage.empty()) return std::unique_ptr<PageHashSource>();
  }
  return std::unique_ptr<PageHashSource>(new IndexHashes(*this, space));
}

StructureCheck Reader::check_structure() const {
  StructureCheck check;
  check.pages_have_checksums = true;
  check.damage = info_.damage;
  check.layers.push_back({"file header", LayerResult::Ok, info_.variant});
  check.layers.push_back(
      has_root_ ? Layer{"commit and root", LayerResult::Ok, "root hash " + to_hex(commit_.root_hash)}
                : Layer{"commit and root", LayerResult::Bad, "none that is whole"});
  if (trailing_bytes_ > 0) {
    check.layers.push_back({"end of the file", LayerResult::Bad,
                            counted(trailing_bytes_, "byte") + " of something else behind the image"});
  }
  const std::size_t elsewhere = trailing_bytes_ > 0 ? 1 : 0;
  check.layers.push_back(
      layer("records and breadcrumbs", has_root_ ? info_.damage.size() - elsewhere : 0,
            counted(records_.size(), "record") + ", " + counted(breadcrumbs_.size(), "breadcrumb")));
  if (!has_root_) {
    check.layers.push_back({"index", LayerResult::NotChecked, "found by walking the blocks"});
    check.layers.push_back({"blocks", LayerResult::Bad, counted(info_.damage.size(), "broken place")});
    return check;
  }
  const std::size_t before = check.damage.size();
  const std::vector<ExpectedBlock> expected = expected_blocks(check.damage);
  check.layers.push_back(layer("index", check.damage.size() - before,
                               counted(index_count(), "block") + ", " + counted(root_.slots, "stored page")));
  const std::size_t before_blocks = check.damage.size();
  if (before_blocks == before) check_blocks(expected, check.damage);
  check.layers.push_back(
      layer("blocks", check.damage.size() - before_blocks,
            fmt::format("{} blocks cover the file without a gap", root_.blocks_before + 2)));
  return check;
}

Result<void> Reader::check_bytes(
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const {
  StructureCheck structure = check_structure();
  if (!structure.damage.empty()) return fail(std::move(structure.damage.front().error));
  std::vector<Damage> damage;
  std::vector<std::byte> buffer;
  for (const ExpectedBlock& want : expected_blocks(damage)) {
    if (cancelled()) return fail(cancelled_error());
    TRY(const auto payload, file_->read_at(want.offset + sizeof(BlockHeader),
                                           round_up(want.payload_bytes, kBlockAlignment), buffer));
    const Hash128 hash = hash128(payload);
    if (!matches(hash, want.payload_hash)) {
      return fail(file_->error(ErrorKind::Corrupt, want.offset,
                               fmt::format("{} block: payload hash", name_of(want.type)), to_hex(hash),
                               to_hex(want.payload_hash)));
    }
    progress(want.offset, commit_.file_bytes);
  }
  return base_ ? base_->check_bytes(progress) : Result<void>();
}

std::vector<Reader::ExpectedBlock> Reader::expected_blocks(std::vector<Damage>& damage) const {
  std::vector<ExpectedBlock> blocks;
  for (const RecordRef& ref : root_.records)
    blocks.push_back({ref.offset, ref.payload_bytes, BlockType::Record, ref.payload_hash});
  for (std::size_t i = 0; i < index_count(); ++i) {
    const IndexRef& ref = root_.indexes[i];
    blocks.push_back({ref.offset, ref.payload_bytes, BlockType::Index, ref.payload_hash});
    const auto loaded = index(i);
    if (!loaded) {
      damage.push_back({loaded.error(), {}});
      continue;
    }
    damage.insert(damage.end(), (*loaded)->damage.begin(), (*loaded)->damage.end());
    for (const ChunkEntry& chunk : (*loaded)->index.chunks) {
      if (!chunk.is_lost)
        blocks.push_back({chunk.offset, chunk.payload_bytes, BlockType::Pages, chunk.payload_hash});
    }
  }
  blocks.push_back({commit_.root_offset, commit_.root_payload_bytes, BlockType::Root, commit_.root_hash});
  std::sort(blocks.begin(), blocks.end(),
            [](const ExpectedBlock& a, const ExpectedBlock& b) { return a.offset < b.offset; });
  return blocks;
}

// Walks all block headers: each where the index says, chained to the one before, and nothing between them.
void Reader::check_blocks(const std::vector<ExpectedBlock>& expected, std::vector<Damage>& damage) const {
  std::uint64_t position = header_.first_block;
  std::uint64_t previous = header_.hash.low;
  std::uint64_t sequence = 0;
  const auto report = [&](std::uint64_t offset, std::string where, std::string found, std::string allowed) {
    damage.push_back(
        {file_->error(ErrorKind::Corrupt, offset, std::move(where), std::move(found), std::move(allowed)),
         {}});
  };
  const auto step = [&](const ExpectedBlock& want) -> bool {
    const auto block = read_block_header(*file_, want.offset);
    if (!block) {
      damage.push_back({block.error(), {}});
      position = want.offset + sizeof(BlockHeader) + round_up(want.payload_bytes, kBlockAlignment);
      previous = 0;
      ++sequence;
      return false;
    }
    const std::string where = fmt::format("{} block {}", name_of(block->type), sequence);
    if (want.offset != position)
      report(want.offset, where, fmt::format("at {:#x}", want.offset),
             fmt::format("{:#x}, where the block before ends", position));
    if (block->type != want.type || block->payload_hash != want.payload_hash ||
        block->payload_bytes != want.payload_bytes) {
      report(want.offset, where, "another block", "the one that the index names");
    }
    if (block->sequence != sequence)
      report(want.offset, where + ": sequence", std::to_string(block->sequence), std::to_string(sequence));
    if (previous != 0 && block->previous != previous)
      report(want.offset, where + ": previous", hex(block->previous), hex(previous));
    position = block->end();
    previous = block->header_hash;
    ++sequence;
    return true;
  };
  for (const ExpectedBlock& want : expected) {
    if (cancelled()) return;
    step(want);
  }
  const std::uint64_t commit_offset = commit_.file_bytes - kCommitBytes;
  const auto commit = read_block_header(*file_, commit_offset);
  if (commit) step({commit_offset, commit->payload_bytes, BlockType::Commit, commit->payload_hash});
  if (!commit) damage.push_back({commit.error(), {}});
  if (position != commit_.file_bytes)
    report(position, "COMMIT: file_bytes", std::to_string(commit_.file_bytes), std::to_string(position));
}

}  // namespace hib::hib_image
