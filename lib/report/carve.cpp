#include "lib/report/carve.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

const char* name_of(CarvedKind kind) {
  switch (kind) {
    case CarvedKind::Image: return "image";
    case CarvedKind::Remains: return "remains";
  }
  return "";
}

void fact_row(std::ostream& out, const char* name, const std::string& value) {
  out << fmt::format("  {:<14}{}\n", name, value);
}

void fact_rows(std::ostream& out, const char* name, const std::vector<CarveFact>& facts) {
  for (const CarveFact& fact : facts) {
    fact_row(out, name, printable(fact.text));
    name = "";
  }
}

std::string coloured(const Style& style, Confidence confidence) {
  const std::string name(name_of(confidence));
  return confidence == Confidence::Certain ? style.green(name) : style.yellow(name);
}

void print_one(std::ostream& out, const Style& style, const Formats& formats, const CarvedImage& image) {
  const bool can_be_opened = image.kind == CarvedKind::Image;
  out << fmt::format("\n{}: {}{}, {}\n", style.bold((can_be_opened ? "--at " : "block ") + to_text(image.at)),
                     can_be_opened ? "" : "remains of a ", formats.title(image.format),
                     coloured(style, image.confidence));
  fact_row(out, "offset", fmt::format("{:#x} of the file", image.offset));
  if (image.info) {
    fact_row(out, "codec", image.info->codec);
    if (image.info->pages_are_known)
      fact_row(out, "pages", describe_pages(image.info->pages, image.info->page_size));
    const auto& release = image.info->kernel.release;
    fact_row(out, "kernel", release ? printable(*release) : "not said by this image");
  }
  fact_rows(out, "because", image.reasons);
  fact_rows(out, "missing", image.missing);
}

// "2 images, the remains of 1"
std::string summary(const std::vector<CarvedImage>& found) {
  std::uint64_t images = 0;
  for (const CarvedImage& one : found) images += one.kind == CarvedKind::Image ? 1 : 0;
  const std::uint64_t remains = found.size() - images;
  if (found.empty()) return "no image, and no remains of one";
  std::string text = counted(images, "image");
  if (remains > 0)
    text += fmt::format(", and the remains of {}", images > 0 ? counted(remains, "other") : grouped(remains));
  return text;
}

Json json_of_facts(const std::vector<CarveFact>& facts) {
  Json list = Json::array();
  for (const CarveFact& fact : facts) list.push_back({{"code", fact.code}, {"text", printable(fact.text)}});
  return list;
}

Json json_of_one(const CarvedImage& image) {
  Json json;
  json["at"] = to_text(image.at);
  json["offset"] = hex(image.offset);
  json["format"] = image.format;
  json["kind"] = name_of(image.kind);
  json["confidence"] = name_of(image.confidence);
  json["codec"] = image.info ? Json(image.info->codec) : Json(nullptr);
  json["page_size"] = image.info ? Json(image.info->page_size) : Json(nullptr);
  const bool knows_pages = image.info && image.info->pages_are_known;
  json["pages"] = knows_pages ? json_of_pages(image.info->pages) : Json(nullptr);
  json["kernel"] = json_of_kernel(image.info ? image.info->kernel : KernelIdentity{});
  json["reasons"] = json_of_facts(image.reasons);
  json["missing"] = json_of_facts(image.missing);
  return json;
}

}  // namespace

void print_carve(std::ostream& out, const Style& style, const Formats& formats, const CarveReport& report) {
  out << fmt::format("{}: {} ({} looked through)\n", style.bold(printable(report.path)),
                     summary(report.found.images), human_bytes(report.file_bytes));
  if (report.found.unreadable_bytes > 0)
    out << fmt::format("  {}: {} of it cannot be read\n", style.yellow("warning"),
                       human_bytes(report.found.unreadable_bytes));
  for (const CarveFact& note : report.found.notes) out << fmt::format("  note: {}\n", printable(note.text));
  for (const CarvedImage& image : report.found.images) print_one(out, style, formats, image);
}

Json json_of_carve(const CarveReport& report) {
  Json document = json_document("carve");
  document["path"] = printable(report.path);
  document["file_bytes"] = report.file_bytes;
  document["unreadable_bytes"] = report.found.unreadable_bytes;
  document["images"] = Json::array();
  for (const CarvedImage& image : report.found.images) document["images"].push_back(json_of_one(image));
  document["notes"] = json_of_facts(report.found.notes);
  return document;
}

}  // namespace hib::report
