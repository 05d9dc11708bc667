/* SPDX-License-Identifier: MIT */
/* savedmodel_write MAIN OUTDIR: the conversion without a mount. Reads a model (and the side-cars
 * beside it) and writes the SavedModel directory that a mount would show. Prints "V D K"; or the
 * reason and ends with 1; or ends with 2 where its arguments are wrong. */
#include "format/kinds.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	struct source src;
	int fd;
};

static int fail(const char *what) { return err_set(errno ? -errno : -EIO, "%s: %s", what, strerror(errno)); }

static ssize_t file_pread(struct source *s, void *buf, size_t n, uint64_t off)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = pread(((struct file *)s)->fd, (char *)buf + done, n - done, (off_t)(off + done));
		if (r < 0)
			return fail("pread");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static void file_free(struct source *s)
{
	close(((struct file *)s)->fd);
	free(s);
}

static int file_open(const char *path, struct source **ret)
{
	static const struct source_ops ops = { .pread = file_pread, .free = file_free };
	struct stat st;
	struct file *f = malloc(sizeof *f);
	if (!f)
		return err_set(-ENOMEM, "no memory");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = fail(path);
		if (fd >= 0)
			close(fd);
		free(f);
		return e;
	}
	source_init(&f->src, &ops, (uint64_t)st.st_size);
	f->fd = fd;
	*ret = &f->src;
	return 0;
}

/* The conversion under way. */
struct job {
	const char *main, *out;
	int parts[SAVEDMODEL_PARTS];
};

static const char *const part_names[SAVEDMODEL_PARTS] = {
	[SAVEDMODEL_MATRIX] = "variables/variables.data-00000-of-00002",
	[SAVEDMODEL_STRINGS] = "variables/variables.data-00001-of-00002",
	[SAVEDMODEL_SCRATCH] = "variables/scratch",
};

static int open_sidecar(void *ctx, const char *suffix, struct source **ret)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s%s", ((struct job *)ctx)->main, suffix);
	return file_open(path, ret);
}

static int write_part(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	int fd = ((struct job *)ctx)->parts[part];
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(fd, (const char *)data + done, n - done, (off_t)(off + done));
		if (r <= 0)
			return fail(part_names[part]);
		done += (size_t)r;
	}
	return 0;
}

static int read_part(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(((struct job *)ctx)->parts[part], (char *)data + done, n - done, (off_t)(off + done));
		if (r < 0)
			return fail(part_names[part]);
		if (r == 0)
			return err_set(-EIO, "%s ends at byte %" PRIu64, part_names[part], off + done);
		done += (size_t)r;
	}
	return 0;
}

static int make_folder(const char *out, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", out, name);
	return mkdir(path, 0777) < 0 && errno != EEXIST ? fail(path) : 0;
}

static int open_parts(struct job *j)
{
	char path[PATH_MAX];
	int e = make_folder(j->out, "");
	if (!e)
		e = make_folder(j->out, "variables");
	for (int i = 0; !e && i < SAVEDMODEL_PARTS; i++) {
		snprintf(path, sizeof path, "%s/%s", j->out, part_names[i]);
		j->parts[i] = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (j->parts[i] < 0)
			e = fail(path);
		else if (i == SAVEDMODEL_SCRATCH)
			unlink(path);
	}
	return e;
}

static int scan(struct job *j, struct source *main, struct buf *ret_record)
{
	static char head[SAVEDMODEL_SNIFF];
	const struct savedmodel_input in = { main, open_sidecar, write_part, read_part, j };
	ssize_t n = source_pread(main, head, sizeof head, 0);
	if (n < 0)
		return (int)n;
	enum savedmodel_kind kind = kinds_sniff(head, (size_t)n, main->size);
	if (kind == SAVEDMODEL_NONE)
		return err_set(-EMEDIUMTYPE, "not a model");
	return kinds_scan(&in, kind, ret_record);
}

struct copy {
	struct job *job;
	uint64_t off;
};

static int copy_sink(void *ctx, const void *data, size_t n)
{
	struct copy *c = ctx;
	int e = write_part(c->job, SAVEDMODEL_MATRIX, data, n, c->off);
	c->off += n;
	return e;
}

static int write_made(const struct job *j, struct savedmodel *m, size_t i, const struct savedmodel_file *f)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 24);
	char path[PATH_MAX];
	int e = savedmodel_make(m, i, &b);
	if (e)
		return e;
	if (b.len != f->size)
		return err_set(-EIO, "%s: made %zu bytes, and %" PRIu64 " were listed", f->path, b.len, f->size);
	snprintf(path, sizeof path, "%s/%s", j->out, f->path);
	FILE *out = fopen(path, "wb");
	if (!out)
		return fail(path);
	size_t n = fwrite(b.data, 1, b.len, out);
	return fclose(out) || n != b.len ? fail(path) : 0;
}

static int write_files(struct job *j, struct savedmodel *m, struct source *shard0)
{
	const struct savedmodel_file *f;
	size_t n = savedmodel_files(m, &f);
	int e = 0;
	for (size_t i = 0; !e && i < n; i++) {
		struct copy copy = { j, 0 };
		if (f[i].where == SAVEDMODEL_MADE)
			e = write_made(j, m, i, &f[i]);
		else if (f[i].where == SAVEDMODEL_IN_MAIN || f[i].where == SAVEDMODEL_IN_SIDECAR)
			e = source_stream(shard0, 0, shard0->size, copy_sink, &copy);
	}
	return e;
}

/* Shard 0 is the side-car, the main file, or the part that the scan wrote. */
static int open_shard0(struct job *j, struct savedmodel *m, struct source *main, struct source **ret)
{
	const struct savedmodel_file *f;
	char path[PATH_MAX];
	size_t n = savedmodel_files(m, &f);
	if (savedmodel_sidecar(m))
		return open_sidecar(j, savedmodel_sidecar(m), ret);
	for (size_t i = 0; i < n; i++)
		if (f[i].where == SAVEDMODEL_IN_MAIN) {
			*ret = source_ref(main);
			return 0;
		}
	snprintf(path, sizeof path, "%s/%s", j->out, part_names[SAVEDMODEL_MATRIX]);
	return file_open(path, ret);
}

static int finish(struct job *j, struct savedmodel *m, struct source *main)
{
	CLEANUP_SOURCE struct source *shard0 = NULL;
	CLEANUP_BUF struct buf record = BUF_INIT(1 << 16);
	int e = open_shard0(j, m, main, &shard0);
	if (!e)
		e = savedmodel_checksum(m, shard0, &record);
	if (!e)
		e = write_files(j, m, shard0);
	if (!e)
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", savedmodel_rows(m), savedmodel_width(m), savedmodel_words(m));
	return e;
}

static int convert(struct job *j)
{
	CLEANUP_SOURCE struct source *main = NULL;
	CLEANUP_BUF struct buf record = BUF_INIT(1 << 16);
	struct savedmodel *m = NULL;
	int e = file_open(j->main, &main);
	if (!e)
		e = open_parts(j);
	if (!e)
		e = scan(j, main, &record);
	if (!e)
		e = savedmodel_open(record.data, record.len, &m);
	if (!e)
		e = finish(j, m, main);
	savedmodel_close(m);
	return e;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: savedmodel_write MAIN OUTDIR\n");
		return 2;
	}
	struct job j = { .main = argv[1], .out = argv[2] };
	int e = convert(&j);
	if (e)
		fprintf(stderr, "savedmodel_write: %s: %s (%s)\n", argv[1], err_last(), strerror(-e));
	return e ? 1 : 0;
}
