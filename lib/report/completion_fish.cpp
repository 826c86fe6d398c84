#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/report/completion.h"

namespace hib::report {
namespace {

constexpr const char* kFishStart =
    R"fish(# Completion for hibtool in fish. "hibtool completion fish" prints this.

function __hibtool_has_no_verb
    test (count (commandline -opc)) -eq 1
end

function __hibtool_verb_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

function __hibtool_devices
    lsblk -nrpo NAME 2>/dev/null
end

# Names of the devices that the image of this command line has recorded.
function __hibtool_names
    for word in (commandline -opc)[3..-1]
        if test -f $word; or test -b $word
            hibtool completion devices $word 2>/dev/null
            return
        end
    end
end

# KEY=VALUE: what stands in front of the sign, then what stands behind it. "=VALUE" is for every device.
function __hibtool_verdicts
    set -l word (string replace -r '^--[^=]*=' '' -- (commandline -ct))
    if string match -q '*=*' -- $word
        set -l key (string replace -r '=.*' '' -- $word)
        set -l own (string match -- $key'=*' $argv)
        test -n "$own"; or set own $key(string match -- '=*' $argv)
        printf '%s\n' $own
    else
        printf '%s=\n' (string replace -r '=.*' '' -- (string match -v -- '=*' $argv)) (__hibtool_names)
    end
end

complete -c hibtool -f
)fish";

std::string fish_word(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// What completes the value of an option, or an operand.
std::string fish_values(const CompletedOption& option) {
  switch (option.by) {
    case Completed::Words: return fmt::format(" -x -a '{}'", fmt::join(option.words, " "));
    case Completed::Files: return " -r -F";
    case Completed::Folders: return " -x -a '(__fish_complete_directories)'";
    case Completed::BlockDevices: return " -r -F -a '(__hibtool_devices)'";
    case Completed::DeviceNames: return " -x -a '(__hibtool_names)'";
    case Completed::Verdicts:
      return fmt::format(" -x -a '(__hibtool_verdicts {})'", fmt::join(option.words, " "));
    case Completed::Nothing: return " -x";
  }
  return " -x";
}

std::string fish_option(const CompletedVerb& verb, const CompletedOption& option) {
  std::string names;
  for (const std::string& name : option.names)
    names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return fmt::format("complete -c hibtool -n '__hibtool_verb_is {}'{}{} -d {}\n", verb.name, names,
                     option.placeholder.empty() ? "" : fish_values(option), fish_word(option.text));
}

std::string fish_operands(const CompletedVerb& verb) {
  const CompletedOption* operand = completed_operand(verb);
  if (operand == nullptr) return "";
  std::string how = fish_values(*operand);
  if (how.starts_with(" -r")) how = how.substr(3);
  return fmt::format("complete -c hibtool -n '__hibtool_verb_is {}'{}\n", verb.name, how);
}

}  // namespace

std::string fish_completion(const CompletedVerbs& verbs) {
  std::string text = kFishStart;
  for (const CompletedVerb& verb : verbs)
    text += fmt::format("complete -c hibtool -n __hibtool_has_no_verb -a {} -d {}\n", verb.name,
                        fish_word(verb.text));
  text += "complete -c hibtool -n __hibtool_has_no_verb -a help -d 'show a manual page'\n";
  for (const CompletedVerb& verb : verbs)
    text += fmt::format("complete -c hibtool -n '__hibtool_verb_is help' -a {} -d {}\n", verb.name,
                        fish_word(verb.text));
  for (const CompletedVerb& verb : verbs) {
    text += fish_operands(verb);
    for (const CompletedOption& option : verb.options) text += fish_option(verb, option);
  }
  return text;
}

}  // namespace hib::report
