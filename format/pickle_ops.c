/* SPDX-License-Identifier: MIT */
/* The opcodes (CPython Lib/pickletools.py) that models are made of, and what each does to the
 * stack. Refused on purpose: PERSID, BINPERSID, EXT1-4 (they name things outside the file),
 * NEXT_BUFFER, READONLY_BUFFER (out-of-band data), INST, OBJ and the text forms of protocol 0. */
#include "format/pickle_node.h"

#include <inttypes.h>
#include <string.h>

static int malformed(const struct pickle *p, const char *what)
{
	return err_set(-EBADMSG, "pickle is malformed at byte %" PRIu64 ": %s", p->at, what);
}

static int push(struct pickle *p, uint64_t v) { return pickle_seq_push(p, &p->stack, v); }

static int push_node(struct pickle *p, enum node_kind kind)
{
	uint64_t v;
	int r = pickle_node_new(p, kind, &v);
	return r ? r : push(p, v);
}

/* The value `depth` below the top, which must lie above the last mark. */
static int peek(const struct pickle *p, uint64_t depth, uint64_t *ret)
{
	for (uint64_t i = 0; i <= depth; i++) {
		if (i == p->stack.n || pickle_tag(*pickle_seq_at(&p->stack, p->stack.n - 1 - i)) == PICKLE_MARK)
			return malformed(p, "the stack is empty");
	}
	*ret = *pickle_seq_at(&p->stack, p->stack.n - 1 - depth);
	return 0;
}

static int pop(struct pickle *p, uint64_t *ret)
{
	int r = peek(p, 0, ret);
	if (!r)
		p->stack.n--;
	return r;
}

/* Index of the last mark. Every caller pops what was walked over, or fails for good. */
static int find_mark(const struct pickle *p, uint64_t *ret)
{
	for (uint64_t i = p->stack.n; i-- > 0;) {
		if (pickle_tag(*pickle_seq_at(&p->stack, i)) == PICKLE_MARK) {
			*ret = i;
			return 0;
		}
	}
	return malformed(p, "there is no mark");
}

static int op_none(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_NONE, 0)); }
static int op_true(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_BOOL, 1)); }
static int op_false(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_BOOL, 0)); }
static int op_int(struct pickle *p, uint64_t arg) { return push(p, pickle_value_make(PICKLE_INT, arg)); }
static int op_int4(struct pickle *p, uint64_t arg) { return push(p, pickle_value_make(PICKLE_INT, (uint64_t)(int32_t)arg)); }
static int op_float(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_FLOAT, p->at)); }
static int op_str(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_STR, p->at)); }
static int op_bytes(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_BYTES, p->at)); }
static int op_list(struct pickle *p, uint64_t arg) { (void)arg; return push_node(p, NODE_LIST); }
static int op_dict(struct pickle *p, uint64_t arg) { (void)arg; return push_node(p, NODE_DICT); }
static int op_tuple(struct pickle *p, uint64_t arg) { (void)arg; return push_node(p, NODE_TUPLE); }
/* Nobody asks what is in a set. */
static int op_set(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_OPAQUE, 0)); }
static int op_mark(struct pickle *p, uint64_t arg) { (void)arg; return push(p, pickle_value_make(PICKLE_MARK, 0)); }

static int op_proto(struct pickle *p, uint64_t arg)
{
	return arg >= 2 && arg <= 5 ? 0 : malformed(p, "its protocol is not 2 to 5");
}

static int op_frame(struct pickle *p, uint64_t arg)
{
	if (arg <= p->win.src->size - p->pos)
		return 0;
	return err_set(-EBADMSG, "pickle is cut short: ends at byte %" PRIu64 ", inside a FRAME of %" PRIu64 " bytes from %"
		       PRIu64 " on", p->win.src->size, arg, p->pos);
}

static int op_stop(struct pickle *p, uint64_t arg)
{
	(void)arg;
	int r = pop(p, &p->top);
	return r ? r : 1;
}

static int op_pop(struct pickle *p, uint64_t arg)
{
	(void)arg;
	if (!p->stack.n)
		return malformed(p, "the stack is empty");
	p->stack.n--;
	return 0;
}

static int op_pop_mark(struct pickle *p, uint64_t arg)
{
	(void)arg;
	return find_mark(p, &p->stack.n);
}

static int op_dup(struct pickle *p, uint64_t arg)
{
	int r = peek(p, 0, &arg);
	return r ? r : push(p, arg);
}

/* A little-endian two's complement number of `size` bytes before p->pos. */
static int op_long(struct pickle *p, uint64_t size)
{
	const unsigned char *b;
	if (size > 7)
		return push(p, pickle_value_make(PICKLE_OPAQUE, 0));
	int r = window_at(&p->win, p->pos - size, (size_t)size, &b);
	if (r)
		return r;
	uint64_t v = size && b[size - 1] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = (size_t)size; i-- > 0;)
		v = v << 8 | b[i];
	return push(p, pickle_value_make(PICKLE_INT, v));
}

/* The text up to the next newline, which is passed over. */
static int read_text_line(struct pickle *p, char ret[PICKLE_NAME_MAX + 1])
{
	uint64_t left = p->win.src->size - p->pos;
	size_t n = left < PICKLE_NAME_MAX + 1 ? (size_t)left : PICKLE_NAME_MAX + 1;
	const unsigned char *b;
	int r = window_at(&p->win, p->pos, n, &b);
	if (r)
		return r;
	const unsigned char *end = memchr(b, '\n', n);
	if (!end || memchr(b, '\0', (size_t)(end - b)))
		return malformed(p, n == left ? "it is cut short inside a line" : "a line is too long or holds a NUL");
	n = (size_t)(end - b);
	memcpy(ret, b, n);
	ret[n] = '\0';
	p->pos += n + 1;
	return 0;
}

/* INT and LONG: decimal, LONG with an L; INT 00 and 01 are False and True. */
static int op_int_line(struct pickle *p, uint64_t arg)
{
	char text[PICKLE_NAME_MAX + 1], *end;
	int r = read_text_line(p, text);
	(void)arg;
	if (r)
		return r;
	if (!strcmp(text, "00") || !strcmp(text, "01"))
		return push(p, pickle_value_make(PICKLE_BOOL, text[1] == '1'));
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || (*end && strcmp(end, "L") != 0))
		return malformed(p, "a number is none");
	bool fits = !errno && v >= -(INT64_C(1) << 55) && v < INT64_C(1) << 55;
	return push(p, fits ? pickle_value_make(PICKLE_INT, (uint64_t)v) : pickle_value_make(PICKLE_OPAQUE, 0));
}

static int op_global(struct pickle *p, uint64_t arg)
{
	char module[PICKLE_NAME_MAX + 1], name[PICKLE_NAME_MAX + 1];
	int r = read_text_line(p, module);
	if (!r)
		r = read_text_line(p, name);
	if (!r)
		r = pickle_class_get(p, module, name, &arg);
	return r ? r : push(p, arg);
}

static int op_stack_global(struct pickle *p, uint64_t arg)
{
	char module[PICKLE_NAME_MAX + 1], name[PICKLE_NAME_MAX + 1];
	uint64_t m, n;
	int r = pop(p, &n);
	if (r || (r = pop(p, &m)))
		return r;
	if (pickle_tag(m) != PICKLE_STR || pickle_tag(n) != PICKLE_STR)
		return malformed(p, "a class is not named by texts");
	if ((r = pickle_text_string(p, m, module, sizeof module)) || (r = pickle_text_string(p, n, name, sizeof name)) ||
	    (r = pickle_class_get(p, module, name, &arg)))
		return r;
	return push(p, arg);
}

/* TUPLE1 to TUPLE3. */
static int tuple_of(struct pickle *p, uint64_t count)
{
	uint64_t tuple, v;
	int r = peek(p, count - 1, &v);
	if (r || (r = pickle_node_new(p, NODE_TUPLE, &tuple)))
		return r;
	struct node *n = pickle_node_of(p, tuple);
	for (uint64_t i = p->stack.n - count; !r && i < p->stack.n; i++)
		r = pickle_seq_push(p, &n->items, *pickle_seq_at(&p->stack, i));
	p->stack.n -= count;
	return r ? r : push(p, tuple);
}

static int op_tuple1(struct pickle *p, uint64_t arg) { (void)arg; return tuple_of(p, 1); }
static int op_tuple2(struct pickle *p, uint64_t arg) { (void)arg; return tuple_of(p, 2); }
static int op_tuple3(struct pickle *p, uint64_t arg) { (void)arg; return tuple_of(p, 3); }

/* Arrays in lists are members of object arrays (hs models hold two for every word). */
static uint64_t listed(struct pickle *p, uint64_t v)
{
	if (pickle_node_role(p, v) != CLASS_ARRAY || pickle_tag(v) != PICKLE_NODE)
		return v;
	pickle_node_forget(p, v);
	return pickle_value_make(PICKLE_OPAQUE, 0);
}

/* Add what lies above `mark` to `list`, drop it and the mark. */
static int take_items(struct pickle *p, uint64_t mark, uint64_t list)
{
	struct node *n = pickle_node_of(p, list);
	int r = 0;
	if (n && n->kind != NODE_LIST && n->kind != NODE_TUPLE)
		n = NULL; /* a subclass of list */
	for (uint64_t i = mark + 1; n && !r && i < p->stack.n; i++)
		r = pickle_seq_push(p, &n->items, n->kind == NODE_LIST ? listed(p, *pickle_seq_at(&p->stack, i)) : *pickle_seq_at(&p->stack, i));
	p->stack.n = mark;
	return r;
}

static int container_of_mark(struct pickle *p, enum node_kind kind)
{
	uint64_t mark, v;
	int r = find_mark(p, &mark);
	if (r || (r = pickle_node_new(p, kind, &v)) || (r = take_items(p, mark, v)))
		return r;
	return push(p, v);
}

static int op_tuple_mark(struct pickle *p, uint64_t arg) { (void)arg; return container_of_mark(p, NODE_TUPLE); }
static int op_list_mark(struct pickle *p, uint64_t arg) { (void)arg; return container_of_mark(p, NODE_LIST); }

static int op_frozenset(struct pickle *p, uint64_t arg)
{
	int r = op_pop_mark(p, arg);
	return r ? r : op_set(p, arg);
}

static int op_append(struct pickle *p, uint64_t arg)
{
	uint64_t list, v;
	int r = pop(p, &v);
	(void)arg;
	if (r || (r = peek(p, 0, &list)))
		return r;
	struct node *n = pickle_node_of(p, list);
	return n && n->kind == NODE_LIST ? pickle_seq_push(p, &n->items, listed(p, v)) : 0;
}

/* The mark, and the container under it. */
static int mark_and_target(struct pickle *p, uint64_t *ret_mark, uint64_t *ret)
{
	int r = find_mark(p, ret_mark);
	if (r)
		return r;
	if (!*ret_mark || pickle_tag(*ret = *pickle_seq_at(&p->stack, *ret_mark - 1)) == PICKLE_MARK)
		return malformed(p, "there is nothing under the mark");
	return 0;
}

static int op_appends(struct pickle *p, uint64_t arg)
{
	uint64_t mark;
	int r = mark_and_target(p, &mark, &arg);
	if (r)
		return r;
	struct node *n = pickle_node_of(p, arg);
	return take_items(p, mark, n && n->kind == NODE_LIST ? arg : 0);
}

static int op_additems(struct pickle *p, uint64_t arg)
{
	uint64_t mark;
	int r = mark_and_target(p, &mark, &arg);
	return r ? r : take_items(p, mark, 0);
}

static int op_setitem(struct pickle *p, uint64_t arg)
{
	uint64_t key, v;
	int r = pop(p, &v);
	if (r || (r = pop(p, &key)) || (r = peek(p, 0, &arg)))
		return r;
	return pickle_node_set(p, arg, key, v);
}

static int set_items(struct pickle *p, uint64_t mark, uint64_t dict)
{
	int r = 0;
	if ((p->stack.n - mark) % 2 == 0)
		return malformed(p, "a dict gets a key without a value");
	for (uint64_t i = mark + 1; !r && i < p->stack.n; i += 2)
		r = pickle_node_set(p, dict, *pickle_seq_at(&p->stack, i), *pickle_seq_at(&p->stack, i + 1));
	p->stack.n = mark;
	return r;
}

static int op_setitems(struct pickle *p, uint64_t arg)
{
	uint64_t mark;
	int r = mark_and_target(p, &mark, &arg);
	return r ? r : set_items(p, mark, arg);
}

static int op_dict_mark(struct pickle *p, uint64_t arg)
{
	uint64_t mark;
	int r = find_mark(p, &mark);
	if (r || (r = pickle_node_new(p, NODE_DICT, &arg)) || (r = set_items(p, mark, arg)))
		return r;
	return push(p, arg);
}

static int memo_put(struct pickle *p, uint64_t index)
{
	uint64_t v;
	int r = peek(p, 0, &v);
	/* Writers count up (Python 2 from 1); a gap is a bomb. */
	if (!r && index > p->memo.n + 64)
		r = malformed(p, "it puts into a memo entry far beyond the last");
	while (!r && index >= p->memo.n)
		r = pickle_seq_push(p, &p->memo, 0);
	if (!r)
		*pickle_seq_at(&p->memo, index) = v;
	return r;
}

static int op_memoize(struct pickle *p, uint64_t arg) { (void)arg; return memo_put(p, p->memo.n); }

static int op_get(struct pickle *p, uint64_t index)
{
	if (index >= p->memo.n || !*pickle_seq_at(&p->memo, index))
		return malformed(p, "it gets a memo entry that was never put");
	return push(p, *pickle_seq_at(&p->memo, index));
}

/* What calling `class` with `args` makes: a node that says so. */
static int make_object(struct pickle *p, uint64_t class, uint64_t args)
{
	uint64_t v;
	enum class_role role = pickle_node_role(p, class);
	int r = pickle_node_new(p, role == CLASS_DICT ? NODE_DICT : NODE_OBJECT, &v);
	if (r)
		return r;
	if (role != CLASS_DICT) {
		struct node *n = pickle_node_of(p, v);
		n->class = class;
		n->args = args;
		r = role == CLASS_DTYPE ? pickle_scalar_type(p, n) : 0;
	}
	return r ? r : push(p, v);
}

static int op_newobj(struct pickle *p, uint64_t arg)
{
	uint64_t class;
	int r = pop(p, &arg);
	if (r || (r = pop(p, &class)))
		return r;
	return make_object(p, class, arg);
}

static int op_newobj_ex(struct pickle *p, uint64_t arg)
{
	int r = pop(p, &arg);
	return r ? r : op_newobj(p, arg);
}

static int op_reduce(struct pickle *p, uint64_t arg)
{
	uint64_t function;
	int r = pop(p, &arg);
	if (r || (r = pop(p, &function)))
		return r;
	if (pickle_tag(function) == PICKLE_GLOBAL && pickle_node_role(p, function) == CLASS_FORGET) {
		pickle_node_forget(p, arg);
		return push(p, pickle_value_make(PICKLE_OPAQUE, 0));
	}
	if (pickle_tag(function) == PICKLE_GLOBAL && pickle_node_role(p, function) == CLASS_SCALAR) {
		r = pickle_scalar_value(p, arg, &arg);
		return r ? r : push(p, arg);
	}
	return make_object(p, function, arg);
}

/* numpy writes the byte order of a dtype into its state. */
static int learn_order(struct pickle *p, struct node *dtype)
{
	char order[4];
	int r = dtype->type ? pickle_text_string(p, pickle_item(p, dtype->state, 1), order, sizeof order) : 0;
	if (!r && dtype->type && *order == '>')
		dtype->type = 0;
	return r;
}

static int op_build(struct pickle *p, uint64_t arg)
{
	uint64_t object;
	int r = pop(p, &arg);
	if (r || (r = peek(p, 0, &object)))
		return r;
	struct node *n = pickle_node_of(p, object);
	if (!n || n->kind != NODE_OBJECT)
		return 0;
	n->state = arg;
	if (pickle_node_role(p, object) == CLASS_DTYPE)
		return learn_order(p, n);
	if (pickle_node_role(p, object) == CLASS_FORGET) {
		pickle_node_forget(p, object);
		*pickle_seq_at(&p->stack, p->stack.n - 1) = pickle_value_make(PICKLE_OPAQUE, 0);
	}
	return 0;
}

/* `bytes` of little-endian argument follow the opcode; with `counted` it is the number of data
 * bytes behind it. */
static const struct op {
	const char *name;
	unsigned char bytes;
	bool counted;
	int (*run)(struct pickle *p, uint64_t arg);
} ops[256] = {
	['('] = { "MARK", 0, false, op_mark },		['.'] = { "STOP", 0, false, op_stop },
	['0'] = { "POP", 0, false, op_pop },		['1'] = { "POP_MARK", 0, false, op_pop_mark },
	['2'] = { "DUP", 0, false, op_dup },		['N'] = { "NONE", 0, false, op_none },
	[0x88] = { "NEWTRUE", 0, false, op_true },	[0x89] = { "NEWFALSE", 0, false, op_false },
	['K'] = { "BININT1", 1, false, op_int },	['M'] = { "BININT2", 2, false, op_int },
	['J'] = { "BININT", 4, false, op_int4 },	['I'] = { "INT", 0, false, op_int_line },
	['L'] = { "LONG", 0, false, op_int_line },	[0x8a] = { "LONG1", 1, true, op_long },
	[0x8b] = { "LONG4", 4, true, op_long },		['G'] = { "BINFLOAT", 8, false, op_float },
	['U'] = { "SHORT_BINSTRING", 1, true, op_str },	['T'] = { "BINSTRING", 4, true, op_str },
	['X'] = { "BINUNICODE", 4, true, op_str },	[0x8c] = { "SHORT_BINUNICODE", 1, true, op_str },
	[0x8d] = { "BINUNICODE8", 8, true, op_str },	['C'] = { "SHORT_BINBYTES", 1, true, op_bytes },
	['B'] = { "BINBYTES", 4, true, op_bytes },	[0x8e] = { "BINBYTES8", 8, true, op_bytes },
	[0x96] = { "BYTEARRAY8", 8, true, op_bytes },	[']'] = { "EMPTY_LIST", 0, false, op_list },
	['}'] = { "EMPTY_DICT", 0, false, op_dict },	[')'] = { "EMPTY_TUPLE", 0, false, op_tuple },
	[0x8f] = { "EMPTY_SET", 0, false, op_set },	['t'] = { "TUPLE", 0, false, op_tuple_mark },
	['l'] = { "LIST", 0, false, op_list_mark },	['d'] = { "DICT", 0, false, op_dict_mark },
	[0x85] = { "TUPLE1", 0, false, op_tuple1 },	[0x86] = { "TUPLE2", 0, false, op_tuple2 },
	[0x87] = { "TUPLE3", 0, false, op_tuple3 },	[0x91] = { "FROZENSET", 0, false, op_frozenset },
	['a'] = { "APPEND", 0, false, op_append },	['e'] = { "APPENDS", 0, false, op_appends },
	[0x90] = { "ADDITEMS", 0, false, op_additems },	['s'] = { "SETITEM", 0, false, op_setitem },
	['u'] = { "SETITEMS", 0, false, op_setitems },	['q'] = { "BINPUT", 1, false, memo_put },
	['r'] = { "LONG_BINPUT", 4, false, memo_put },	[0x94] = { "MEMOIZE", 0, false, op_memoize },
	['h'] = { "BINGET", 1, false, op_get },		['j'] = { "LONG_BINGET", 4, false, op_get },
	['c'] = { "GLOBAL", 0, false, op_global },	[0x93] = { "STACK_GLOBAL", 0, false, op_stack_global },
	['R'] = { "REDUCE", 0, false, op_reduce },	[0x81] = { "NEWOBJ", 0, false, op_newobj },
	[0x92] = { "NEWOBJ_EX", 0, false, op_newobj_ex }, ['b'] = { "BUILD", 0, false, op_build },
	[0x80] = { "PROTO", 1, false, op_proto },	[0x95] = { "FRAME", 8, false, op_frame },
};

int pickle_ops_step(struct pickle *p)
{
	uint64_t size = p->win.src->size, left = size - p->pos, arg = 0;
	const unsigned char *b;
	p->at = p->pos;
	if (!left)
		return err_set(-EBADMSG, "pickle is cut short: ends at byte %" PRIu64 ", before its STOP", size);
	int r = window_at(&p->win, p->pos, left < 9 ? (size_t)left : 9, &b);
	if (r)
		return r;
	const struct op *op = &ops[*b];
	if (!op->run)
		return err_set(-EBADMSG, "pickle opcode 0x%02x at byte %" PRIu64 " is none that a model needs", *b, p->at);
	if (left < 1u + op->bytes)
		return err_set(-EBADMSG, "pickle is cut short: ends at byte %" PRIu64 ", inside a %s", size, op->name);
	for (unsigned i = op->bytes; i; i--)
		arg = arg << 8 | b[i];
	p->pos += 1u + op->bytes;
	if (op->counted && arg > size - p->pos)
		return err_set(-EBADMSG, "pickle is cut short: ends at byte %" PRIu64 ", inside a %s of %" PRIu64
			       " bytes from %" PRIu64 " on", size, op->name, arg, p->pos);
	if (op->counted)
		p->pos += arg;
	return op->run(p, arg);
}
