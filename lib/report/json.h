// Reports as the JSON documents that the contract fixes. Addresses, PFNs, offsets and hashes are strings,
// counts numbers.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/device/device.h"
#include "lib/image/record.h"
#include "lib/ops/diff.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"

namespace hib::report {

using Json = nlohmann::ordered_json;

Json json_document(const std::string& verb);  // {"schema": "hibtool.VERB", "schema_version": 1}
void print_json(std::ostream& out, const Json& document);
void print_json_line(std::ostream& out, const Json& document);  // without a line end in it: JSON Lines

Json json_of_error(const Error& error);
Json json_of_pages(const PageCounts& pages);
Json json_of_kernel(const KernelIdentity& kernel);
Json json_of_damage(const std::vector<Damage>& damage);
Json json_of_ranges(const std::vector<PfnRange>& ranges);
Json json_of_fields(const FieldList& fields);       // fields of the same name become an array
Json json_of_page(Pfn pfn, ByteView page);          // hibtool.inspect-page
Json json_of_device(const device::Device& device);  // hibtool.inspect-device
Json json_of_runs(const std::vector<PageRun>& runs);
Json json_of_map(const std::vector<LabelledRange>& map);
Json json_of_history(const std::vector<Breadcrumb>& history);
Json json_of_records(const std::vector<Record>& records);
Json json_of_inspect(const InspectReport& report);
Json json_of_verify(const VerifyReport& report, const ImageInfo& info);
Json json_of_diff(const DiffReport& report, const ImageInfo& a, const ImageInfo& b);

// The opposite of json_of_records, for --records FILE. Errors name the place in the document.
Result<std::vector<Record>> records_from_json(const std::string& text, const std::string& file);

}  // namespace hib::report
