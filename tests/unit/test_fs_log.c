/* SPDX-License-Identifier: MIT */
#include "fs/log.h"
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *in_dir(const char *name)
{
	static char paths[2][600];
	static int next;
	char *p = paths[next++ % 2];
	snprintf(p, sizeof paths[0], "%s/%s", test_dir, name);
	return p;
}

/* The file, NUL-terminated; "" where there is none. */
static const char *text_of(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
	if (f)
		fclose(f);
	return text;
}

static size_t lines_in(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

TEST(fs_log__a_name_cannot_forge_a_line_nor_move_the_cursor)
{
	CHECK_INT(log_open(in_dir("log"), LOG_LEVEL_INFO), 0);
	log_info("save", "saved \"%s\"", "a\n2026-01-01T00:00:00.000Z error x: y\x1b[2J\xc2\x9b\xe2\x80\xae");
	log_close();
	const char *text = text_of(in_dir("log"));
	CHECK_INT(lines_in(text), 1);
	CHECK(strstr(text, "info save: saved \"a\\n2026-01-01T00:00:00.000Z error x: y\\x1b[2J\\x9b\\u{202e}\"\n"));
}

TEST(fs_log__a_file_that_cannot_be_opened_is_said_before_anything_else)
{
	CHECK_INT(log_open(in_dir("nosuch/log"), LOG_LEVEL_INFO), -ENOENT);
	CHECK(strstr(err_last(), "nosuch/log"));
	CHECK_INT(log_open(test_dir, LOG_LEVEL_INFO), -EISDIR);
	CHECK_INT(mkfifo(in_dir("fifo"), 0600), 0);
	CHECK_INT(log_open(in_dir("fifo"), LOG_LEVEL_INFO), -ENXIO); /* and does not wait for a reader */
}

TEST(fs_log__is_opened_anew_after_a_rotation)
{
	CHECK_INT(log_open(in_dir("log"), LOG_LEVEL_INFO), 0);
	log_info("a", "one");
	CHECK_INT(rename(in_dir("log"), in_dir("log.1")), 0);
	log_info("a", "two");
	CHECK_INT(log_reopen(), 0);
	log_info("a", "three");
	CHECK(strstr(text_of(in_dir("log.1")), "two\n") && !strstr(text_of(in_dir("log.1")), "three\n"));
	CHECK(strstr(text_of(in_dir("log")), "three\n") && !strstr(text_of(in_dir("log")), "two\n"));
	log_close();
}

TEST(fs_log__stays_in_the_old_file_when_the_new_one_cannot_be_opened)
{
	CHECK_INT(mkdir(in_dir("d"), 0700), 0);
	CHECK_INT(log_open(in_dir("d/log"), LOG_LEVEL_INFO), 0);
	CHECK_INT(rename(in_dir("d"), in_dir("moved")), 0);
	CHECK_INT(log_reopen(), -ENOENT);
	log_info("a", "still here");
	CHECK(strstr(text_of(in_dir("moved/log")), "d/log") && strstr(text_of(in_dir("moved/log")), "still here\n"));
	log_close();
	CHECK_INT(log_reopen(), 0); /* stderr: nothing to open */
}

static int stop_writing;

static void *keep_logging(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop_writing, __ATOMIC_ACQUIRE))
		log_info("thread", "0123456789012345678901234567890123456789");
	return NULL;
}

TEST(fs_log__no_line_is_torn_while_it_is_opened_anew)
{
	pthread_t threads[3];
	size_t whole = 0;
	CHECK_INT(log_open(in_dir("log"), LOG_LEVEL_INFO), 0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, keep_logging, NULL), 0);
	for (int i = 0; i < 50 && !torture; i++) {
		char line[256];
		CHECK_INT(rename(in_dir("log"), in_dir("old")), 0);
		CHECK_INT(log_reopen(), 0);
		FILE *f = fopen(in_dir("old"), "r");
		CHECK(f != NULL);
		while (fgets(line, sizeof line, f) && strchr(line, '\n')) {
			CHECK(strstr(line, "0123456789012345678901234567890123456789\n") || strstr(line, "opened anew"));
			whole++;
		}
		fclose(f);
	}
	__atomic_store_n(&stop_writing, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(whole > 0 || torture);
	log_close();
}

TEST(fs_log__one_failure_is_said_once)
{
	CHECK_INT(log_open("/dev/null", LOG_LEVEL_INFO), 0);
	CHECK_INT(err_set(-EIO, "Drive says no"), -EIO);
	CHECK(!log_said());
	log_error("save", "x: %s", err_last());
	CHECK(log_said());
	CHECK(!log_said()); /* the next failure of the same words is another one */
	log_error("save", "x: %s", err_last());
	CHECK_INT(err_set(-EIO, "something else"), -EIO);
	CHECK(!log_said());
	log_close();
}

TEST(fs_log__what_was_saved_is_one_line)
{
	CHECK_INT(log_open(in_dir("log"), LOG_LEVEL_INFO), 0);
	log_saved("a/news.model", 5000000, 2500);
	log_close();
	CHECK(strstr(text_of(in_dir("log")), "info save: saved \"a/news.model\": 5000000 bytes in 2.50 s (2.0 MB/s)\n"));
}
