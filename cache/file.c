/* SPDX-License-Identifier: MIT */
#include "cache/file.h"

#include "format/crc32c.h"

#include <string.h>
#include <unistd.h>

enum { CRC_PIECE = 32 << 10 };

int file_errno(int err) { return err == EDQUOT ? -ENOSPC : -err; }

int file_write(int fd, const char *name, const void *data, size_t n, uint64_t off)
{
	const char *p = data;
	while (n) {
		ssize_t w = pwrite(fd, p, n, (off_t)off);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			int e = w < 0 ? errno : EIO;
			return err_set(file_errno(e), "writing %s: %s", name, strerror(e));
		}
		p += w;
		off += (uint64_t)w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t file_read_some(int fd, const char *name, void *data, size_t n, uint64_t off)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = pread(fd, (char *)data + done, n - done, (off_t)(off + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(-EIO, "reading %s at byte %llu: %s", name, (unsigned long long)(off + done),
				       strerror(errno));
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int file_read(int fd, const char *name, void *data, size_t n, uint64_t off)
{
	ssize_t r = file_read_some(fd, name, data, n, off);
	if (r < 0)
		return (int)r;
	if ((size_t)r == n)
		return 0;
	return err_set(-EIO, "reading %s at byte %llu: it was cut short", name, (unsigned long long)off + (size_t)r);
}

int file_crc(int fd, const char *name, uint64_t off, uint64_t n, uint32_t *ret)
{
	char piece[CRC_PIECE];
	uint32_t crc = 0;
	while (n) {
		size_t k = n < sizeof piece ? (size_t)n : sizeof piece;
		int r = file_read(fd, name, piece, k, off);
		if (r)
			return r;
		crc = crc32c(crc, piece, k);
		off += k;
		n -= k;
	}
	*ret = crc;
	return 0;
}

int file_sync(int fd, const char *name)
{
	lock_assert_none();
	if (!fdatasync(fd))
		return 0;
	int e = errno;
	return err_set(file_errno(e), "syncing %s: %s", name, strerror(e));
}
