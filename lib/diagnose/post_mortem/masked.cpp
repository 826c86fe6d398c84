#include "lib/diagnose/post_mortem/masked.h"

#include "lib/diagnose/boot/machine_secrets.h"
#include "lib/diagnose/mask.h"

namespace hib::diagnose {
namespace {

void learn_paths(const PostMortemRequest& request, Mask& mask) {
  for (const std::string& path : inputs_of(request)) mask.learn_path(path);
}

void learn_machine(const PostMortemRequest& request, Mask& mask) {
  if (!request.machine) return;
  const auto tree = boot::open_tree(*request.machine);
  if (tree) boot::learn_names(*tree, mask);
}

void hide_damage(std::vector<Damage>& damage, Mask& mask) {
  for (Damage& one : damage) mask.hide(one.error);
}

void hide_info(ImageInfo& info, Mask& mask) {
  mask.hide(info.path);
  mask.hide(info.variant);
  for (auto& [name, text] : info.details) mask.hide(text);
  for (Finding& finding : info.findings) mask.hide(finding.text);
  hide_damage(info.damage, mask);
}

void hide_disk(Disk& disk, Mask& mask) {
  mask.hide(disk.path);
  if (disk.error) mask.hide(*disk.error);
  hide_info(disk.info, mask);
  hide_damage(disk.damage, mask);
  for (RearmCheck& check : disk.rearm) mask.hide(check.text);
  for (Layer& layer : disk.acceptance) mask.hide(layer.text);
  for (Breadcrumb& crumb : disk.history) mask.hide(crumb.text);
  for (CarvedImage& image : disk.carved) {
    if (image.info) hide_info(*image.info, mask);
    for (std::vector<CarveFact>* facts : {&image.reasons, &image.missing}) {
      for (CarveFact& fact : *facts) mask.hide(fact.text);
    }
  }
  if (disk.devices) boot::hide(*disk.devices, mask);
  disk.log.reset();  // its lines are in the timeline
}

void hide_all(PostMortem& report, Mask& mask) {
  mask.hide(report.session.device);
  mask.hide(report.session.text);
  mask.hide(report.session.next);
  mask.hide(report.verdict);
  for (Cause& cause : report.others) mask.hide(cause);
  for (Exonerated& one : report.exonerated) mask.hide(one.text);
  for (TimelineEntry& entry : report.timeline) {
    mask.hide(entry.boot);
    mask.hide(entry.text);
  }
  for (Disk& disk : report.disks) hide_disk(disk, mask);
  for (std::string& line : report.not_checked) mask.hide(line);
  if (report.devices) boot::hide(*report.devices, mask);
}

}  // namespace

PostMortem masked(PostMortem report, const PostMortemRequest& request) {
  Mask mask;
  learn_machine(request, mask);
  if (report.devices) boot::learn_devices(*report.devices, mask);
  for (const Disk& disk : report.disks) {
    if (disk.devices) boot::learn_devices(*disk.devices, mask);
  }
  for (const std::string& host : report.hosts) mask.learn_host(host);
  report.hosts.clear();
  learn_paths(request, mask);
  for (unsigned pass = 0; pass < 2; ++pass) hide_all(report, mask);  // a name may be known only at the end
  report.is_masked = true;
  return report;
}

Error masked(Error error, const PostMortemRequest& request, const std::vector<std::string>& others) {
  Mask mask;
  learn_machine(request, mask);
  learn_paths(request, mask);
  for (const std::string& path : others) mask.learn_path(path);
  mask.hide(error);
  return error;
}

}  // namespace hib::diagnose
