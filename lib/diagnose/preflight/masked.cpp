#include "lib/diagnose/preflight/masked.h"

#include "lib/device/probe/probe.h"
#include "lib/diagnose/boot/machine_secrets.h"
#include "lib/diagnose/mask.h"

namespace hib::diagnose {
namespace {

Mask mask_of(const PreflightRequest& request) {
  Mask mask;
  if (const auto tree = boot::open_tree(request.files)) {
    boot::learn_names(*tree, mask);
    boot::learn_devices(device::probe(*tree).devices, mask);
  }
  for (const std::string& path : inputs_of(request)) mask.learn_path(path);
  return mask;
}

void hide_all(PreflightReport& report, Mask& mask) {
  for (Check& check : report.checks) {
    mask.hide(check.text);
    for (Evidence& evidence : check.evidence) mask.hide(evidence);
    for (Advice& advice : check.fix) mask.hide(advice);
  }
  for (boot::Unread& unread : report.not_read) {
    mask.hide(unread.path);
    mask.hide(unread.why);
  }
  if (report.space) mask.hide(report.space->why_no_sample);
}

}  // namespace

PreflightReport masked(PreflightReport report, const PreflightRequest& request) {
  Mask mask = mask_of(request);
  for (unsigned pass = 0; pass < 2; ++pass) hide_all(report, mask);  // a name may be known only at the end
  report.is_masked = true;
  return report;
}

Error masked(Error error, const PreflightRequest& request, const std::vector<std::string>& others) {
  Mask mask = mask_of(request);
  for (const std::string& path : others) mask.learn_path(path);
  mask.hide(error);
  return error;
}

}  // namespace hib::diagnose
