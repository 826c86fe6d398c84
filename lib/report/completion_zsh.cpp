#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"
#include "lib/report/completion.h"

namespace hib::report {
namespace {

constexpr const char* kZshStart = R"zsh(#compdef hibtool
# Completion for hibtool in zsh. "hibtool completion zsh" prints this.

_hibtool_devices() {
  local -a devices
  devices=(${(f)"$(lsblk -nrpo NAME 2>/dev/null)"})
  _alternative 'devices:block device:compadd -a devices' 'files:file:_files'
}

# Names of the devices that the image of this command line has recorded.
_hibtool_recorded() {
  local word
  for word in ${words[2,-1]}; do
    [[ -f $word || -b $word ]] || continue
    hibtool completion devices $word 2>/dev/null
    return
  done
}

_hibtool_names() {
  local -a names=(${(f)"$(_hibtool_recorded)"})
  compadd -a names
}

# KEY=VALUE: what stands in front of the sign, then what stands behind it. "=VALUE" is for every device.
_hibtool_verdicts() {
  local -a found
  if [[ $PREFIX == *=* ]]; then
    found=(${${(M)@:#${PREFIX%%=*}=*}#*=})
    (($#found)) || found=(${${(M)@:#=*}#=})
    compset -P '*='
    compadd -a found
  else
    found=(${${@:#=*}%%=*} ${(f)"$(_hibtool_recorded)"})
    compadd -S = -a found
  fi
}

_hibtool() {
  local verb=$words[2]
)zsh";

// Of a text within a specification of _arguments or _describe.
std::string zsh_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string zsh_action(const CompletedOption& option) {
  switch (option.by) {
    case Completed::Words: return fmt::format("({})", fmt::join(option.words, " "));
    case Completed::Files: return "_files";
    case Completed::Folders: return "_files -/";
    case Completed::BlockDevices: return "_hibtool_devices";
    case Completed::DeviceNames: return "_hibtool_names";
    // The blank in front leaves the words to the function alone.
    case Completed::Verdicts:
      return fmt::format(" _hibtool_verdicts \"{}\"", fmt::join(option.words, "\" \""));
    case Completed::Nothing: return " ";
  }
  return " ";
}

// "'(-o --output)'{-o+,--output=}'[where]:FILE:_files'"
std::string zsh_option(const CompletedOption& option) {
  const bool has_value = !option.placeholder.empty();
  const std::string value =
      has_value ? fmt::format(":{}:{}", zsh_text(option.placeholder), zsh_action(option)) : "";
  const std::string rest = shell_word(fmt::format("[{}]{}", zsh_text(option.text), value));
  std::vector<std::string> names;
  for (const std::string& name : option.names)
    names.push_back(name + (!has_value ? "" : name.starts_with("--") ? "=" : "+"));
  if (names.size() == 1) return fmt::format("'*'{}{}", names[0], rest);
  return fmt::format("'*'{{{}}}{}", fmt::join(names, ","), rest);
}

std::string zsh_verb(const CompletedVerb& verb) {
  std::string text = fmt::format("    {})\n      _arguments -s -S", verb.name);
  for (const CompletedOption& option : verb.options) text += " \\\n        " + zsh_option(option);
  for (std::size_t i = 0; i < verb.operands.size(); ++i) {
    const CompletedOption& operand = verb.operands[i];
    const std::string place = i + 1 == verb.operands.size() ? "*" : std::to_string(i + 1);
    text += " \\\n        " +
            shell_word(fmt::format("{}:{}:{}", place, zsh_text(operand.placeholder), zsh_action(operand)));
  }
  return text + " ;;\n";
}

}  // namespace

std::string zsh_completion(const CompletedVerbs& verbs) {
  std::string list;
  for (const CompletedVerb& verb : verbs)
    list += fmt::format("    {}\n", shell_word(verb.name + ":" + zsh_text(verb.text)));
  std::string text = kZshStart;
  text += "  local -a verbs=(\n" + list + "  )\n";
  text +=
      "  if ((CURRENT == 2)); then\n"
      "    _describe verb verbs -- '(help:show\\ a\\ manual\\ page)'\n    return\n  fi\n"
      "  shift words\n  ((CURRENT--))\n  case $verb in\n    help) _describe verb verbs ;;\n";
  for (const CompletedVerb& verb : verbs) text += zsh_verb(verb);
  return text + "  esac\n}\n\n_hibtool \"$@\"\n";
}

}  // namespace hib::report
