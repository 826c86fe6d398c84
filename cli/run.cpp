#include "cli/run.h"

#include <algorithm>
#include <new>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/nearest.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/base/version.h"

namespace hib::cli {
namespace {

struct Program {
  struct Entry {
    CLI::App* app;
    std::unique_ptr<Verb> verb;
  };

  CLI::App app{"hibtool reads, proves, compares, converts and replays images of Linux memory.", "hibtool"};
  CommonOptions common;
  std::vector<Entry> entries;

  explicit Program(const Formats& formats) {
    app.set_version_flag("--version", kToolVersion);
    app.require_subcommand(1);
    app.get_formatter()->label("SUBCOMMAND", "VERB");
    app.footer(fmt::format(
        "\"hibtool help VERB\" says more of a verb; \"hibtool VERB --help\" is the same.\n"
        "Formats: {}; found by content.\n"
        "Exit codes: 0 done or good, 1 the answer is no, 2 could not, 3 partial, 4 refused, 5 authentication "
        "failed,\n"
        "64 usage, 128+N ended by signal N.",
        listed(formats.readable())));
    for (const VerbRow& row : verbs()) {
      CLI::App* verb_app = app.add_subcommand(row.name, row.summary)->group("Verbs");
      verb_app->footer("");  // not the program's, which it would inherit
      entries.push_back({verb_app, row.make()});
      entries.back().verb->add_options(*verb_app, common, formats);
    }
  }

  const Entry* parsed() const {
    const auto it =
        std::find_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.app->parsed(); });
    return it == entries.end() ? nullptr : &*it;
  }
};

// "…; did you mean "inspect"?", or what there is instead.
std::string suggested(const std::string& word, const std::vector<std::string>& known,
                      const std::string& otherwise) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? otherwise : fmt::format("did you mean \"{}\"?", meant);
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const VerbRow& row : verbs()) names.emplace_back(row.name);
  return names;
}

// "--json" of every option that --help shows.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (!option->get_group().empty()) names.push_back("--" + name);
    }
  }
  return names;
}

// What was wrong, and what to do.
std::string describe(const Program& program, const CLI::ParseError& error) {
  const Program::Entry* entry = program.parsed();
  const std::string verb = entry == nullptr ? "" : entry->app->get_name();
  const std::string help = fmt::format("\"hibtool help {}\" lists what there is", verb);
  const std::vector<std::string> extras = program.app.remaining(true);
  if (entry == nullptr || extras.empty()) {
    const std::string text = printable(error.what());
    return text.ends_with('?') ? text : fmt::format("{}; {}", text, help);
  }
  const std::string word = extras.front().substr(0, extras.front().find('='));
  if (!word.starts_with('-'))
    return fmt::format("one argument too many for {}: \"{}\"", verb, printable(word));
  return fmt::format("unknown option \"{}\" of {}; {}", printable(word), verb,
                     suggested(word, option_names(*entry->app), help));
}

// --help and --version go to stdout and are no error; everything else is one line on stderr.
int report_parse_end(const Program& program, const CLI::ParseError& error, const Streams& streams) {
  if (error.get_exit_code() == 0) {
    program.app.exit(error, streams.out, streams.err);
    return kDone;
  }
  streams.err << "hibtool: " << describe(program, error) << "\n";
  return kUsage;
}

bool is_option_of_program(const std::string& word) {
  return word == "-h" || word == "--help" || word == "--version";
}

// What is wrong with the first word, which names the verb; empty: nothing.
std::string complaint_about_verb(const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = verb_names();
  const std::string all = "the verbs are " + listed(names);
  if (arguments.empty()) return "no verb; " + all;
  const std::string& word = arguments[0];
  if (std::find(names.begin(), names.end(), word) != names.end() || is_option_of_program(word)) return "";
  if (word.starts_with('-'))
    return fmt::format("option \"{}\" in front of the verb; options come after it, and {}", printable(word),
                       all);
  return fmt::format("unknown verb \"{}\"; {}", printable(word), suggested(word, names, all));
}

// "help" is --help, and "help inspect" is "inspect --help".
std::vector<std::string> without_help_verb(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.push_back("--help");
  return arguments;
}

// Parses and dispatches.
int run_verb(const Formats& formats, const std::vector<std::string>& given, const Streams& streams) {
  const std::vector<std::string> arguments = without_help_verb(given);
  if (const std::string complaint = complaint_about_verb(arguments); !complaint.empty()) {
    streams.err << "hibtool: " << complaint << "\n";
    return kUsage;
  }
  Program program(formats);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return report_parse_end(program, error, streams);
  }
  return program.parsed()->verb->run(Context(formats, program.common, streams));
}

}  // namespace

int run(const Formats& formats, std::span<char* const> arguments, const Streams& streams) {
  try {
    return run_verb(formats, {arguments.begin(), arguments.end()}, streams);
  } catch (const std::bad_alloc&) {
    streams.err << "hibtool: out of memory\n";
    return kCouldNot;
  }
}

}  // namespace hib::cli
