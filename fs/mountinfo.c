/* SPDX-License-Identifier: MIT */
#include "fs/mountinfo.h"

#include <stdio.h>
#include <string.h>

#define OUR_TYPE "fuse.drivefs-models"

void mountinfo_done(struct mountinfo *m) { free(STEAL(m->point)); }

/* proc(5) writes space, tab, newline and backslash as three octal digits. */
static void undo_octal(char *s)
{
	char *to = s;
	unsigned code;
	while (*s)
		if (*s == '\\' && strspn(s + 1, "01234567") >= 3 && sscanf(s + 1, "%3o", &code) == 1) {
			*to++ = (char)code;
			s += 4;
		} else {
			*to++ = *s++;
		}
	*to = 0;
}

static bool lies_on(const char *path, const char *point)
{
	size_t n = strlen(point);
	if (n == 1)
		return true; /* "/" */
	return strncmp(path, point, n) == 0 && (!path[n] || path[n] == '/');
}

/* "36 35 98:0 /root /mount/point rw,noatime shared:1 - type source rw,user_id=0": the point is left as it is
 * written. */
static bool read_mount_line(char *line, struct mountinfo *ret)
{
	unsigned major, minor;
	int point = 0, end = 0;
	if (sscanf(line, "%*d %*d %u:%u %*s %n%*s%n", &major, &minor, &point, &end) != 2 || !end)
		return false;
	char *rest = strstr(line + end, " - ");
	const char *user = rest ? strstr(rest, "user_id=") : NULL;
	*ret = (struct mountinfo){ .point = line + point, .major = major, .minor = minor,
				   .user = user ? (uid_t)strtoul(user + strlen("user_id="), NULL, 10) : (uid_t)-1 };
	ret->ours = rest && strncmp(rest + 3, OUR_TYPE " ", strlen(OUR_TYPE) + 1) == 0;
	line[end] = 0;
	undo_octal(ret->point);
	return true;
}

int mountinfo_find_in(const char *table, const char *path, struct mountinfo *ret)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0, best = 0;
	int r = 0;
	*ret = (struct mountinfo){ 0 };
	FILE *f = fopen(table, "re");
	if (!f)
		return err_set(-errno, "%s: %s", table, strerror(errno));
	while (!r && getline(&line, &cap, f) > 0) {
		struct mountinfo one;
		if (!read_mount_line(line, &one) || !lies_on(path, one.point) || strlen(one.point) < best)
			continue; /* of those on one point, the last is on top */
		best = strlen(one.point);
		mountinfo_done(ret);
		*ret = one;
		ret->point = strdup(one.point);
		r = ret->point ? 0 : err_nomem("the table of mounts");
	}
	fclose(f);
	if (!r && !ret->point)
		r = err_set(-ENOENT, "%s lies on no mount", path);
	return r;
}

int mountinfo_find(const char *path, struct mountinfo *ret) { return mountinfo_find_in("/proc/self/mountinfo", path, ret); }
