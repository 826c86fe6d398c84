// Takes a record apart into a struct: each field is asked for by name and kind, and in the end none may be
// left. A missing, misspelt or repeated field is an error, never a default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/record.h"

namespace hib {

class RecordFields {
 public:
  // Checks the type. `record` outlives this.
  static Result<RecordFields> of(const Record& record, std::string_view type);

  Result<std::uint64_t> number(std::string_view name);
  Result<bool> flag(std::string_view name);  // 0 or 1
  Result<std::string> text(std::string_view name);
  Result<std::optional<std::uint64_t>> optional_number(std::string_view name);
  Result<std::optional<std::string>> optional_text(std::string_view name);
  Result<std::vector<std::vector<std::byte>>> all_bytes(std::string_view name);  // each field of that name

  // The same of nested fields, which this object does not ask for.
  Result<std::vector<const FieldList*>> all_fields(std::string_view name);

  // Nothing is left that was not asked for.
  Result<void> finish() const;

 private:
  explicit RecordFields(const Record& record) : record_(&record) {}
  Result<const Field*> find(std::string_view name);  // null: missing
  Result<const Field*> required(std::string_view name);
  Error wrong(std::string_view name, std::string found, std::string allowed) const;

  const Record* record_;
  std::vector<std::string> asked_;
};

}  // namespace hib
