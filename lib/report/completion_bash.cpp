#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/report/completion.h"

namespace hib::report {
namespace {

// bash takes "--color=al" apart at the sign. Names with blanks are why the replies are read line by line.
constexpr const char* kBashStart =
    R"bash(# Completion for hibtool in bash. "hibtool completion bash" prints this.

# Each line is a reply.
_hibtool_reply() { mapfile -t COMPREPLY; }

_hibtool_files() {
  compopt -o filenames 2>/dev/null
  _hibtool_reply < <(compgen -f -- "$1")
}

_hibtool_folders() {
  compopt -o filenames 2>/dev/null
  _hibtool_reply < <(compgen -d -- "$1")
}

# Those of the lines that begin with $1. compgen -W would run what stands in them as a command.
_hibtool_lines() {
  local line
  while IFS= read -r line; do [[ $line == "$1"* ]] && printf '%s\n' "$line"; done
}

# The same for names that are anybody's: quoted, so that they are one word of the command line. $2 is put behind each.
_hibtool_quoted() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$(printf %q "$line")$2"); done < <(_hibtool_lines "$1")
}

_hibtool_devices() {
  compopt -o filenames 2>/dev/null
  _hibtool_reply < <({ lsblk -nrpo NAME 2>/dev/null | _hibtool_lines "$1"; compgen -f -- "$1"; } | sort -u)
}

# Words, also behind a comma.
_hibtool_words() {
  local before=
  [[ $1 == *,* ]] && before=${1%,*},
  _hibtool_reply < <(compgen -P "$before" -W "$2" -- "${1##*,}")
}

# Names of the devices that the image of this command line has recorded.
_hibtool_recorded() {
  local word
  for word in "${COMP_WORDS[@]:2}"; do
    [[ -f $word || -b $word ]] || continue
    "${COMP_WORDS[0]}" completion devices "$word" 2>/dev/null
    return
  done
}

_hibtool_names() { _hibtool_quoted "$1" < <(_hibtool_recorded); }

# KEY=VALUE: what stands in front of the sign, then what stands behind it. "=VALUE" is for every device.
_hibtool_verdicts() {
  local word
  local -a own=() all=() keys=()
  for word in $2; do
    [[ $word == =* ]] && all+=("${word#=}") || keys+=("${word%%=*}")
    [[ $key && $word == "$key"=* ]] && own+=("${word#*=}")
  done
  if [[ $key ]]; then
    ((${#own[@]})) || own=("${all[@]}")
    _hibtool_reply < <(compgen -W "${own[*]}" -- "$1")
  else
    compopt -o nospace 2>/dev/null
    _hibtool_quoted "$1" = < <(printf '%s\n' "${keys[@]}"; _hibtool_recorded)
  fi
}

_hibtool() {
  local cur=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1))
  local key= options= operand=:
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ ${COMP_WORDS[before]} == = ]]; then
    ((before--))
  else
    before=-1
  fi
  if ((before < 0)); then
    before=$((COMP_CWORD - 1))
  elif [[ ${COMP_WORDS[before]} != -* ]]; then
    key=${COMP_WORDS[before]}
    ((before--))
  fi
  [[ ${COMP_WORDS[before]} == = ]] && ((before--))
  local prev=${COMP_WORDS[before]}
)bash";

constexpr const char* kBashEnd = R"bash(  esac
  local word
  for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
    [[ $word == -- ]] && options=
  done
  if [[ $cur == -* && $options ]]; then
    _hibtool_words "$cur" "$options"
  else
    $operand "$cur"
  fi
}

complete -F _hibtool hibtool
)bash";

std::string bash_action(const CompletedOption& option) {
  switch (option.by) {
    case Completed::Words: return fmt::format("_hibtool_words \"$cur\" '{}'", fmt::join(option.words, " "));
    case Completed::Files: return "_hibtool_files \"$cur\"";
    case Completed::Folders: return "_hibtool_folders \"$cur\"";
    case Completed::BlockDevices: return "_hibtool_devices \"$cur\"";
    case Completed::DeviceNames: return "_hibtool_names \"$cur\"";
    case Completed::Verdicts:
      return fmt::format("_hibtool_verdicts \"$cur\" '{}'", fmt::join(option.words, " "));
    case Completed::Nothing: return ":";
  }
  return ":";
}

// The function that completes operands.
std::string bash_operand(const CompletedVerb& verb) {
  const CompletedOption* operand = completed_operand(verb);
  if (operand == nullptr) return ":";
  switch (operand->by) {
    case Completed::BlockDevices: return "_hibtool_devices";
    case Completed::Folders: return "_hibtool_folders";
    case Completed::Nothing:
    case Completed::Words:
    case Completed::DeviceNames:
    case Completed::Verdicts:
    case Completed::Files: return "_hibtool_files";
  }
  return "_hibtool_files";
}

std::string bash_verb(const CompletedVerb& verb) {
  std::string values;
  std::vector<std::string> names;
  for (const CompletedOption& option : verb.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.placeholder.empty()) continue;
    values += fmt::format("        {}) {}; return ;;\n", fmt::join(option.names, "|"), bash_action(option));
  }
  return fmt::format("    {})\n      case $prev in\n{}      esac\n      options='{}' operand={} ;;\n",
                     verb.name, values, fmt::join(names, " "), bash_operand(verb));
}

}  // namespace

std::string bash_completion(const CompletedVerbs& verbs) {
  std::vector<std::string> names;
  for (const CompletedVerb& verb : verbs) names.push_back(verb.name);
  const std::string all = fmt::format("{}", fmt::join(names, " "));
  std::string text = kBashStart;
  text += fmt::format(
      "  if ((COMP_CWORD == 1)); then\n    _hibtool_words \"$cur\" '{} help --help --version'\n    return\n  "
      "fi\n"
      "  case ${{COMP_WORDS[1]}} in\n    help) _hibtool_words \"$cur\" '{}'; return ;;\n",
      all, all);
  for (const CompletedVerb& verb : verbs) text += bash_verb(verb);
  return text + kBashEnd;
}

}  // namespace hib::report
