// Columns that line up, with a tree in one of them: libsmartcols, which lsblk uses. On a terminal that is too
// narrow cells are cut, and "…" says so; no column goes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lib/report/style.h"

namespace hib::report {

class TextTable {
 public:
  struct Column {
    const char* title;
    bool is_tree = false;
    bool is_number = false;    // to the right, and never cut
    bool may_be_cut = false;   // before the others are
    bool is_in_lines = false;  // the last one of a table without a tree: broken between words, not cut
  };

  TextTable(const Style& style, std::vector<Column> columns);

  static constexpr std::size_t kNoLine = static_cast<std::size_t>(-1);
  // `parent` is a line that add() returned. Cells are shown as they are: printable text only.
  std::size_t add(std::vector<std::string> cells, std::size_t parent = kNoLine);

  std::string text() const;

 private:
  struct Line {
    std::vector<std::string> cells;
    std::size_t parent = kNoLine;
    std::size_t depth = 0;
  };
  using Widths = std::vector<std::size_t>;

  Widths natural_widths() const;
  Widths fitting_widths() const;
  std::size_t least_width(std::size_t column, std::size_t of_cell) const;
  std::vector<Line> shown_lines() const;

  std::vector<Column> columns_;
  std::vector<Line> lines_;
  bool is_drawn_;  // with the characters that lines are drawn with
  bool has_utf8_;
  std::size_t columns_here_;  // of the terminal; 0: there is none
};

}  // namespace hib::report
