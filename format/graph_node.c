/* SPDX-License-Identifier: MIT */
#include "format/graph_node.h"

#include "format/proto.h"

#include <string.h>

/* One dimension of a shape's text; what follows it. */
static const char *parse_dim(const char *s, const struct graph_dims *d, uint64_t *ret)
{
	char *end = NULL;
	switch (*s) {
	case '?': *ret = (uint64_t)-1; return s + 1;
	case 'V': *ret = d->rows; return s + 1;
	case 'D': *ret = d->width; return s + 1;
	case 'K': *ret = d->words; return s + 1;
	default: *ret = strtoull(s, &end, 10); return end;
	}
}

static const char *write_dims(struct buf *b, const char *s, const struct graph_dims *d)
{
	while (*s != ']') {
		uint64_t size;
		s = parse_dim(s, d, &size);
		size_t dim = proto_begin(b, 2);
		if (size)
			proto_int(b, 1, size);
		proto_end(b, dim);
		s += *s == ',';
	}
	return s + 1;
}

const char *graph_node_write_shape(struct buf *b, unsigned field, const char *text, const struct graph_dims *d)
{
	size_t shape = proto_begin(b, field);
	if (*text == '?') {
		proto_int(b, 3, true);
		text++;
	} else {
		text = write_dims(b, text + 1, d);
	}
	proto_end(b, shape);
	return text + (*text == ' ');
}

/* What a type keeps its values in: int_val, int64_val, float_val, string_val. */
static void write_values(struct buf *b, const struct graph_attr *a)
{
	if (a->strings) {
		for (size_t i = 0; i < a->count; i++)
			proto_str(b, 8, a->strings[i]);
		return;
	}
	size_t packed = proto_begin(b, a->floats ? 5 : a->number == DT_INT32 ? 7 : 10);
	for (size_t i = 0; i < a->count; i++) {
		uint32_t bits;
		if (a->floats) {
			memcpy(&bits, &a->floats[i], sizeof bits);
			proto_fixed32(b, bits);
		} else {
			proto_varint(b, (uint64_t)a->ints[i]);
		}
	}
	proto_end(b, packed);
}

static void write_tensor(struct buf *b, const struct graph_attr *a, const struct graph_dims *d)
{
	size_t tensor = proto_begin(b, 8);
	proto_int(b, 1, (uint64_t)a->number);
	graph_node_write_shape(b, 2, a->text, d);
	write_values(b, a);
	proto_end(b, tensor);
}

/* AttrValue.ListValue, of shapes or of types. */
static void write_list(struct buf *b, const struct graph_attr *a, const struct graph_dims *d)
{
	size_t list = proto_begin(b, 1);
	if (a->kind == GRAPH_SHAPES) {
		for (const char *s = a->text; *s;)
			s = graph_node_write_shape(b, 7, s, d);
	} else {
		size_t packed = proto_begin(b, 6);
		for (size_t i = 0; i < a->count; i++)
			proto_varint(b, a->types[i]);
		proto_end(b, packed);
	}
	proto_end(b, list);
}

/* AttrValue: a oneof, so that zeroes are written too. */
static void write_value(struct buf *b, const struct graph_attr *a, const struct graph_dims *d)
{
	size_t function;
	switch (a->kind) {
	case GRAPH_TYPE: proto_int(b, 6, (uint64_t)a->number); break;
	case GRAPH_BOOL: proto_int(b, 5, (uint64_t)a->number); break;
	case GRAPH_INT: proto_int(b, 3, (uint64_t)a->number); break;
	case GRAPH_BYTES: proto_str(b, 2, a->text); break;
	case GRAPH_SHAPE: graph_node_write_shape(b, 7, a->text, d); break;
	case GRAPH_TENSOR: write_tensor(b, a, d); break;
	case GRAPH_TYPES:
	case GRAPH_SHAPES: write_list(b, a, d); break;
	case GRAPH_FUNCTION:
		function = proto_begin(b, 10);
		proto_str(b, 1, a->text);
		proto_end(b, function);
		break;
	}
}

/* Fill `ret` with the rows of a table in the order of their names; how many there are. A table
 * that is too long makes the buffer fail. */
static size_t sort_attrs(struct buf *b, const struct graph_attr *table, const struct graph_attr *ret[GRAPH_ATTRS_MAX])
{
	size_t n = 0;
	for (const struct graph_attr *a = table; a && a->name; a++) {
		if (n == GRAPH_ATTRS_MAX) {
			b->failed = true;
			break;
		}
		size_t i = n++;
		for (; i && proto_compare(ret[i - 1]->name, a->name) > 0; i--)
			ret[i] = ret[i - 1];
		ret[i] = a;
	}
	return n;
}

void graph_node_write_attrs(struct buf *b, unsigned field, const struct graph_attr *table, const struct graph_dims *d)
{
	const struct graph_attr *sorted[GRAPH_ATTRS_MAX];
	size_t n = sort_attrs(b, table, sorted);
	for (size_t i = 0; i < n; i++) {
		size_t entry = proto_begin(b, field);
		proto_str(b, 1, sorted[i]->name);
		size_t value = proto_begin(b, 2);
		write_value(b, sorted[i], d);
		proto_end(b, value);
		proto_end(b, entry);
	}
}

void graph_node_write(struct buf *b, unsigned field, const struct graph_node *n, const struct graph_dims *d)
{
	size_t node = proto_begin(b, field), len;
	proto_str(b, 1, n->name);
	proto_str(b, 2, n->op);
	GRAPH_WORDS(n->inputs, input, len)
		proto_bytes(b, 3, input, len);
	graph_node_write_attrs(b, 5, n->attrs, d);
	proto_end(b, node);
}

void graph_node_write_all(struct buf *b, unsigned field, const struct graph_node *table, const struct graph_dims *d)
{
	for (; table->name; table++)
		graph_node_write(b, field, table, d);
}
