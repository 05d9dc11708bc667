/* SPDX-License-Identifier: MIT */
/* drive/ on a leash: carries out what it is told, one line each, against the Drive of its
 * command line, with waits scaled to 1 %. For tests/stress/sequences.py.
 *
 *   client API_ROOT CA_FILE KEY_FILE
 *   upload PARENT NAME PATH ID   the bytes of file PATH; ID "-": a new file; "=X": a new one with
 *                                the reserved id X; else new content of that file
 *   reserve | mkdir PARENT NAME | rename ID NAME | move ID FROM TO NAME | trash ID
 *   stats
 * Each is answered by "ok ID" or "failed -ERRNO why"; stats by "ok REQUESTS RETRIES UNITS". */
#include "drive/drive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = 6, BODY_MAX = 64 << 20 };

static int body_of(const char *path, struct source **ret)
{
	FILE *f = fopen(path, "rb");
	char *data = f ? malloc(BODY_MAX) : NULL;
	size_t n = data ? fread(data, 1, BODY_MAX, f) : 0;
	int r = data && !ferror(f) ? source_bytes(data, n, ret) : err_set(-EIO, "cannot read %s", path);
	free(data);
	if (f)
		fclose(f);
	return r;
}

static int upload(struct drive *d, char **w, struct drive_file *ret)
{
	CLEANUP_SOURCE struct source *body = NULL;
	struct drive_put put = { .parent = w[1], .name = w[2], .mtime_ms = 1500000000123, .deadline_ms = 60000 };
	if (w[4][0] == '=')
		put.reserved = w[4] + 1;
	else if (strcmp(w[4], "-") != 0)
		put.id = w[4];
	int r = body_of(w[3], &body);
	put.body = body;
	return r < 0 ? r : drive_upload(d, &put, ret);
}

static int edit(struct drive *d, char **w, struct drive_file *ret)
{
	struct drive_edit e = { .mtime_ms = -1, .trash = !strcmp(w[0], "trash") };
	if (!strcmp(w[0], "rename")) {
		e.name = w[2];
	} else if (!strcmp(w[0], "move")) {
		e.from_parent = w[2];
		e.to_parent = w[3];
		e.name = w[4];
	}
	return drive_edit(d, w[1], &e, ret);
}

static void carry_out(struct drive *d, char **w)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	int r;
	err_clear();
	if (!strcmp(w[0], "stats")) {
		struct drive_stats s;
		drive_stats(d, &s);
		printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s.requests, s.retries, s.units);
		return;
	}
	if (!strcmp(w[0], "upload"))
		r = upload(d, w, &f);
	else if (!strcmp(w[0], "mkdir"))
		r = drive_mkdir(d, w[1], w[2], &f);
	else if (!strcmp(w[0], "reserve"))
		r = drive_reserve_id(d, f.id);
	else
		r = edit(d, w, &f);
	if (r < 0)
		printf("failed %d %s\n", r, err_last());
	else
		printf("ok %s\n", f.id);
}

int main(int argc, char **argv)
{
	char line[8192];
	struct drive *d = NULL;
	if (argc != 4)
		return 2;
	const struct drive_config cfg = { .api_root = argv[1], .ca_file = argv[2], .key_file = argv[3],
					  .deadline_ms = 60000, .wait_scale_percent = 1 };
	if (drive_open(&cfg, &d) < 0) {
		fprintf(stderr, "%s\n", err_last());
		return 1;
	}
	while (fgets(line, sizeof line, stdin)) {
		char none[] = "", *w[WORDS] = { none, none, none, none, none, none }, *rest = line;
		line[strcspn(line, "\n")] = 0;
		for (int i = 0; i < WORDS && rest; i++)
			w[i] = strsep(&rest, " ");
		carry_out(d, w);
		fflush(stdout);
	}
	drive_close(d);
	return 0;
}
