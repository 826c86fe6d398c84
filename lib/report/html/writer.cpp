#include "lib/report/html/writer.h"

#include "lib/base/text.h"

namespace hib::report {

namespace {

// In running text a line end would be a space.
bool ends_line(std::string_view tag) {
  return tag != "b" && tag != "span" && tag != "code" && tag != "title";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

Html::Html(std::string_view title, std::string_view style) {
  out_ =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" "
      "content=\"no-referrer\">\n";
  out_.append("<title>")
      .append(escaped(characters_within(title, kMostTextBytes)))
      .append("</title>\n<style>\n")
      .append(style);
  out_ += "</style>\n</head>\n<body>\n";
}

void Html::start(const char* tag, Attributes attributes) {
  out_.append("<").append(tag);
  for (const auto& [name, value] : attributes)
    out_.append(" ").append(name).append("=\"").append(escaped(value)).append("\"");
}

void Html::open(const char* tag, Attributes attributes) {
  start(tag, attributes);
  out_ += ">";
  open_.push_back(tag);
}

void Html::close() {
  out_.append("</").append(open_.back()).append(">");
  if (ends_line(open_.back())) out_ += "\n";
  open_.pop_back();
}

void Html::text(std::string_view text) {
  if (is_full()) return;
  out_ += escaped(characters_within(text, kMostTextBytes));
  if (text.size() > kMostTextBytes) out_ += " …";
}

void Html::element(const char* tag, std::string_view text, Attributes attributes) {
  open(tag, attributes);
  this->text(text);
  close();
}

void Html::empty(const char* tag, Attributes attributes) {
  start(tag, attributes);
  out_ += "/>\n";
}

std::string Html::finish() && {
  if (is_full()) out_ += "<p>… This is too much for a page; --json lists all.</p>\n";
  while (!open_.empty()) close();
  return std::move(out_) + "</body>\n</html>\n";
}

}  // namespace hib::report
