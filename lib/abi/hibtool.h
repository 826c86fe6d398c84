/* libhibtool reads images of Linux memory: everything that "hibtool inspect" opens, in C.
 *
 * Handles are opaque. Whoever got one from an open function gives it to the close function of its kind, once.
 * Closing NULL does nothing. Handles may be closed in any order: a hibtool_runs and a hibtool_log outlive
 * their image.
 *
 * Errors. A function that can fail returns a hibtool_status: HIBTOOL_OK, or what went wrong. When it fails,
 * what it would have given stays as it was, unless its comment says otherwise. When the last argument `error`
 * is not NULL, *error becomes an object that says what was found, where, and what would be allowed. The
 * caller frees it with hibtool_error_free(). After HIBTOOL_OK and HIBTOOL_END, *error is NULL.
 *
 * Hostile input. Whatever an image holds gives pages or an error. A NULL argument, a wrong size and a number
 * out of range give HIBTOOL_USAGE. A handle that was closed, or that never was one, is undefined behaviour.
 *
 * Text ends with a NUL and is safe to print: it is UTF-8, and control characters and broken UTF-8 of an image
 * are \xNN in it. The exceptions are types, names and values of records, and lines of the log: they are the
 * bytes of the image. Text belongs to the handle that it was asked of, and lives as long.
 *
 * Structures with a member `size` may get more members at their end. The caller sets `size` to sizeof of its
 * structure. The library fills that much, with zeros where it does not know a member. An option that it does
 * not know and that is not zero gives HIBTOOL_USAGE.
 *
 * Threads. Functions that take a const handle may be called from several threads at once, with the same
 * handle too. One thread at a time uses a hibtool_runs. Nothing is closed while another thread uses it. The
 * library starts no threads.
 *
 * The process. No exception leaves the library. It installs no signal handlers, prints nothing, and ends no
 * process. It unpacks compressed files to an unnamed file in TMPDIR.
 *
 * Pages have page frame numbers (PFNs): physical address / page size. */
#ifndef HIBTOOL_H
#define HIBTOOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, "0.1.0". Never fails. */
const char* hibtool_version(void);

/* ---- errors */

/* The numbers never change. Later versions may add some. */
typedef enum hibtool_status {
  HIBTOOL_END = -1,           /* of an iteration: there is no more */
  HIBTOOL_OK = 0,             /* done */
  HIBTOOL_NOT_FOUND = 1,      /* no such file, or no such thing in the image */
  HIBTOOL_IO = 2,             /* the system refused to open or to read */
  HIBTOOL_NOT_RECOGNISED = 3, /* no format has this content */
  HIBTOOL_UNSUPPORTED = 4,    /* known, but this version cannot read it */
  HIBTOOL_TRUNCATED = 5,      /* the file ends before the structure does */
  HIBTOOL_CORRUPT = 6,        /* a field holds what the format does not allow */
  HIBTOOL_LIMIT = 7,          /* the format allows it, and it is more than the library accepts */
  HIBTOOL_NO_PAGE = 8,        /* the image does not hold that page */
  HIBTOOL_AUTHENTICATION = 9, /* the image is encrypted, and there is no passphrase or a wrong one */
  HIBTOOL_WRONG_BASE = 10,    /* the base of an incremental image is missing, or another image */
  HIBTOOL_USAGE = 11,         /* the caller asked for something that makes no sense */
  HIBTOOL_REFUSED = 12,       /* a safety rule says no */
  HIBTOOL_NO_MEMORY = 13,     /* memory could not be allocated */
  HIBTOOL_INTERNAL = 14       /* a defect of the library or of one that it uses */
} hibtool_status;

typedef struct hibtool_error hibtool_error;

/* Of a NULL error: HIBTOOL_OK, and "" as text. None of these fails. */
hibtool_status hibtool_error_status(const hibtool_error* error);
/* The status as the "kind" of JSON documents: "no-page". */
const char* hibtool_error_kind(const hibtool_error* error);
/* The file, or "". */
const char* hibtool_error_file(const hibtool_error* error);
/* Bytes from the start of the file to *offset, and 1. Where there is no such place: 0, and *offset stays. */
int hibtool_error_offset(const hibtool_error* error, uint64_t* offset);
/* Structure, record and field ("program header 3: p_offset"), the call of the system, or the argument. */
const char* hibtool_error_where(const hibtool_error* error);
const char* hibtool_error_found(const hibtool_error* error);
const char* hibtool_error_allowed(const hibtool_error* error);
/* What to do next, or "". */
const char* hibtool_error_advice(const hibtool_error* error);
/* All of it in one line. */
const char* hibtool_error_message(const hibtool_error* error);
void hibtool_error_free(hibtool_error* error);

/* ---- images */

typedef struct hibtool_image hibtool_image;

/* hibtool_options.flags. One that the library does not know gives HIBTOOL_USAGE. */
#define HIBTOOL_SALVAGE 0x1u          /* open an image with damage too; lost pages are HIBTOOL_UNREADABLE */
#define HIBTOOL_WITHOUT_BASE 0x2u     /* open an incremental image although its base is not there */
#define HIBTOOL_HAS_BASE_ADDRESS 0x4u /* base_address counts */
#define HIBTOOL_HAS_SWAP_OFFSET 0x8u  /* swap_offset counts */

typedef struct hibtool_options {
  size_t size;           /* sizeof(hibtool_options) */
  uint32_t flags;        /* HIBTOOL_SALVAGE and others */
  uint32_t page_size;    /* bytes; 0: 4096. Of raw memory, which does not say it */
  const char* format;    /* as "hibtool inspect -f" has it; NULL: by content. base_address names raw memory */
  uint64_t base_address; /* of raw memory: physical address of the first byte */
  uint64_t swap_offset;  /* of a device: page at which the image begins (the kernel's resume_offset) */
  const char* base_image; /* of an incremental image: file of its base; NULL: beside it */
  const char* passphrase; /* of an encrypted image; NULL: none */
} hibtool_options;

#define HIBTOOL_OPTIONS_INIT \
  { sizeof(hibtool_options), 0, 0, NULL, 0, 0, NULL, NULL }

/* Opens a file, a block device or the URI of an NBD server for reading; "-" is standard input. `options` may
 * be NULL and is not kept. *image is the caller's, for hibtool_close(). An option that this image has no use
 * for is HIBTOOL_USAGE. An image with damage gives its first damage as the error, unless HIBTOOL_SALVAGE is
 * set. An encrypted image opens without its passphrase; hibtool_info.is_encrypted is 1 then, and reading a
 * page gives HIBTOOL_AUTHENTICATION. */
hibtool_status hibtool_open(const char* path, const hibtool_options* options, hibtool_image** image,
                            hibtool_error** error);

/* All text that belongs to the image dies with it. */
void hibtool_close(hibtool_image* image);

/* The `state` of docs/json.md. */
typedef enum hibtool_image_state {
  HIBTOOL_STATE_UNKNOWN = 0,
  HIBTOOL_STATE_COMPLETE = 1,
  HIBTOOL_STATE_INCOMPLETE = 2, /* the writer did not finish, or the end is cut off */
  HIBTOOL_STATE_ARMED = 3,      /* a hibernation image: the next boot resumes from it */
  HIBTOOL_STATE_CONSUMED = 4,   /* a hibernation image: a kernel has taken its signature back */
  HIBTOOL_STATE_NONE = 5        /* a swap area without an image */
} hibtool_image_state;

/* Pages are counted as the image represents them: a format without a mark for zero pages holds them as data.
 */
typedef struct hibtool_info {
  size_t size;                /* sizeof(hibtool_info) */
  uint32_t page_size;         /* bytes */
  uint32_t state;             /* a hibtool_image_state */
  uint64_t file_bytes;        /* of the file or device; of a compressed file: of what it holds */
  uint64_t data_pages;        /* their bytes are there */
  uint64_t zero_pages;        /* all bytes are zero */
  uint64_t absent_pages;      /* of the machine, and not in the image */
  uint64_t unreadable_pages;  /* lost */
  uint64_t end_pfn;           /* one past the last page */
  const char* format;         /* "hib", "swsusp", "elf", … */
  const char* variant;        /* of the format, for people */
  const char* path;           /* as given to hibtool_open() */
  const char* found_in;       /* what the file was taken out of, outermost first: "qcow2,gzip"; "": nothing */
  const char* codec;          /* compression of the pages: "none", "zstd", … */
  const char* kernel_release; /* uname -r; NULL: not known. The next two likewise */
  const char* kernel_version; /* uname -v */
  const char* kernel_machine; /* uname -m */
  const char* build_id;       /* of the kernel, hexadecimal digits; NULL: not known */
  const char* integrity_algorithm; /* checksum that the image holds over its content; "none" */
  const char* integrity_value;     /* hexadecimal digits; NULL: none, or it cannot be read */
  const char* content_digest;      /* "xxh3-128:…" where the image holds one; NULL: none */
  uint64_t kaslr_slide;            /* bytes by which the kernel was moved, where has_kaslr_slide */
  uint64_t swap_offset;            /* page of the device with the image's header, where has_swap_offset */
  uint8_t has_kaslr_slide;         /* 0 or 1, as all that follow */
  uint8_t has_swap_offset;
  uint8_t is_encrypted;   /* a passphrase opens its pages */
  uint8_t is_incremental; /* over another image */
} hibtool_info;

/* What opening the image has told. No page is read. */
hibtool_status hibtool_get_info(const hibtool_image* image, hibtool_info* info, hibtool_error** error);

typedef enum hibtool_severity { HIBTOOL_NOTE = 0, HIBTOOL_WARNING = 1, HIBTOOL_ERROR = 2 } hibtool_severity;

/* Something worth knowing that did not stop the reader. Damage that HIBTOOL_SALVAGE went past is among them.
 */
typedef struct hibtool_finding {
  size_t size;         /* sizeof(hibtool_finding) */
  uint32_t severity;   /* a hibtool_severity */
  uint32_t has_offset; /* 0 or 1 */
  uint64_t offset;     /* bytes from the start of the file */
  const char* code;    /* stable: docs/json.md has the list */
  const char* text;    /* for people */
} hibtool_finding;

size_t hibtool_finding_count(const hibtool_image* image); /* 0 for NULL */
hibtool_status hibtool_get_finding(const hibtool_image* image, size_t index, hibtool_finding* finding,
                                   hibtool_error** error);

/* ---- pages */

typedef enum hibtool_page_state {
  HIBTOOL_DATA = 0,      /* the bytes can be read */
  HIBTOOL_FILL = 1,      /* every byte is `fill`, and can be read too */
  HIBTOOL_ABSENT = 2,    /* of the machine's memory, and not in the image */
  HIBTOOL_UNREADABLE = 3 /* should be in the image, and is lost */
} hibtool_page_state;

typedef struct hibtool_run {
  size_t size;        /* sizeof(hibtool_run) */
  uint64_t first_pfn; /* first page */
  uint64_t count;     /* pages, at least 1 */
  uint32_t state;     /* a hibtool_page_state */
  uint32_t fill;      /* 0 to 255; of HIBTOOL_FILL */
} hibtool_run;

typedef struct hibtool_runs hibtool_runs;

/* The pages that the image knows of, as runs of one state in ascending order. Between them is no memory. No
 * page is read. *runs is the caller's, for hibtool_runs_close(). */
hibtool_status hibtool_runs_open(const hibtool_image* image, hibtool_runs** runs, hibtool_error** error);
/* The next run, HIBTOOL_END after the last, or an error, after which the iteration is over. */
hibtool_status hibtool_runs_next(hibtool_runs* runs, hibtool_run* run, hibtool_error** error);
void hibtool_runs_close(hibtool_runs* runs);

/* One page into `out`, whose `out_bytes` must be the page size. HIBTOOL_NO_PAGE where the image does not hold
 * it. On failure the content of `out` is undefined. */
hibtool_status hibtool_read_page(const hibtool_image* image, uint64_t pfn, void* out, size_t out_bytes,
                                 hibtool_error** error);

/* `count` pages from `first_pfn` on into `out`, whose `out_bytes` must be count * page size. On failure
 * *read_pages is the number of whole pages before the one that could not be read, and the rest of `out` is
 * undefined. `read_pages` may be NULL. */
hibtool_status hibtool_read_pages(const hibtool_image* image, uint64_t first_pfn, uint64_t count, void* out,
                                  size_t out_bytes, uint64_t* read_pages, hibtool_error** error);

/* `bytes` bytes of physical memory from `address` on, across pages. On failure *read_bytes is the number of
 * bytes before the page that could not be read, and the rest of `out` is undefined. `read_bytes` may be NULL;
 * so may `out`, for 0 bytes. */
hibtool_status hibtool_read(const hibtool_image* image, uint64_t address, void* out, size_t bytes,
                            size_t* read_bytes, hibtool_error** error);

/* ---- records: what the image knows of its machine beside the pages */

/* Named values in an order. docs/format/records.md has the records of hibtool and their fields. */
typedef struct hibtool_fields hibtool_fields;

typedef enum hibtool_field_kind {
  HIBTOOL_FIELD_NUMBER = 0,
  HIBTOOL_FIELD_TEXT = 1, /* bytes of the image: it may hold NULs and need not be UTF-8. A NUL follows it */
  HIBTOOL_FIELD_BYTES = 2,
  HIBTOOL_FIELD_FIELDS = 3 /* at most 8 levels deep */
} hibtool_field_kind;

typedef struct hibtool_field {
  size_t size;                  /* sizeof(hibtool_field) */
  const char* name;             /* several fields may have one name */
  uint32_t kind;                /* a hibtool_field_kind */
  uint32_t reserved;            /* 0 */
  uint64_t number;              /* of HIBTOOL_FIELD_NUMBER */
  const void* bytes;            /* of text and bytes, NULL otherwise */
  size_t byte_count;            /* of text and bytes, without the NUL */
  const hibtool_fields* fields; /* of HIBTOOL_FIELD_FIELDS, NULL otherwise */
} hibtool_field;

typedef struct hibtool_record {
  size_t size;                  /* sizeof(hibtool_record) */
  const char* type;             /* "machine" */
  uint32_t version;             /* of the type */
  uint32_t reserved;            /* 0 */
  const hibtool_fields* fields; /* the image's */
} hibtool_record;

size_t hibtool_record_count(const hibtool_image* image); /* 0 for NULL */
hibtool_status hibtool_get_record(const hibtool_image* image, size_t index, hibtool_record* record,
                                  hibtool_error** error);
size_t hibtool_field_count(const hibtool_fields* fields); /* 0 for NULL */
hibtool_status hibtool_get_field(const hibtool_fields* fields, size_t index, hibtool_field* field,
                                 hibtool_error** error);
/* What only this format has, as text for people: "swap UUID". Empty where it has nothing. NULL for NULL
 * alone. */
const hibtool_fields* hibtool_details(const hibtool_image* image);

/* ---- the kernel's log */

typedef struct hibtool_log hibtool_log;

typedef struct hibtool_log_line {
  size_t size;       /* sizeof(hibtool_log_line) */
  uint64_t time_ns;  /* since the kernel started */
  uint32_t level;    /* 0 (emergency) to 7 (debug) */
  uint32_t facility; /* 0: the kernel; others wrote to /dev/kmsg */
  const char* text;  /* bytes of the image; it may have several lines. A NUL follows it */
  size_t text_bytes; /* without the NUL */
  uint32_t caller;   /* where has_caller: bit 31 and a processor, or a thread */
  uint32_t has_caller;
} hibtool_log_line;

/* What dmesg would show, out of the memory. Reads the pages of the log's rings. HIBTOOL_NOT_FOUND where the
 * image does not say where its kernel's log is. *log is the caller's, for hibtool_log_close(). */
hibtool_status hibtool_log_open(const hibtool_image* image, hibtool_log** log, hibtool_error** error);
size_t hibtool_log_line_count(const hibtool_log* log);    /* 0 for NULL */
uint64_t hibtool_log_overwritten(const hibtool_log* log); /* earlier lines that later ones have overwritten */
uint64_t hibtool_log_unreadable(const hibtool_log* log);  /* lines whose pages the image does not hold */
/* Oldest first. */
hibtool_status hibtool_get_log_line(const hibtool_log* log, size_t index, hibtool_log_line* line,
                                    hibtool_error** error);
void hibtool_log_close(hibtool_log* log);

#ifdef __cplusplus
}
#endif
#endif
