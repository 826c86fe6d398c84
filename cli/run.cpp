#include "cli/run.h"

#include <algorithm>
#include <new>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/arm.h"
#include "cli/common.h"
#include "cli/create.h"
#include "cli/diff.h"
#include "cli/hibernate.h"
#include "cli/inspect.h"
#include "cli/probe.h"
#include "cli/restore.h"
#include "cli/verify.h"
#include "lib/base/text.h"

namespace hib::cli {
namespace {

struct Program {
  CLI::App app{"hibtool packs, proves, compares and replays the memory of Linux machines.", "hibtool"};
  CommonOptions common;
  CreateVerb create;
  InspectVerb inspect;
  VerifyVerb verify;
  RestoreVerb restore;
  DiffVerb diff;
  ArmVerb arm;
  DisarmVerb disarm;
  HibernateVerb hibernate;
  ProbeVerb probe;

  Program() {
    app.set_version_flag("--version", "hibtool " HIBTOOL_VERSION);
    app.require_subcommand(1);
    app.footer(
        "hibtool VERB --help says more. Formats: hib, elf, kdump, lime, raw, swsusp, snapshot; found by "
        "content.\n"
        "Exit codes: 0 done or good, 1 the answer is no, 2 could not, 3 partial, 4 refused, 64 usage, 128+N "
        "signal.");
    create.add_to(app, common);
    inspect.add_to(app, common);
    verify.add_to(app, common);
    restore.add_to(app, common);
    diff.add_to(app, common);
    arm.add_to(app, common);
    disarm.add_to(app, common);
    hibernate.add_to(app, common);
    probe.add_to(app, common);
  }

  bool has_verb(const std::string& name) const {
    const auto verbs = app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == name; });
    return !verbs.empty();
  }

  int dispatch(const Context& context) const {
    if (create.app()->parsed()) return create.run(context);
    if (inspect.app()->parsed()) return inspect.run(context);
    if (verify.app()->parsed()) return verify.run(context);
    if (restore.app()->parsed()) return restore.run(context);
    if (diff.app()->parsed()) return diff.run(context);
    if (arm.app()->parsed()) return arm.run(context);
    if (disarm.app()->parsed()) return disarm.run(context);
    if (probe.app()->parsed()) return probe.run(context);
    return hibernate.run(context);
  }
};

// --help and --version go to stdout and are no error; everything else is one line and a hint on stderr.
int report_parse_end(const CLI::App& app, const CLI::ParseError& error, const Streams& streams) {
  if (error.get_exit_code() == 0) {
    app.exit(error, streams.out, streams.err);
    return kDone;
  }
  streams.err << "hibtool: " << error.what() << "; hibtool --help lists what there is\n";
  return kUsage;
}

// Parses and dispatches.
int run_verb(const std::vector<std::string>& arguments, const Streams& streams) {
  Program program;
  if (!arguments.empty() && arguments[0].rfind('-', 0) != 0 && !program.has_verb(arguments[0])) {
    streams.err
        << "hibtool: \"" << printable(arguments[0])
        << "\" is no verb; create, inspect, verify, restore, diff, arm, disarm, hibernate and probe are\n";
    return kUsage;
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return report_parse_end(program.app, error, streams);
  }
  return program.dispatch(Context(program.common, streams));
}

}  // namespace

int run(std::span<char* const> arguments, const Streams& streams) {
  try {
    return run_verb({arguments.begin(), arguments.end()}, streams);
  } catch (const std::bad_alloc&) {
    streams.err << "hibtool: out of memory\n";
    return kCouldNot;
  }
}

}  // namespace hib::cli
