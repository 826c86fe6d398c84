#pragma once

#include <optional>
#include <vector>

#include "cli/common.h"
#include "cli/render_json.h"
#include "lib/device/device.h"
#include "lib/ops/inspect.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class InspectVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  int show_page(const Context& context, const ImageReader& image) const;
  int show_device(const Context& context, const std::vector<Record>& records) const;
  Json document(const InspectReport& report, const ImageReader& image,
                const std::optional<device::DeviceSet>& devices) const;
  void print(const Context& context, const InspectReport& report, const ImageReader& image,
             const std::optional<device::DeviceSet>& devices) const;

  CLI::App* app_ = nullptr;
  std::string image_;
  bool pages_ = false;
  bool map_ = false;
  bool records_ = false;
  bool devices_ = false;
  bool numeric_ = false;
  bool raw_ = false;
  bool config_ = false;
  std::string device_;
  std::string page_;
};

}  // namespace hib::cli
