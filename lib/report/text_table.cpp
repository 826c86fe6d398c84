#include "lib/report/text_table.h"

#include <libsmartcols.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>

#include "lib/os/terminal.h"
#include "lib/report/layout.h"

namespace hib::report {
namespace {

constexpr std::size_t kBranchColumns = 2;  // of a tree, for each level
constexpr std::size_t kLeastColumns = 8;   // to which a cell is cut, where names have room then
constexpr std::size_t kVeryLeastColumns = 4;
constexpr std::size_t kLeastName = 6;   // of the deepest cell of a tree
constexpr std::size_t kLeastText = 30;  // of text in lines

struct FreeTable {
  void operator()(libscols_table* table) const { scols_unref_table(table); }
};
struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

TextTable::TextTable(const Style& style, std::vector<Column> columns)
    : columns_(std::move(columns)),
      is_drawn_(style.is_terminal() && speaks_utf8()),
      has_utf8_(speaks_utf8()),
      columns_here_(style.is_terminal() ? style.columns() : 0) {}

std::size_t TextTable::add(std::vector<std::string> cells, std::size_t parent) {
  if (!has_utf8_) {
    for (std::string& cell : cells) cell = in_ascii(cell);
  }
  lines_.push_back({std::move(cells), parent, parent == kNoLine ? 0 : lines_[parent].depth + 1});
  return lines_.size() - 1;
}

TextTable::Widths TextTable::natural_widths() const {
  Widths widths;
  for (const Column& column : columns_) widths.push_back(width_of(column.title));
  for (const Line& line : lines_) {
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      const std::size_t branch = columns_[i].is_tree ? line.depth * kBranchColumns : 0;
      widths[i] = std::max(widths[i], branch + width_of(line.cells[i]));
    }
  }
  return widths;
}

std::size_t TextTable::least_width(std::size_t column, std::size_t of_cell) const {
  if (columns_[column].is_in_lines) return kLeastText;
  if (!columns_[column].is_tree) return of_cell;
  std::size_t depth = 0;
  for (const Line& line : lines_) depth = std::max(depth, line.depth);
  return depth * kBranchColumns + kLeastName;
}

// The widest column is narrowed first. Names are the last to be cut: without them nothing else is of use.
TextTable::Widths TextTable::fitting_widths() const {
  Widths widths = natural_widths();
  const auto total = [&] { return std::accumulate(widths.begin(), widths.end(), widths.size() - 1); };
  const auto narrow = [&](std::size_t of_cell, auto may_be_narrowed) {
    while (total() > columns_here_) {
      std::size_t widest = columns_.size();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (!may_be_narrowed(columns_[i]) || widths[i] <= least_width(i, of_cell)) continue;
        if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
      }
      if (widest == columns_.size()) return;
      --widths[widest];
    }
  };
  if (columns_here_ == 0) return widths;
  narrow(kLeastColumns, [](const Column& column) { return column.is_in_lines; });
  // One long name, as of a mount point, leaves the others room.
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t most = std::max(least_width(i, kLeastColumns), columns_here_ * 2 / 5);
    while (columns_[i].is_tree && widths[i] > most && total() > columns_here_) --widths[i];
  }
  narrow(kLeastColumns, [](const Column& column) { return column.may_be_cut; });
  const auto is_cut = [](const Column& column) {
    return !column.is_number && !column.is_tree && !column.is_in_lines;
  };
  narrow(kLeastColumns, is_cut);
  narrow(kVeryLeastColumns, [](const Column& column) { return column.may_be_cut; });
  narrow(kVeryLeastColumns, is_cut);
  narrow(kVeryLeastColumns, [](const Column& column) { return column.is_tree; });
  return widths;
}

// Cells that have room, those that are broken in lines below each other.
std::vector<TextTable::Line> TextTable::shown_lines() const {
  const Widths widths = fitting_widths();
  std::vector<Line> shown;
  for (Line line : lines_) {
    std::vector<std::string> below;
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      const std::size_t branch = columns_[i].is_tree ? line.depth * kBranchColumns : 0;
      if (!columns_[i].is_in_lines) {
        line.cells[i] = cut_to(line.cells[i], widths[i] - std::min(branch, widths[i]));
        continue;
      }
      below = lines_of_words(line.cells[i], widths[i]);
      line.cells[i] = below[0];
    }
    shown.push_back(line);
    for (std::size_t i = 1; i < below.size(); ++i) {
      shown.push_back({std::vector<std::string>(line.cells.size()), kNoLine, 0});
      shown.back().cells.back() = below[i];
    }
  }
  return shown;
}

std::string TextTable::text() const {
  const TextLocale locale;  // without one that has UTF-8, libsmartcols counts bytes
  const std::unique_ptr<libscols_table, FreeTable> table(scols_new_table());
  if (!table) throw std::bad_alloc();
  scols_table_enable_ascii(table.get(), is_drawn_ ? 0 : 1);
  scols_table_enable_noencoding(table.get(), 1);  // cells are safe to print
  // It would leave out columns that have no room.
  scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER);
  for (const Column& column : columns_) {
    const int flags = (column.is_tree ? SCOLS_FL_TREE : 0) | (column.is_number ? SCOLS_FL_RIGHT : 0);
    if (scols_table_new_column(table.get(), column.title, 0, flags) == nullptr) throw std::bad_alloc();
  }
  std::vector<libscols_line*> made;
  for (const Line& line : shown_lines()) {
    libscols_line* parent = line.parent == kNoLine ? nullptr : made[line.parent];
    made.push_back(scols_table_new_line(table.get(), parent));
    if (made.back() == nullptr) throw std::bad_alloc();
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      if (!line.cells[i].empty() && scols_line_set_data(made.back(), i, line.cells[i].c_str()) != 0)
        throw std::bad_alloc();
    }
  }
  char* raw = nullptr;
  const int result = scols_print_table_to_string(table.get(), &raw);
  const std::unique_ptr<char, FreeText> text(raw);
  if (result != 0) throw std::bad_alloc();
  return text ? std::string(text.get()) + "\n" : "";  // the last line has no end
}

}  // namespace hib::report
