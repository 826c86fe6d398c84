#include "lib/report/html/page_strip.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/parts.h"

namespace hib::report {
namespace {

constexpr double kRowLabel = 112;
constexpr double kRowHeight = 20;
constexpr double kGapHeight = 16;
constexpr double kBarHeight = 14;
constexpr double kCellWidth = (kWidth - kRowLabel) / static_cast<double>(StripRows::kRowCells);
constexpr double kLeastHeight = 0.7;       // of what is in a cell at all
constexpr double kLeastAlarmHeight = 3.5;  // the same, of what must not be missed

// Where a kind lies in its cell, from the top of the bar. Whole tenths: neighbours that look alike are one.
struct Piece {
  int top = 0;
  int height = 0;

  friend bool operator==(const Piece&, const Piece&) = default;
};

class StripPicture {
 public:
  StripPicture(Html& html, StripRows strip, std::uint32_t page_size, const std::vector<StripColour>& kinds)
      : html_(html), strip_(std::move(strip)), page_size_(page_size), kinds_(kinds) {}

  void draw() {
    const Element scroll(html_, "div", {{"class", "scroll"}});
    const Element svg(html_, "svg",
                      {{"class", "strip"},
                       {"viewBox", fmt::format("0 0 {} {}", px(kWidth), px(height()))},
                       {"role", "img"},
                       {"aria-label", "the pages of the memory, lowest first"}});
    double y = 6;
    Pfn end = 0;
    for (const StripRow& row : strip_.rows) {
      if (row.first != end) y = draw_gap(row.first - end, y);
      draw_row(row, y);
      y += kRowHeight;
      end = row.first + row.pages;
    }
  }

 private:
  double height() const {
    double height = 6;
    Pfn end = 0;
    for (const StripRow& row : strip_.rows) {
      height += kRowHeight + (row.first == end ? 0 : kGapHeight);
      end = row.first + row.pages;
    }
    return height;
  }

  double draw_gap(std::uint64_t pages, double y) {
    html_.element("text", fmt::format("nothing in {}", human_bytes(pages * page_size_)),
                  {{"x", px(kRowLabel)}, {"y", px(y + 9)}});
    return y + kGapHeight;
  }

  void draw_row(const StripRow& row, double y) {
    html_.element("text", hex(row.first * page_size_),
                  {{"class", "address"}, {"x", px(kRowLabel - 8)}, {"y", px(y + 11)}});
    {
      const Element group(html_, "g");
      html_.element("title", title_of(row));
      html_.empty("rect", {{"class", "paint none"},
                           {"x", px(kRowLabel)},
                           {"y", px(y)},
                           {"width", px(kCellWidth * static_cast<double>(row.cells.size()))},
                           {"height", px(kBarHeight)}});
      for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
        const std::string path = path_of(row, kind, y);
        if (!path.empty())
          html_.empty("path", {{"class", fmt::format("paint {}", kinds_[kind].colour)}, {"d", path}});
      }
    }
    point_at_alarms(row, y);
  }

  // "PFN 0x40000 to 0x7ffff: 12,345 data, 67 zero"
  std::string title_of(const StripRow& row) const {
    std::string text;
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
      std::uint64_t pages = 0;
      for (const PageStrip::Cell& cell : row.cells) pages += cell[kind];
      if (pages > 0)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(pages), kinds_[kind].name);
    }
    return fmt::format("PFN {:#x} to {:#x}: {}", row.first, row.first + row.pages - 1, text);
  }

  // The outline of all that is of this kind, as SVG has it.
  std::string path_of(const StripRow& row, std::size_t kind, double y) const {
    std::string path;
    for (std::size_t i = 0; i < row.cells.size();) {
      const Piece piece = piece_of(row.cells[i], kind);
      std::size_t next = i + 1;
      while (next < row.cells.size() && piece_of(row.cells[next], kind) == piece) ++next;
      if (piece.height > 0)
        path += fmt::format("M{:.1f} {:.1f}H{:.1f}v{:.1f}H{:.1f}z", x_of(i), y + piece.top / 10.0, x_of(next),
                            piece.height / 10.0, x_of(i));
      i = next;
    }
    return path;
  }

  void point_at_alarms(const StripRow& row, double y) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
        if (!kinds_[kind].is_alarm || row.cells[i][kind] == 0 || ++marks_ > kMostMarks) continue;
        html_.empty("path", {{"class", "wedge"},
                             {"d", fmt::format("M{} {}l-3 -5h6z", px(x_of(i) + kCellWidth / 2), px(y))}});
      }
    }
  }

  static double x_of(std::size_t i) { return kRowLabel + kCellWidth * static_cast<double>(i); }

  double height_of(const PageStrip::Cell& cell, std::size_t kind) const {
    if (cell[kind] == 0) return 0;
    const double share = static_cast<double>(cell[kind]) / static_cast<double>(strip_.cell_pages);
    return std::max(share * kBarHeight, kinds_[kind].is_alarm ? kLeastAlarmHeight : kLeastHeight);
  }

  // The first kind lies at the bottom. Where the least heights need more than there is, the top one wins.
  Piece piece_of(const PageStrip::Cell& cell, std::size_t kind) const {
    double below = 0;
    for (std::size_t i = 0; i < kind; ++i) below += height_of(cell, i);
    const double height = height_of(cell, kind);
    below = std::min(below, kBarHeight - height);
    return {static_cast<int>((kBarHeight - below - height) * 10 + 0.5), static_cast<int>(height * 10 + 0.5)};
  }

  Html& html_;
  StripRows strip_;
  std::uint32_t page_size_;
  const std::vector<StripColour>& kinds_;
  std::size_t marks_ = 0;
};

}  // namespace

void draw_strip(Html& html, const PageStrip& strip, std::uint32_t page_size,
                const std::vector<StripColour>& kinds) {
  StripRows rows = rows_of(strip);
  if (rows.rows.empty()) return;
  const std::uint64_t cell_pages = rows.cell_pages;
  StripPicture(html, std::move(rows), page_size, kinds).draw();
  html.element(
      "p",
      fmt::format("A row is {}, and each of its {} cells {}. Of what is grey the image says nothing.",
                  human_bytes(StripRows::kRowCells * cell_pages * page_size), StripRows::kRowCells,
                  counted(cell_pages, "page")),
      {{"class", "small soft"}});
}

}  // namespace hib::report
