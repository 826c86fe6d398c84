#include "lib/diagnose/boot/efi_variable.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "lib/base/bytes.h"
#include "lib/base/cursor.h"
#include "lib/base/text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxJson = 65536;
constexpr std::size_t kMaxFields = 64;
constexpr unsigned kMaxJsonDepth = 8;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// As much of JSON as one flat object needs; values that are objects or lists are passed over.
class FlatJson {
 public:
  explicit FlatJson(std::string_view text) : text_(text) {}

  struct Field {
    std::string name;
    std::string value;
    bool is_text = false;
  };

  Result<std::vector<Field>> object() {
    std::vector<Field> fields;
    TRY_OK(expect('{'));
    if (take('}')) return fields;
    do {
      if (fields.size() == kMaxFields) return fail(wrong("more fields", "64 at most"));
      Field field;
      TRY(field.name, text());
      TRY_OK(expect(':'));
      TRY_OK(value(field, 0));
      fields.push_back(std::move(field));
    } while (take(','));
    TRY_OK(expect('}'));
    skip_blanks();
    if (at_ != text_.size()) return fail(wrong(here(), "the end"));
    return fields;
  }

 private:
  Result<void> value(Field& field, unsigned depth) {
    skip_blanks();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '"') {
      field.is_text = true;
      TRY(field.value, text());
      return {};
    }
    if (c == '{' || c == '[') return pass_over(depth);
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.'))
      ++at_;
    if (at_ == begin) return fail(wrong(here(), "a value"));
    field.value = text_.substr(begin, at_ - begin);
    return {};
  }

  Result<void> pass_over(unsigned depth) {
    if (depth == kMaxJsonDepth) return fail(wrong("values in values", "8 levels at most"));
    const bool is_object = text_[at_] == '{';
    const char end = is_object ? '}' : ']';
    ++at_;
    if (take(end)) return {};
    do {
      Field ignored;
      if (is_object) {
        TRY(ignored.name, text());
        TRY_OK(expect(':'));
      }
      TRY_OK(value(ignored, depth + 1));
    } while (take(','));
    return expect(end);
  }

  Result<std::string> text() {
    TRY_OK(expect('"'));
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_++];
      if (c != '\\') {
        out += c;
        continue;
      }
      TRY_OK(escape(out));
    }
    if (at_ == text_.size()) return fail(wrong("the end", "\""));
    ++at_;
    return out;
  }

  Result<void> escape(std::string& out) {
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t known = c == '\0' ? std::string_view::npos : kFrom.find(c);
    if (known != std::string_view::npos) {
      ++at_;
      out += kTo[known];
      return {};
    }
    if (c != 'u' || text_.size() - at_ < 5) return fail(wrong(here(), "an escape"));
    std::uint32_t code = 0;
    for (std::size_t i = 1; i <= 4; ++i) {
      const char digit = text_[at_ + i];
      if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) return fail(wrong(here(), "four digits"));
      const auto value = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
      code = code << 4 | static_cast<std::uint32_t>(value);
    }
    at_ += 5;
    append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return {};
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char wanted) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char wanted) {
    if (take(wanted)) return {};
    return fail(wrong(here(), std::string(1, wanted)));
  }
  std::string here() const {
    return at_ < text_.size() ? "\"" + printable(text_.substr(at_, 1)) + "\"" : "the end";
  }
  Error wrong(std::string found, std::string allowed) const {
    return make_error(ErrorKind::Corrupt, "HibernateLocation", std::move(found), std::move(allowed)).at(at_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// "0A1B…" with or without dashes, as 8-4-4-4-12.
Result<std::string> uuid_from(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (c == '-') continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) break;
    digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (digits.size() != 32 || text.size() > 36)
    return fail(make_error(ErrorKind::Corrupt, "HibernateLocation: uuid", printable(text), "a UUID"));
  for (const std::size_t at : {20U, 16U, 12U, 8U}) digits.insert(at, 1, '-');
  return digits;
}

Result<std::uint64_t> pages_from(const std::string& text) {
  constexpr std::size_t kMostDigits = 19;
  if (text.empty() || text.size() > kMostDigits || text.find_first_not_of("0123456789") != std::string::npos)
    return fail(
        make_error(ErrorKind::Corrupt, "HibernateLocation: offset", printable(text), "a number of pages"));
  return std::stoull(text);
}

}  // namespace

std::optional<EfiVariable> efi_variable(const TreeReader& reader, const std::string& name,
                                        const std::string& guid) {
  EfiVariable variable;
  variable.path = fmt::format("/sys/firmware/efi/efivars/{}-{}", name, guid);
  const auto bytes = reader.text(variable.path);
  if (!bytes) return std::nullopt;
  Cursor cursor(as_bytes(*bytes), 0, variable.path);
  const auto attributes = cursor.read<le32>("attributes");
  if (!attributes) return std::nullopt;
  variable.attributes = *attributes;
  variable.data = bytes->substr(sizeof(le32));
  return variable;
}

std::string text_of_utf16(std::string_view bytes) {
  std::string out;
  std::uint32_t high = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const std::uint32_t unit = static_cast<unsigned char>(bytes[i]) |
                               static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + 1])) << 8;
    if (unit == 0) break;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (high != 0) {
      append_utf8(out, is_low ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : 0xFFFD);
      high = 0;
      if (is_low) continue;
    }
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
    } else {
      append_utf8(out, is_low ? 0xFFFD : unit);
    }
  }
  if (high != 0) append_utf8(out, 0xFFFD);
  return out;
}

std::string utf16_of_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    out += '\0';
  }
  return out + std::string(2, '\0');
}

Result<HibernateLocation> parse_hibernate_location(std::string_view json) {
  if (json.size() > kMaxJson)
    return fail(make_error(ErrorKind::Limit, "HibernateLocation", fmt::format("{} bytes", json.size()),
                           "65536 at most"));
  TRY(const auto fields, FlatJson(json).object());
  HibernateLocation location;
  for (const auto& [name, value, is_text] : fields) {
    if (name == "uuid") {
      TRY(location.uuid, uuid_from(value));
    }
    if (name == "offset") {
      TRY(location.offset, pages_from(value));
    }
    if (name == "kernelVersion") location.kernel_version = value;
    if (name == "osReleaseId") location.os_id = value;
    if (name == "osReleaseImageId") location.os_image_id = value;
    if (name == "osReleaseVersionId") location.os_version_id = value;
    if (name == "osReleaseImageVersion") location.os_image_version = value;
  }
  if (location.uuid.empty() || !location.offset)
    return fail(make_error(ErrorKind::Corrupt, "HibernateLocation",
                           location.uuid.empty() ? "no uuid" : "no offset", "both uuid and offset"));
  return location;
}

}  // namespace hib::diagnose::boot
