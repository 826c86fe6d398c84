// SPDX-License-Identifier: GPL-2.0
/*
 * How a record is written: the self-describing encoding of docs/format/records.md, little-endian.
 * No memory is allocated here: it runs while the devices are suspended.
 */
#include <linux/string.h>

#include "compat.h"
#include "hibjump.h"

enum kind { KIND_NUMBER = 1, KIND_TEXT, KIND_BYTES, KIND_FIELDS };

#define HEADER_BYTES 8 /* of a record, and of a field */
#define MAX_NAME     255

/* Room for all of it or for nothing. */
static u8 *take(struct hibjump_writer *to, size_t bytes)
{
	u8 *at = to->bytes + to->used;

	if (to->full || bytes > to->room - to->used) {
		to->full = true;
		return NULL;
	}
	to->used += bytes;
	return at;
}

/* A field's header and name; the place of its value. */
static u8 *begin_field(struct hibjump_writer *to, enum kind kind, const char *name, size_t bytes)
{
	size_t name_bytes = strnlen(name, MAX_NAME);
	u8 *at = bytes > U32_MAX ? NULL : take(to, HEADER_BYTES + name_bytes + bytes);

	if (!at)
		return NULL;
	at[0] = kind;
	at[1] = name_bytes;
	put_unaligned_le16(0, at + 2);
	put_unaligned_le32(bytes, at + 4);
	memcpy(at + HEADER_BYTES, name, name_bytes);
	return at + HEADER_BYTES + name_bytes;
}

/* Its length is written by hibjump_end_record(). */
void hibjump_begin_record(struct hibjump_writer *to, const char *type, u16 version)
{
	size_t type_bytes = strnlen(type, MAX_NAME);
	u8 *at = take(to, HEADER_BYTES + type_bytes);

	if (!at)
		return;
	put_unaligned_le16(version, at);
	at[2] = type_bytes;
	at[3] = 0;
	memcpy(at + HEADER_BYTES, type, type_bytes);
}

void hibjump_end_record(struct hibjump_writer *to)
{
	size_t head = HEADER_BYTES + to->bytes[2];

	put_unaligned_le32(to->used - head, to->bytes + 4);
}

void hibjump_put_number(struct hibjump_writer *to, const char *name, u64 value)
{
	u8 *at = begin_field(to, KIND_NUMBER, name, sizeof(value));

	if (at)
		put_unaligned_le64(value, at);
}

static void put(struct hibjump_writer *to, enum kind kind, const char *name, const void *value,
		size_t bytes)
{
	u8 *at = begin_field(to, kind, name, bytes);

	if (at)
		memcpy(at, value, bytes);
}

void hibjump_put_text(struct hibjump_writer *to, const char *name, const char *value)
{
	put(to, KIND_TEXT, name, value, strlen(value));
}

void hibjump_put_bytes(struct hibjump_writer *to, const char *name, const void *value, size_t bytes)
{
	put(to, KIND_BYTES, name, value, bytes);
}

/* What is put from here on belongs to this field. Returns what hibjump_close_fields() is given. */
size_t hibjump_open_fields(struct hibjump_writer *to, const char *name)
{
	size_t opened = to->used;

	begin_field(to, KIND_FIELDS, name, 0);
	return opened;
}

/* What did not fit is not there at all. */
void hibjump_close_fields(struct hibjump_writer *to, size_t opened)
{
	u8 *at = to->bytes + opened;

	if (to->full)
		to->used = opened;
	else
		put_unaligned_le32(to->used - opened - HEADER_BYTES - at[1], at + 4);
}
