/* SPDX-License-Identifier: MIT */
#include "fs/model_error.h"

#include "fs/log.h"

#include <inttypes.h>

enum { TEXT_MAX = 256 << 10 };

static const char *what_to_do(int err)
{
	switch (err) {
	case -ENOENT:
		return "copy the missing file beside the other one, under that very name, or save the model again";
	case -EACCES:
		return "ask the owner to let it be downloaded, or to lift Drive's warning";
	case -EMEDIUMTYPE:
		return "save its word vectors by themselves: model.wv.save(), or save_word2vec_format()";
	default:
		return "copy the file again from where it is sound, or save the model again, so that all its files "
		       "are of one save";
	}
}

static void describe_file(struct buf *b, const char *path, const char *suffix, const char *id, const struct content *c)
{
	if (*id)
		buf_printf(b, "  %s%s  %" PRIu64 " bytes, id %s, revision %s\n", path, suffix, c->size, id,
			   c->revision);
	else
		buf_printf(b, "  %s%s  missing\n", path, suffix);
}

int model_error_tell(struct fs *fs, const struct model_set *set, int err, const char *why, char **ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(TEXT_MAX);
	lock_acquire(&fs->tree.lock);
	CLEANUP_FREE char *path = tree_path(&fs->tree, set->file);
	lock_release(&fs->tree.lock);
	const char *name = path ? path : set->file->id;
	log_error("saved_model", "%s: no SavedModel of it: %s (%s)", name, why, what_to_do(err));
	buf_printf(&b, "%s cannot be shown as a TensorFlow SavedModel.\n\n", name);
	buf_printf(&b, "What is wrong: %s\nWhat to do: %s\n\nRead for this:\n", why, what_to_do(err));
	describe_file(&b, name, "", set->file->id, &set->main);
	for (size_t i = 0; i < set->sidecars.count; i++) {
		const struct sidecar *one = &set->sidecars.all[i];
		describe_file(&b, name, one->suffix, one->id, &one->content);
	}
	buf_str(&b, "\nThis folder shows the model as soon as its files are mended.\n");
	*ret = buf_take(&b);
	return *ret ? 0 : err_nomem("a model's error text");
}
