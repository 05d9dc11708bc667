/* SPDX-License-Identifier: MIT */
/* Classes and functions that a pickle names. */
#include "format/pickle_node.h"

#include <inttypes.h>
#include <string.h>

static enum class_role role_of(const char *name)
{
	static const struct {
		const char *name;
		enum class_role role;
	} known[] = {
		/* By name only: Python 3.4 wrote UserString.defaultdict, numpy 2 renamed its modules. */
		{ "defaultdict", CLASS_DICT }, { "OrderedDict", CLASS_DICT }, { "Counter", CLASS_DICT },
		{ "Vocab", CLASS_FORGET }, { "Doctag", CLASS_FORGET }, { "scalar", CLASS_SCALAR },
		{ "_reconstruct", CLASS_ARRAY }, { "_frombuffer", CLASS_ARRAY }, { "dtype", CLASS_DTYPE },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(name, known[i].name))
			return known[i].role;
	return CLASS_PLAIN;
}

static uint64_t hash_names(const char *module, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a; names are compared as well */
	for (const char *s = module; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	for (const char *s = name; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

int pickle_class_get(struct pickle *p, const char *module, const char *name, uint64_t *ret)
{
	uint64_t hash = hash_names(module, name);
	for (unsigned i = 0; i < p->class_count; i++) {
		const struct class *c = &p->classes[i];
		if (c->hash == hash && !strcmp(c->module, module) && !strcmp(c->name, name)) {
			*ret = pickle_value_make(PICKLE_GLOBAL, i);
			return 0;
		}
	}
	if (p->class_count == PICKLE_CLASSES_MAX)
		return err_set(-EBADMSG, "pickle names more than %u classes at byte %" PRIu64, PICKLE_CLASSES_MAX, p->at);
	size_t m = strlen(module) + 1, n = strlen(name) + 1;
	char *names = malloc(m + n);
	if (!names)
		return err_nomem("a pickle");
	memcpy(names, module, m);
	memcpy(names + m, name, n);
	p->classes[p->class_count] = (struct class){ hash, role_of(name), names, names + m };
	*ret = pickle_value_make(PICKLE_GLOBAL, p->class_count++);
	return 0;
}
