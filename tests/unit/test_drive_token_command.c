/* SPDX-License-Identifier: MIT */
#include "drive/auth/token_command.h"
#include "tests/unit/test.h"

#include <time.h>
#include <unistd.h>

static int run(const char *command, struct grant_answer *ret) { return token_command_run(command, now_ms() + 15000, ret); }

static void prints(const char *command, const char *header, int64_t life_s)
{
	CLEANUP_GRANT struct grant_answer a = { 0 };
	int r = run(command, &a);
	if (r < 0 && !torture)
		fprintf(stderr, "%s: %s\n", command, err_last());
	CHECK_INT(r, 0);
	CHECK_STR(a.header, header);
	CHECK(a.life_ms <= life_s * 1000 && a.life_ms > life_s * 1000 - 60000);
}

static void fails(const char *command, int err, const char *why)
{
	CLEANUP_GRANT struct grant_answer a = { 0 };
	CHECK_INT(run(command, &a), err);
	if (!strstr(err_last(), why) && !torture)
		fprintf(stderr, "%s: %s\n", command, err_last());
	CHECK(strstr(err_last(), why));
	CHECK(!a.header);
}

TEST(drive_token_command__a_token)
{
	prints("echo ya29.t", "Bearer ya29.t", 600);
	prints("printf '\\n  ya29.t  \\r\\n\\n'", "Bearer ya29.t", 600);
	prints("echo warning >&2; printf ya29.t", "Bearer ya29.t", 600);
	setenv("DFM_TEST_TOKEN", "ya29.env", 1);
	prints("echo $DFM_TEST_TOKEN", "Bearer ya29.env", 600);
}

TEST(drive_token_command__json)
{
	char command[300], at[64];
	time_t then = time(NULL) + 1800;
	struct tm tm;
	prints("echo '{\"access_token\":\"ya29.t\",\"expires_in\":1800,\"token_type\":\"Bearer\"}'", "Bearer ya29.t", 1800);
	prints("echo '{\"access_token\":\"ya29.t\",\"expires_in\":\"1800\"}'", "Bearer ya29.t", 1800);
	prints("echo '{\"token\":\"ya29.t\"}'", "Bearer ya29.t", 600);
	gmtime_r(&then, &tm);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(command, sizeof command, "echo '{\"access_token\":\"ya29.t\",\"expiry\":\"%s\"}'", at);
	prints(command, "Bearer ya29.t", 1800);
	prints("echo '{\"access_token\":\"ya29.t\",\"expiry\":\"2001-01-01T00:00:00Z\"}'", "Bearer ya29.t", 0);
}

TEST(drive_token_command__what_is_no_token)
{
	fails("true", -EBADMSG, "not one token");
	fails("echo two words", -EBADMSG, "not one token");
	fails("echo '{}'", -EBADMSG, "no access_token");
	fails("echo '{\"access_token\":\"a\\r\\nX-Evil: 1\"}'", -EBADMSG, "no access_token");
	fails("echo '{\"access_token\":'", -EBADMSG, "no access_token");
	fails("yes", -EBADMSG, "too much");
}

TEST(drive_token_command__a_failure_shows_what_the_command_said_but_no_token)
{
	fails("echo ya29.secret; echo 'no login; run: helper login' >&2; exit 3", -EACCES, "status 3: no login; run: helper login");
	fails("exit 1", -EACCES, "it says nothing");
	fails("kill -9 $$", -EACCES, "signal 9");
	fails("no-such-helper-there-is", -EACCES, "status 127");
	fails("echo got ya29.secret >&2; printf '\\033[31mred\\n' >&2; exit 1", -EACCES, "got ya29.****");
	CHECK(!strchr(err_last(), '\033'));
}

TEST(drive_token_command__a_silent_one_is_killed_with_its_children)
{
	CLEANUP_GRANT struct grant_answer a = { 0 };
	char command[600], path[512];
	snprintf(path, sizeof path, "%s/alive", test_dir);
	snprintf(command, sizeof command, "(sleep 300; :) & echo $! > %s; wait", path);
	int64_t start = now_ms();
	CHECK_INT(token_command_run(command, start + 1500, &a), -ETIMEDOUT);
	CHECK(strstr(err_last(), "in time") && now_ms() - start < 10000);
	FILE *f = fopen(path, "r");
	int pid = 0;
	CHECK(f && fscanf(f, "%d", &pid) == 1 && pid > 1);
	fclose(f);
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
		usleep(1000); /* the kernel takes it away a moment later */
	CHECK(access(path, F_OK) != 0);
}

TEST(drive_token_command__what_it_leaves_running_is_not_waited_for)
{
	int64_t start = now_ms();
	prints("sleep 10 & echo ya29.t", "Bearer ya29.t", 600);
	CHECK(now_ms() - start < 8000);
}

static bool yes(void *ctx)
{
	(void)ctx;
	return true;
}

TEST(drive_token_command__cancelled)
{
	CLEANUP_GRANT struct grant_answer a = { 0 };
	cancel_set(yes, NULL);
	CHECK_INT(run("sleep 300", &a), -EINTR);
	cancel_set(NULL, NULL);
}
