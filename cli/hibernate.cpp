#include "lib/jump/hibernate.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/report/jump.h"

namespace hib::cli {
namespace {

class Hibernate final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats&) override {
    verb_ = &app;
    app.add_flag("--return", return_, "come back when the image is saved, instead of powering off");
    app.add_flag("--rehearse", rehearse_, "come back without saving, to see that this machine can do it");
    add_common_options(app, common);
    app.footer(
        "Returns when the machine goes on: after --return, after --rehearse, when the image could not be "
        "saved (with\n"
        "the reason), and when the machine was restored from the image.\n"
        "Devices that did not come back are named; that does not change the code.\n"
        "Examples:\n"
        "  hibtool arm --target /dev/vdb && hibtool hibernate\n"
        "  hibtool arm && hibtool hibernate --rehearse");
  }

  int run(const Context& context) const override {
    const auto fits = not_with(*verb_, "--rehearse", {"--return"});
    if (!fits) return context.report(fits.error());
    const jump::Wish wish = rehearse_ ? jump::Wish::Rehearse
                            : return_ ? jump::Wish::SaveAndReturn
                                      : jump::Wish::SaveAndPowerOff;
    const auto left =
        jump::hibernate(context.formats, wish, [&](const std::string& text) { context.note(text); });
    if (!left) return context.report(left.error());
    for (const std::string& line : report::device_notes(*left)) context.line(line);
    if (left->error) return context.report(*left->error);
    if (context.options.json) context.document(report::json_of_hibernate(*left));
    if (context.shows_text()) context.streams.out << report::describe_return(wish, left->outcome) << "\n";
    return kDone;
  }

 private:
  const CLI::App* verb_ = nullptr;
  bool rehearse_ = false;
  bool return_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_hibernate() { return std::make_unique<Hibernate>(); }

}  // namespace hib::cli
