#include "cli/run.h"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/verb.h"
#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/base/version.h"
#include "lib/os/manual.h"
#include "lib/os/terminal.h"
#include "lib/report/layout.h"

namespace hib::cli {
namespace {

class HelpFormatter final : public CLI::Formatter {
  std::string make_option_desc(const CLI::Option* option) const override {
    constexpr std::size_t kTerminal = 80;
    return wrapped(option->get_description(), kTerminal - get_column_width());
  }
};

struct Program {
  struct Entry {
    const VerbRow* row;
    CLI::App* app;
    std::unique_ptr<Verb> verb;
  };

  CLI::App app{"hibtool reads, proves, compares, converts and replays images of Linux memory.", "hibtool"};
  CommonOptions common;
  std::vector<Entry> entries;

  explicit Program(const Formats& formats) {
    app.set_version_flag("--version", kToolVersion);
    app.require_subcommand(1);
    app.formatter(std::make_shared<HelpFormatter>());
    app.get_formatter()->label("SUBCOMMAND", "VERB");
    app.footer(fmt::format(
        "\"hibtool help VERB\" shows the manual page of a verb; \"hibtool VERB --help\" lists its options.\n"
        "Formats: {}; found by content.\n"
        "Exit codes: 0 done or good, 1 the answer is no, 2 could not, 3 partial, 4 refused, 5 authentication "
        "failed,\n"
        "64 usage, 128+N ended by signal N.",
        listed(formats.readable())));
    for (const VerbRow& row : verbs()) {
      CLI::App* verb_app = app.add_subcommand(row.name, row.summary)->group(row.is_hidden ? "" : "Verbs");
      verb_app->footer("");  // not the program's, which it would inherit
      entries.push_back({&row, verb_app, row.make()});
      entries.back().verb->add_options(*verb_app, common, formats);
    }
  }

  const Entry* parsed() const {
    const auto it =
        std::find_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.app->parsed(); });
    return it == entries.end() ? nullptr : &*it;
  }
};

Error usage(std::string what, std::string advice) {
  return make_error(ErrorKind::Usage, "", std::move(what)).advise(std::move(advice));
}

// The nearest of the known words, or what there is instead.
std::string suggested(const std::string& word, const std::vector<std::string>& known,
                      const std::string& otherwise) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? otherwise : fmt::format("did you mean \"{}\"?", meant);
}

// Those that --help shows.
std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const VerbRow& row : verbs()) {
    if (!row.is_hidden) names.emplace_back(row.name);
  }
  return names;
}

bool is_verb(const std::string& word) {
  return std::any_of(verbs().begin(), verbs().end(), [&](const VerbRow& row) { return row.name == word; });
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
Error usage_error(const Program& program, const CLI::ParseError& error) {
  const Program::Entry* entry = program.parsed();
  const std::string verb = entry == nullptr ? "" : entry->app->get_name();
  const std::string help = fmt::format("\"hibtool {} --help\" lists what there is", verb);
  const std::vector<std::string> extras = program.app.remaining(true);
  if (entry == nullptr || extras.empty()) {
    const std::string text = error.what();
    return usage(text, text.ends_with('?') ? "" : help);
  }
  const std::string word = extras.front().substr(0, extras.front().find('='));
  if (!word.starts_with('-'))
    return usage(fmt::format("one argument too many for {}: \"{}\"", verb, word), help);
  return usage(fmt::format("unknown option \"{}\" of {}", word, verb),
               suggested(word, option_names(*entry->app), help));
}

bool is_option_of_program(const std::string& word) {
  return word == "-h" || word == "--help" || word == "--version";
}

// The first word names the verb.
Result<void> check_verb(const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = verb_names();
  const std::string all = "the verbs are " + listed(names);
  if (arguments.empty()) return fail(usage("no verb", all));
  const std::string& word = arguments[0];
  if (is_verb(word) || is_option_of_program(word)) return {};
  if (word.starts_with('-')) {
    return fail(usage(fmt::format("option \"{}\" in front of the verb", word),
                      suggested(word, {"--help", "--version"}, "options come after it, and " + all)));
  }
  std::vector<std::string> meant = names;
  meant.emplace_back("help");
  return fail(usage(fmt::format("unknown verb \"{}\"", word), suggested(word, meant, all)));
}

// "help inspect" is the manual page, where there is one.
bool is_shown_by_man(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2 || arguments[0] != "help") return false;
  return is_verb(arguments[1]) && show_manual("hibtool-" + arguments[1]);
}

// Otherwise "help" is --help, and "help inspect" is "inspect --help".
std::vector<std::string> without_help_verb(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] != "help") return arguments;
  arguments.erase(arguments.begin());
  if (!arguments.empty() && arguments[0] == "help") arguments.clear();
  arguments.push_back("--help");
  return arguments;
}

// A command line that cannot be parsed has not set CommonOptions::json yet.
int report_usage(const Error& error, const std::vector<std::string>& arguments, const Streams& streams) {
  streams.err << "hibtool: " << error.line() << "\n";
  const bool is_for_script = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  if (is_for_script) report::print_json(streams.out, report::json_of_error(error));
  return kUsage;
}

report::Screen screen_of(const Streams& streams) {
  const ScreenSize size = streams.out_is_terminal ? screen_size(STDOUT_FILENO) : ScreenSize{};
  return {size.is_known ? size.columns : 0, speaks_utf8()};
}

// Documents go out as they are; text as the terminal can show it.
int run_parsed(const Formats& formats, const Program& program, const Streams& streams) {
  const Program::Entry& entry = *program.parsed();
  const CommonOptions& options = program.common;
  if (options.verbose && options.quiet) {
    return Context(formats, options, streams)
        .report(make_error(ErrorKind::Usage, "--verbose", "together with --quiet", "one of the two"));
  }
  const bool is_paged =
      entry.row->is_paged && !options.no_pager && !options.quiet && !options.json && streams.out_is_terminal;
  if (is_paged && streams.page) streams.page();
  const unsigned threads = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
  Context(formats, options, streams)
      .detail(fmt::format("{}: at most {} worker threads", entry.row->name, threads));
  if (options.json) return entry.verb->run(Context(formats, options, streams));
  report::LaidOut text(streams.out, screen_of(streams));
  const Streams shown{text, streams.err, streams.out_is_terminal, streams.err_is_terminal, {}, &streams.out};
  return entry.verb->run(Context(formats, options, shown));
}

// Parses and dispatches.
int run_verb(const Formats& formats, const std::vector<std::string>& given, const Streams& streams) {
  if (is_shown_by_man(given)) return kDone;
  const std::vector<std::string> arguments = without_help_verb(given);
  const auto verb_known = check_verb(arguments);
  if (!verb_known) return report_usage(verb_known.error(), arguments, streams);
  Program program(formats);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return report_usage(usage_error(program, error), arguments, streams);
    report::LaidOut text(streams.out, screen_of(streams));
    program.app.exit(error, text, streams.err);  // --help and --version
    return kDone;
  }
  return run_parsed(formats, program, streams);
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
