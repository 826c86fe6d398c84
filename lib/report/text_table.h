// Columns that line up, with a tree in one of them: libsmartcols, which lsblk uses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/report/style.h"

struct libscols_table;
struct libscols_line;

namespace hib::report {

class TextTable {
 public:
  struct Column {
    const char* title;
    bool is_tree = false;
    bool is_number = false;   // to the right
    bool may_be_cut = false;  // when the terminal is too narrow
  };

  TextTable(const Style& style, const std::vector<Column>& columns);
  ~TextTable();
  TextTable(const TextTable&) = delete;
  TextTable& operator=(const TextTable&) = delete;

  // `parent` is a line that add() returned, or null. Cells are shown as they are: printable text only.
  libscols_line* add(const std::vector<std::string>& cells, libscols_line* parent = nullptr);

  std::string text() const;

 private:
  struct Free {
    void operator()(libscols_table* table) const;
  };
  std::unique_ptr<libscols_table, Free> table_;
};

}  // namespace hib::report
