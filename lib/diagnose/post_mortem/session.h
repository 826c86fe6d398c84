// Is the session still there, and can it be had back? The first thing that anybody wants to know.
#pragma once

#include <optional>
#include <string>

#include "lib/diagnose/cause.h"
#include "lib/diagnose/post_mortem/disk.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {

enum class SessionState : std::uint8_t { Armed, ConsumedWhole, ConsumedPartly, Gone, None };

std::string_view name_of(SessionState state);  // "consumed-whole", as in documents

struct Session {
  SessionState state = SessionState::None;
  std::string device;                 // empty: none was looked at
  std::optional<bool> safe_to_rearm;  // nothing: it cannot be told, or there is nothing to arm
  std::string text;                   // one sentence
  Advice next;                        // the one thing to do first
};

// By the disk alone.
Session session_on(const Disk& disk);

// What the logs know beside the disk: a machine that went on from this image must not go back to it, nor one
// whose file systems a later boot has mounted. Where no image could be read, what they tell of one.
void settle_session(const Case& facts, const Cause& verdict, bool has_gone_on, Session& session);

// The hibernation of the logs is the one of the image, as far as their clocks tell.
bool is_same_hibernation(const Case& facts);

// The area is in use as swap: each page that is swapped out goes over the image.
void warn_of_use(Session& session);

// Of several candidates the one with most of a session; nothing where there is none.
const Disk* best_of(const std::vector<Disk>& disks);

}  // namespace hib::diagnose
