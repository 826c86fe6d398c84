/* Drives libhibtool from C, as somebody's program would. tests/abi/test_abi.py runs it.
 *
 *   test_abi rules IMAGE            hostile arguments, and the promises of hibtool.h
 *   test_abi show IMAGE [FORMAT]    all that is known of an image, for comparison with inspect --json
 *   test_abi sweep FILE...          opens and reads each of these, whatever they are
 *   test_abi threads IMAGE          many threads read one image
 *   test_abi memory IMAGE           everything once, for a test that lets allocations fail */
#include <hibtool.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

static void* allocate(size_t bytes) {
  void* memory = malloc(bytes == 0 ? 1 : bytes);
  CHECK(memory != NULL);
  return memory;
}

/* The error is complete, and of this status; frees it. */
static void expect(hibtool_status got, hibtool_error** error, hibtool_status wanted, const char* where) {
  if (got != wanted) fprintf(stderr, "status %d: %s\n", got, hibtool_error_message(*error));
  CHECK(got == wanted);
  if (got == HIBTOOL_OK || got == HIBTOOL_END) {
    CHECK(*error == NULL);
    return;
  }
  CHECK(*error != NULL);
  CHECK(hibtool_error_status(*error) == got);
  CHECK(hibtool_error_kind(*error)[0] != '\0');
  CHECK(hibtool_error_found(*error)[0] != '\0');
  CHECK(strstr(hibtool_error_message(*error), hibtool_error_found(*error)) != NULL);
  if (where != NULL && strcmp(hibtool_error_where(*error), where) != 0) {
    fprintf(stderr, "where is \"%s\"\n", hibtool_error_where(*error));
    CHECK(0);
  }
  hibtool_error_free(*error);
  *error = NULL;
}

static hibtool_image* open_or_die(const char* path, const hibtool_options* options) {
  hibtool_error* error = NULL;
  hibtool_image* image = NULL;
  expect(hibtool_open(path, options, &image, &error), &error, HIBTOOL_OK, NULL);
  return image;
}

static hibtool_info info_of(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_info info;
  info.size = sizeof info;
  expect(hibtool_get_info(image, &info, &error), &error, HIBTOOL_OK, NULL);
  CHECK(info.size == sizeof info);
  return info;
}

static uint64_t add_to_sum(uint64_t sum, const unsigned char* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
  return sum;
}

/* ---- rules */

static void null_arguments(const char* path, const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_image* opened = NULL;
  expect(hibtool_open(NULL, NULL, &opened, &error), &error, HIBTOOL_USAGE, "path");
  expect(hibtool_open(path, NULL, NULL, &error), &error, HIBTOOL_USAGE, "image");
  CHECK(hibtool_open(NULL, NULL, &opened, NULL) == HIBTOOL_USAGE);
  CHECK(opened == NULL);
  expect(hibtool_get_info(NULL, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_get_info(image, NULL, &error), &error, HIBTOOL_USAGE, "info");
  expect(hibtool_get_finding(NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_get_finding(image, 0, NULL, &error), &error, HIBTOOL_USAGE, "finding");
  expect(hibtool_runs_open(NULL, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_runs_open(image, NULL, &error), &error, HIBTOOL_USAGE, "runs");
  expect(hibtool_runs_next(NULL, NULL, &error), &error, HIBTOOL_USAGE, "runs");
  expect(hibtool_read_page(NULL, 0, NULL, 0, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_read_page(image, 0, NULL, 4096, &error), &error, HIBTOOL_USAGE, "out");
  expect(hibtool_read_pages(NULL, 0, 0, NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_read_pages(image, 0, 1, NULL, 4096, NULL, &error), &error, HIBTOOL_USAGE, "out");
  expect(hibtool_read(NULL, 0, NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_read(image, 0, NULL, 1, NULL, &error), &error, HIBTOOL_USAGE, "out");
  expect(hibtool_get_record(NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_get_record(image, 0, NULL, &error), &error, HIBTOOL_USAGE, "record");
  expect(hibtool_get_field(NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "fields");
  expect(hibtool_get_field(hibtool_details(image), 0, NULL, &error), &error, HIBTOOL_USAGE, "field");
  expect(hibtool_log_open(NULL, NULL, &error), &error, HIBTOOL_USAGE, "image");
  expect(hibtool_log_open(image, NULL, &error), &error, HIBTOOL_USAGE, "log");
  expect(hibtool_get_log_line(NULL, 0, NULL, &error), &error, HIBTOOL_USAGE, "log");

  CHECK(hibtool_finding_count(NULL) == 0 && hibtool_record_count(NULL) == 0 &&
        hibtool_field_count(NULL) == 0);
  CHECK(hibtool_log_line_count(NULL) == 0 && hibtool_log_overwritten(NULL) == 0 &&
        hibtool_log_unreadable(NULL) == 0);
  CHECK(hibtool_details(NULL) == NULL);
  hibtool_close(NULL);
  hibtool_runs_close(NULL);
  hibtool_log_close(NULL);
  hibtool_error_free(NULL);

  CHECK(hibtool_error_status(NULL) == HIBTOOL_OK && hibtool_error_offset(NULL, NULL) == 0);
  CHECK(strcmp(hibtool_error_kind(NULL), "") == 0 && strcmp(hibtool_error_message(NULL), "") == 0);
  CHECK(strcmp(hibtool_error_file(NULL), "") == 0 && strcmp(hibtool_error_where(NULL), "") == 0);
  CHECK(strcmp(hibtool_error_found(NULL), "") == 0 && strcmp(hibtool_error_allowed(NULL), "") == 0);
  CHECK(strcmp(hibtool_error_advice(NULL), "") == 0);
}

static void wrong_sizes(const char* path, const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_image* opened = NULL;
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  hibtool_info info = {0};
  hibtool_finding finding = {0};
  hibtool_run run = {0};
  hibtool_record record = {0};
  hibtool_field field = {0};
  hibtool_runs* runs = NULL;
  options.size = 8;
  expect(hibtool_open(path, &options, &opened, &error), &error, HIBTOOL_USAGE, "hibtool_options.size");
  options.size = (size_t)-1;
  expect(hibtool_open(path, &options, &opened, &error), &error, HIBTOOL_USAGE, "hibtool_options.size");
  CHECK(opened == NULL);
  expect(hibtool_get_info(image, &info, &error), &error, HIBTOOL_USAGE, "hibtool_info.size");
  expect(hibtool_get_finding(image, 0, &finding, &error), &error, HIBTOOL_USAGE, "hibtool_finding.size");
  expect(hibtool_get_record(image, 0, &record, &error), &error, HIBTOOL_USAGE, "hibtool_record.size");
  expect(hibtool_get_field(hibtool_details(image), 0, &field, &error), &error, HIBTOOL_USAGE,
         "hibtool_field.size");
  expect(hibtool_runs_open(image, &runs, &error), &error, HIBTOOL_OK, NULL);
  expect(hibtool_runs_next(runs, &run, &error), &error, HIBTOOL_USAGE, "hibtool_run.size");
  run.size = sizeof run;
  expect(hibtool_runs_next(runs, &run, &error), &error, HIBTOOL_OK, NULL); /* the first one is still there */
  hibtool_runs_close(runs);
}

/* A program that was built for a newer library, whose structures are larger. */
static void larger_structures(const char* path, const hibtool_image* image) {
  struct {
    hibtool_info info;
    unsigned char more[64];
  } larger;
  struct {
    hibtool_options options;
    uint64_t more;
  } asking = {HIBTOOL_OPTIONS_INIT, 0};
  hibtool_error* error = NULL;
  hibtool_image* opened = NULL;
  memset(&larger, 0xff, sizeof larger);
  larger.info.size = sizeof larger;
  expect(hibtool_get_info(image, &larger.info, &error), &error, HIBTOOL_OK, NULL);
  CHECK(larger.info.size == sizeof larger && larger.info.page_size == info_of(image).page_size);
  for (size_t i = 0; i < sizeof larger.more; ++i) CHECK(larger.more[i] == 0);

  asking.options.size = sizeof asking;
  expect(hibtool_open(path, &asking.options, &opened, &error), &error, HIBTOOL_OK, NULL);
  hibtool_close(opened);
  asking.more = 1;
  expect(hibtool_open(path, &asking.options, &opened, &error), &error, HIBTOOL_USAGE, "hibtool_options");
}

static void numbers_out_of_range(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_info info = info_of(image);
  const size_t page_size = info.page_size;
  unsigned char* page = allocate(2 * page_size);
  hibtool_finding finding = {0};
  hibtool_record record = {0};
  hibtool_field field = {0};
  uint64_t pages = 77;
  size_t bytes = 77;
  finding.size = sizeof finding;
  record.size = sizeof record;
  field.size = sizeof field;
  expect(hibtool_get_finding(image, hibtool_finding_count(image), &finding, &error), &error, HIBTOOL_USAGE,
         "index");
  expect(hibtool_get_record(image, (size_t)-1, &record, &error), &error, HIBTOOL_USAGE, "index");
  expect(hibtool_get_field(hibtool_details(image), 1000, &field, &error), &error, HIBTOOL_USAGE, "index");

  expect(hibtool_read_page(image, 0, page, page_size - 1, &error), &error, HIBTOOL_USAGE, "out_bytes");
  expect(hibtool_read_page(image, 0, page, page_size + 1, &error), &error, HIBTOOL_USAGE, "out_bytes");
  expect(hibtool_read_page(image, info.end_pfn, page, page_size, &error), &error, HIBTOOL_NO_PAGE, NULL);
  expect(hibtool_read_page(image, UINT64_MAX, page, page_size, &error), &error, HIBTOOL_NO_PAGE, NULL);
  expect(hibtool_read_page(image, UINT64_C(1) << 40, page, page_size, &error), &error, HIBTOOL_NO_PAGE, NULL);
  expect(hibtool_read_pages(image, 0, 2, page, page_size, &pages, &error), &error, HIBTOOL_USAGE,
         "out_bytes");
  CHECK(pages == 0);
  expect(hibtool_read_pages(image, 0, UINT64_MAX, page, page_size, &pages, &error), &error, HIBTOOL_USAGE,
         "count");
  expect(hibtool_read_pages(image, UINT64_MAX, 2, page, 2 * page_size, &pages, &error), &error,
         HIBTOOL_NO_PAGE, NULL);
  expect(hibtool_read_pages(image, 0, 0, NULL, 0, NULL, &error), &error, HIBTOOL_OK, NULL);
  expect(hibtool_read(image, UINT64_MAX, page, 2, &bytes, &error), &error, HIBTOOL_USAGE, "bytes");
  CHECK(bytes == 0);
  expect(hibtool_read(image, UINT64_MAX, page, 1, &bytes, &error), &error, HIBTOOL_NO_PAGE, NULL);
  expect(hibtool_read(image, 5, NULL, 0, &bytes, &error), &error, HIBTOOL_OK, NULL);
  free(page);
}

static void options_that_make_no_sense(const char* path, const char* format) {
  hibtool_error* error = NULL;
  hibtool_image* image = NULL;
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  options.flags = 0x80000000u;
  expect(hibtool_open(path, &options, &image, &error), &error, HIBTOOL_USAGE, "hibtool_options.flags");
  options.flags = 0;
  options.page_size = 1000;
  expect(hibtool_open(path, &options, &image, &error), &error, HIBTOOL_USAGE, "page_size");
  options.page_size = 0;
  options.flags = HIBTOOL_HAS_BASE_ADDRESS;
  options.format = format; /* without it, the address would name raw memory */
  expect(hibtool_open(path, &options, &image, &error), &error, HIBTOOL_USAGE, "base_address");
  options.flags = 0;
  options.format = "no such format";
  expect(hibtool_open(path, &options, &image, &error), &error, HIBTOOL_USAGE, "format");
  options.format = NULL;
  options.passphrase = "secret";
  expect(hibtool_open(path, &options, &image, &error), &error, HIBTOOL_USAGE, "passphrase");
  CHECK(image == NULL);
}

/* Each page by itself, many at once, and the bytes across their border are the same. */
static void reading_across_pages(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_runs* runs = NULL;
  hibtool_run run = {0};
  hibtool_status status;
  const size_t page_size = info_of(image).page_size;
  unsigned char *one = allocate(2 * page_size), *both = allocate(2 * page_size), *part = allocate(page_size);
  int found = 0;
  uint64_t pages = 0;
  size_t bytes = 0;
  run.size = sizeof run;
  expect(hibtool_runs_open(image, &runs, &error), &error, HIBTOOL_OK, NULL);
  while ((status = hibtool_runs_next(runs, &run, &error)) == HIBTOOL_OK) {
    if (run.state != HIBTOOL_DATA || run.count < 2) continue;
    found = 1;
    expect(hibtool_read_page(image, run.first_pfn, one, page_size, &error), &error, HIBTOOL_OK, NULL);
    expect(hibtool_read_page(image, run.first_pfn + 1, one + page_size, page_size, &error), &error,
           HIBTOOL_OK, NULL);
    expect(hibtool_read_pages(image, run.first_pfn, 2, both, 2 * page_size, &pages, &error), &error,
           HIBTOOL_OK, NULL);
    CHECK(pages == 2 && memcmp(one, both, 2 * page_size) == 0);
    expect(hibtool_read(image, run.first_pfn * page_size + 100, part, page_size, &bytes, &error), &error,
           HIBTOOL_OK, NULL);
    CHECK(bytes == page_size && memcmp(part, one + 100, page_size) == 0);
    break;
  }
  CHECK(found);
  hibtool_runs_close(runs);
  free(one);
  free(both);
  free(part);
}

/* Runs and logs outlive the image that they are of. */
static void closing_in_any_order(const char* path) {
  hibtool_error* error = NULL;
  hibtool_image* image = open_or_die(path, NULL);
  hibtool_runs* runs = NULL;
  hibtool_run run = {0};
  hibtool_status status;
  uint64_t pages = 0;
  const hibtool_info info = info_of(image);
  const uint64_t known = info.data_pages + info.zero_pages + info.absent_pages + info.unreadable_pages;
  run.size = sizeof run;
  expect(hibtool_runs_open(image, &runs, &error), &error, HIBTOOL_OK, NULL);
  hibtool_close(image);
  while ((status = hibtool_runs_next(runs, &run, &error)) == HIBTOOL_OK) pages += run.count;
  expect(status, &error, HIBTOOL_END, NULL);
  expect(hibtool_runs_next(runs, &run, &error), &error, HIBTOOL_END, NULL); /* and again */
  CHECK(pages == known);
  hibtool_runs_close(runs);
}

static void files_that_are_none(void) {
  hibtool_error* error = NULL;
  hibtool_image* image = NULL;
  uint64_t offset = 77;
  hibtool_status status = hibtool_open("/nonexistent/\033[31m", NULL, &image, &error);
  CHECK(strcmp(hibtool_error_kind(error), "not-found") == 0);
  CHECK(strcmp(hibtool_error_file(error), "/nonexistent/\\x1b[31m") ==
        0); /* nothing for a terminal to obey */
  CHECK(hibtool_error_offset(error, &offset) == 0 && offset == 77);
  expect(status, &error, HIBTOOL_NOT_FOUND, "open");
  expect(hibtool_open("/dev/null", NULL, &image, &error), &error, HIBTOOL_UNSUPPORTED, "open");
  status = hibtool_open("/", NULL, &image, &error);
  CHECK(status != HIBTOOL_OK);
  hibtool_error_free(error);
  CHECK(image == NULL);
}

static void rules(const char* path) {
  hibtool_image* image = open_or_die(path, NULL);
  char format[16];
  CHECK(strcmp(info_of(image).path, path) == 0);
  snprintf(format, sizeof format, "%s", info_of(image).format);
  CHECK(hibtool_version()[0] >= '0' && hibtool_version()[0] <= '9');
  null_arguments(path, image);
  wrong_sizes(path, image);
  larger_structures(path, image);
  numbers_out_of_range(image);
  reading_across_pages(image);
  hibtool_close(image);
  options_that_make_no_sense(path, format);
  closing_in_any_order(path);
  files_that_are_none();
}

/* ---- show */

static void show_text(const char* name, const char* text) {
  printf("%s %s\n", name, text == NULL ? "(null)" : text);
}

static void show_info(const hibtool_image* image) {
  const hibtool_info info = info_of(image);
  show_text("format", info.format);
  show_text("variant", info.variant);
  show_text("path", info.path);
  show_text("found_in", info.found_in);
  show_text("codec", info.codec);
  show_text("release", info.kernel_release);
  show_text("version", info.kernel_version);
  show_text("machine", info.kernel_machine);
  show_text("build_id", info.build_id);
  show_text("algorithm", info.integrity_algorithm);
  show_text("value", info.integrity_value);
  show_text("content_digest", info.content_digest);
  printf("numbers %u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
         info.page_size, info.state, info.file_bytes, info.data_pages, info.zero_pages, info.absent_pages,
         info.unreadable_pages, info.end_pfn);
  if (info.has_kaslr_slide) printf("kaslr_slide %" PRIu64 "\n", info.kaslr_slide);
}

static void show_findings(const hibtool_image* image) {
  hibtool_error* error = NULL;
  for (size_t i = 0; i < hibtool_finding_count(image); ++i) {
    hibtool_finding finding = {0};
    finding.size = sizeof finding;
    expect(hibtool_get_finding(image, i, &finding, &error), &error, HIBTOOL_OK, NULL);
    printf("finding %u %s %d %" PRIu64 " %s\n", finding.severity, finding.code, (int)finding.has_offset,
           finding.offset, finding.text);
  }
}

static void show_fields(const hibtool_fields* fields, int depth) {
  hibtool_error* error = NULL;
  CHECK(depth <= 8);
  for (size_t i = 0; i < hibtool_field_count(fields); ++i) {
    hibtool_field field = {0};
    field.size = sizeof field;
    expect(hibtool_get_field(fields, i, &field, &error), &error, HIBTOOL_OK, NULL);
    if (field.kind == HIBTOOL_FIELD_NUMBER)
      printf("field %d %s number %" PRIu64 "\n", depth, field.name, field.number);
    else
      printf("field %d %s %s %zu\n", depth, field.name,
             field.kind == HIBTOOL_FIELD_TEXT    ? "text"
             : field.kind == HIBTOOL_FIELD_BYTES ? "bytes"
                                                 : "fields",
             field.kind == HIBTOOL_FIELD_FIELDS ? hibtool_field_count(field.fields) : field.byte_count);
    if (field.kind == HIBTOOL_FIELD_TEXT) CHECK(((const char*)field.bytes)[field.byte_count] == '\0');
    if (field.kind == HIBTOOL_FIELD_FIELDS) show_fields(field.fields, depth + 1);
  }
}

static void show_records(const hibtool_image* image) {
  hibtool_error* error = NULL;
  for (size_t i = 0; i < hibtool_record_count(image); ++i) {
    hibtool_record record = {0};
    record.size = sizeof record;
    expect(hibtool_get_record(image, i, &record, &error), &error, HIBTOOL_OK, NULL);
    printf("record %s %u\n", record.type, record.version);
    show_fields(record.fields, 1);
  }
}

static void show_pages(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_runs* runs = NULL;
  hibtool_run run = {0};
  hibtool_status status;
  const size_t page_size = info_of(image).page_size;
  unsigned char* page = allocate(page_size);
  run.size = sizeof run;
  expect(hibtool_runs_open(image, &runs, &error), &error, HIBTOOL_OK, NULL);
  while ((status = hibtool_runs_next(runs, &run, &error)) == HIBTOOL_OK) {
    printf("run %" PRIu64 " %" PRIu64 " %u %u\n", run.first_pfn, run.count, run.state, run.fill);
    if (run.state == HIBTOOL_DATA) {
      expect(hibtool_read_page(image, run.first_pfn, page, page_size, &error), &error, HIBTOOL_OK, NULL);
      printf("sum %" PRIu64 " %" PRIu64 "\n", run.first_pfn,
             add_to_sum(UINT64_C(0xcbf29ce484222325), page, page_size));
    }
  }
  expect(status, &error, HIBTOOL_END, NULL);
  hibtool_runs_close(runs);
  free(page);
}

static void show_log(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_log* log = NULL;
  const hibtool_status status = hibtool_log_open(image, &log, &error);
  if (status != HIBTOOL_OK) {
    printf("log %s\n", hibtool_error_kind(error));
    expect(status, &error, status, NULL);
    return;
  }
  for (size_t i = 0; i < hibtool_log_line_count(log); ++i) {
    hibtool_log_line line = {0};
    line.size = sizeof line;
    expect(hibtool_get_log_line(log, i, &line, &error), &error, HIBTOOL_OK, NULL);
    CHECK(line.text[line.text_bytes] == '\0');
    printf("line %" PRIu64 " %u %zu\n", line.time_ns, line.level, line.text_bytes);
  }
  printf("lines %zu %" PRIu64 " %" PRIu64 "\n", hibtool_log_line_count(log), hibtool_log_overwritten(log),
         hibtool_log_unreadable(log));
  hibtool_log_close(log);
}

static void show(const char* path, const char* format) {
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  hibtool_image* image;
  options.format = format;
  image = open_or_die(path, &options);
  show_info(image);
  show_findings(image);
  show_fields(hibtool_details(image), 0);
  show_records(image);
  show_pages(image);
  show_log(image);
  hibtool_close(image);
}

/* ---- sweep */

/* At most so many pages of a run: a damaged image may promise very many. */
enum { kMostPages = 64 };

static void read_all(const hibtool_image* image) {
  hibtool_error* error = NULL;
  hibtool_runs* runs = NULL;
  hibtool_run run = {0};
  hibtool_status status;
  const size_t page_size = info_of(image).page_size;
  unsigned char* page = allocate(page_size);
  uint64_t end = 0, good = 0, bad = 0;
  run.size = sizeof run;
  status = hibtool_runs_open(image, &runs, &error);
  if (status != HIBTOOL_OK) {
    printf(", no runs: %s\n", hibtool_error_kind(error));
    expect(status, &error, status, NULL);
    free(page);
    return;
  }
  while ((status = hibtool_runs_next(runs, &run, &error)) == HIBTOOL_OK) {
    CHECK(run.count > 0 && run.first_pfn >= end && run.state <= HIBTOOL_UNREADABLE);
    end = run.first_pfn + run.count;
    for (uint64_t i = 0; i < run.count && i < kMostPages; ++i) {
      const hibtool_status read = hibtool_read_page(image, run.first_pfn + i, page, page_size, &error);
      if (run.state == HIBTOOL_FILL) {
        CHECK(read == HIBTOOL_OK && page[0] == run.fill && page[page_size - 1] == run.fill);
      }
      if (run.state == HIBTOOL_ABSENT) CHECK(read == HIBTOOL_NO_PAGE);
      if (run.state == HIBTOOL_UNREADABLE) CHECK(read != HIBTOOL_OK);
      expect(read, &error, read, NULL);
      if (read == HIBTOOL_OK)
        ++good;
      else
        ++bad;
    }
  }
  printf(", %" PRIu64 " pages read, %" PRIu64 " not", good, bad);
  if (status != HIBTOOL_END) printf(", runs end with %s", hibtool_error_kind(error));
  printf("\n");
  expect(status, &error, status, NULL);
  hibtool_runs_close(runs);
  free(page);
}

static void look_at(const char* path, uint32_t flags) {
  hibtool_error* error = NULL;
  hibtool_image* image = NULL;
  hibtool_log* log = NULL;
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  hibtool_status status;
  options.flags = flags;
  status = hibtool_open(path, &options, &image, &error);
  if (status != HIBTOOL_OK) {
    printf("%s %s: %s\n", flags ? "salvage" : "open", path, hibtool_error_kind(error));
    CHECK(strcmp(hibtool_error_file(error), "") != 0);
    expect(status, &error, status, NULL);
    CHECK(image == NULL);
    return;
  }
  printf("%s %s: %s", flags ? "salvage" : "open", path, info_of(image).format);
  read_all(image);
  status = hibtool_log_open(image, &log, &error);
  expect(status, &error, status, NULL);
  hibtool_log_close(log);
  hibtool_close(image);
}

/* ---- threads */

struct reading {
  const hibtool_image* image;
  uint64_t sum;
};

static void* read_everything(void* argument) {
  struct reading* reading = argument;
  const hibtool_info info = info_of(reading->image);
  unsigned char* page = allocate(info.page_size);
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (uint64_t pfn = 0; pfn < info.end_pfn; ++pfn) {
    if (hibtool_read_page(reading->image, pfn, page, info.page_size, NULL) == HIBTOOL_OK)
      sum = add_to_sum(sum, page, 64);
  }
  reading->sum = sum;
  free(page);
  return NULL;
}

static void threads(const char* path) {
  enum { kThreads = 6 };
  hibtool_image* image = open_or_die(path, NULL);
  struct reading readings[kThreads];
  pthread_t ids[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    readings[i].image = image;
    readings[i].sum = 0;
    CHECK(pthread_create(&ids[i], NULL, read_everything, &readings[i]) == 0);
  }
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(ids[i], NULL) == 0);
  for (int i = 1; i < kThreads; ++i) CHECK(readings[i].sum == readings[0].sum && readings[0].sum != 0);
  hibtool_close(image);
}

/* ---- memory */

/* Every call may find no memory, and then says so. From setrlimit on tests/support/fail_new.cpp counts
 * allocations. */
static int once(const char* path) {
  const struct rlimit no_core = {0, 0};
  hibtool_error* error = NULL;
  hibtool_image* image = NULL;
  hibtool_runs* runs = NULL;
  hibtool_log* log = NULL;
  hibtool_run run = {0};
  unsigned char part[100];
  hibtool_status status;
  run.size = sizeof run;
  setrlimit(RLIMIT_CORE, &no_core);
  status = hibtool_open(path, NULL, &image, &error);
  if (status == HIBTOOL_OK) status = hibtool_runs_open(image, &runs, &error);
  while (status == HIBTOOL_OK) status = hibtool_runs_next(runs, &run, &error);
  if (status == HIBTOOL_END) status = hibtool_read(image, 0x1000, part, sizeof part, NULL, &error);
  if (status != HIBTOOL_NO_MEMORY) { /* that page may be absent */
    hibtool_error_free(error);
    status = hibtool_log_open(image, &log, &error);
  }
  if (status != HIBTOOL_NO_MEMORY && image != NULL && runs != NULL) { /* a page or a log that is not there */
    hibtool_error_free(error);
    error = NULL;
    status = HIBTOOL_OK;
  }
  if (status == HIBTOOL_NO_MEMORY) {
    CHECK(strcmp(hibtool_error_kind(error), "no-memory") == 0);
    CHECK(strcmp(hibtool_error_message(error), "out of memory") == 0);
  }
  hibtool_error_free(error);
  hibtool_log_close(log);
  hibtool_runs_close(runs);
  hibtool_close(image);
  return status == HIBTOOL_OK ? 0 : status == HIBTOOL_NO_MEMORY ? 2 : 1;
}

int main(int argc, char** argv) {
  const char* verb = argc > 2 ? argv[1] : "";
  if (strcmp(verb, "rules") == 0) {
    rules(argv[2]);
  } else if (strcmp(verb, "show") == 0) {
    show(argv[2], argc > 3 ? argv[3] : NULL);
  } else if (strcmp(verb, "sweep") == 0) {
    for (int i = 2; i < argc; ++i) {
      look_at(argv[i], 0);
      look_at(argv[i], HIBTOOL_SALVAGE);
    }
  } else if (strcmp(verb, "threads") == 0) {
    threads(argv[2]);
  } else if (strcmp(verb, "memory") == 0) {
    return once(argv[2]);
  } else {
    fprintf(stderr, "usage: test_abi rules|show|sweep|threads|memory FILE...\n");
    return 64;
  }
  return 0;
}
