#include "format/swsusp/rearm.h"

#include "format/swsusp/locate.h"
#include "format/swsusp/uswsusp_stream.h"
#include "lib/os/in_place.h"

namespace hib::swsusp {

Result<void> put_signature_back(const std::string& path, const OpenOptions& options) {
  TRY(const auto file, File::open(path));
  TRY(const Located found, locate(file, options));
  if (found.header.state != State::Consumed) {
    return fail(
        make_error(ErrorKind::Refused, "swap header", "another state than a moment ago", "a consumed image")
            .of(path));
  }
  Header header = found.header;
  header.orig_sig = header.sig;
  header.sig = std::string(is_uswsusp(found.space, found.header) ? kSigUswsusp : kSigArmed);
  TRY(auto output, InPlaceFile::open(path));  // refuses what somebody uses
  TRY(auto page, file->read_at(found.header_offset, header.page_size));
  encode_tail(header, page);
  TRY_OK(output->write_at(found.header_offset, page));
  return output->flush();
}

}  // namespace hib::swsusp
