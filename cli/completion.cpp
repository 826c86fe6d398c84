#include "lib/report/completion.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/device/device_record.h"

namespace hib::cli {
namespace {

using report::Completed;
using report::CompletedOption;
using report::CompletedVerb;

// What completes a value, by the placeholder that --help shows for it.
Completed completed_by(const std::string& placeholder, bool is_operand) {
  for (const char* device : {"DEV", "DISK", "DEV|FILE"}) {
    if (placeholder == device) return Completed::BlockDevices;
  }
  if (placeholder == "DIR") return Completed::Folders;
  const bool is_file = placeholder == "FILE" || placeholder == "VMLINUZ" || placeholder.ends_with(".hib");
  return is_file || is_operand ? Completed::Files : Completed::Nothing;
}

CompletedOption completed(CLI::Option& option) {
  CompletedOption found;
  for (const std::string& name : option.get_snames()) found.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) found.names.push_back("--" + name);
  const std::string& text = option.get_description();
  found.text = text.substr(0, std::min(text.find("; "), text.find(". ")));
  if (option.get_items_expected_max() == 0) return found;
  const std::string type = option.get_type_name();
  const bool is_operand = option.get_positional();
  found.by = completed_by(type.substr(0, type.find(':')), is_operand);
  found.placeholder = is_operand ? option.get_name() : type.substr(0, type.find(':'));
  found.words = values_of(option);
  if (!found.words.empty()) found.by = Completed::Words;
  if (found.placeholder == "DEVICE=VERDICT") found.by = Completed::Verdicts;
  if (option.check_lname("device") && found.placeholder == "NAME") found.by = Completed::DeviceNames;
  return found;
}

CompletedVerb completed(CLI::App& verb) {
  CompletedVerb found{verb.get_name(), verb.get_description(), {}, {}};
  for (CLI::Option* option : verb.get_options([](CLI::Option* each) { return !each->get_group().empty(); }))
    (option->get_positional() ? found.operands : found.options).push_back(completed(*option));
  return found;
}

// Not shown in --help: who packages the program calls it, and the scripts themselves.
class Completion final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions&, const Formats&) override {
    program_ = app.get_parent();
    take_one_of(*app.add_option("SHELL", shell_, "bash, zsh or fish")->required(),
                {"bash", "zsh", "fish", "devices"});
    app.add_option("IMAGE", image_, "with devices: the names of its devices are printed");
  }

  int run(const Context& context) const override {
    if (shell_ == "devices") return print_devices(context);
    report::CompletedVerbs verbs;
    for (CLI::App* verb :
         program_->get_subcommands([](CLI::App* each) { return !each->get_group().empty(); }))
      verbs.push_back(completed(*verb));
    context.streams.out << (shell_ == "bash"  ? report::bash_completion(verbs)
                            : shell_ == "zsh" ? report::zsh_completion(verbs)
                                              : report::fish_completion(verbs));
    return kDone;
  }

 private:
  int print_devices(const Context& context) const {
    const auto image = context.open_without_base(image_);
    if (!image) return context.report(image.error());
    const auto devices = device::devices_in((*image)->records(), image_);
    if (!devices) return context.report(devices.error());
    if (!*devices) return kNo;
    for (const device::Device& each : (*devices)->devices)
      context.streams.out << printable(each.name) << "\n";
    return kDone;
  }

  CLI::App* program_ = nullptr;
  std::string shell_;
  std::string image_;
};

}  // namespace

std::unique_ptr<Verb> make_completion() { return std::make_unique<Completion>(); }

}  // namespace hib::cli
