/* SPDX-License-Identifier: MIT */
/* The states of fs/writing.h over a Drive in memory: the table, every transition, and what happens in the very
 * moment of another one: the hook of a call, or of a named point, is the other actor. */
#include "fs/handle.h"
#include "fs/held.h"
#include "fs/namei.h"
#include "fs/publish.h"
#include "fs/publisher.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the table */

/* What the header says, in the order of its rows and columns. */
static const char *const rows[SAVE_STATES] = {
	"cf............", ".focdc......n.", ".fofddl.....nn", ".fooddl.....nn",
	".fdddd......nn", ".....l.os.....", ".....s...nw...", ".....w.....snn",
};

static enum save_state expected(enum save_state s, enum save_event e)
{
	const char *at = strchr("ncfodlsw", rows[s][e]);
	return at ? (enum save_state)(at - "ncfodlsw") : SAVE_STATES;
}

TEST(seam_saving__every_state_meets_every_event)
{
	for (unsigned s = 0; s < SAVE_STATES; s++)
		for (unsigned e = 0; e < SAVE_EVENTS; e++)
			CHECK_INT(save_next((enum save_state)s, (enum save_event)e), expected((enum save_state)s, (enum save_event)e));
}

#ifdef DFM_DEBUG
TEST(seam_saving__what_cannot_happen_aborts)
{
	for (unsigned s = 0; s < SAVE_STATES; s++)
		for (unsigned e = 0; e < SAVE_EVENTS; e++) {
			if (expected((enum save_state)s, (enum save_event)e) != SAVE_STATES)
				continue;
			pid_t child = fork();
			if (child == 0) {
				struct save save = { .state = (enum save_state)s };
				(void)!freopen("/dev/null", "w", stderr);
				signal(SIGABRT, SIG_DFL);
				save_move(&save, (enum save_event)e);
				_exit(0);
			}
			int status;
			CHECK_INT(waitpid(child, &status, 0), child);
			CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); /* sanitizers exit on an abort */
		}
}
#endif

/* ---- helpers: what the kernel asks for */

static struct handle *create(struct fs *fs, const char *name)
{
	struct inode *n;
	struct handle *h;
	writers_set_caller(gettid());
	CHECK_INT(namei_create(fs, fs->tree.root->node, name, &n), 0);
	CHECK_INT(handle_create(fs, n, O_WRONLY, gettid(), &h), 0);
	return h;
}

static struct handle *open_by(struct fs *fs, const char *name, int flags, pid_t tid)
{
	struct handle *h = NULL;
	int r = -ESTALE;
	writers_set_caller(tid);
	for (int i = 0; i < 2 && r == -ESTALE; i++) /* the kernel looks the name up once more */
		r = handle_open(fs, fake_fs_walk(fs, name), flags, tid, &h);
	CHECK_INT(r, 0);
	writers_set_caller(gettid());
	return h;
}

static struct handle *open_it(struct fs *fs, const char *name, int flags) { return open_by(fs, name, flags, gettid()); }

static void put(struct fs *fs, struct handle *h, const char *text, uint64_t off)
{
	CHECK_INT(handle_write(fs, h, gettid(), text, strlen(text), off), 0);
}

static int close_it(struct fs *fs, struct handle *h)
{
	int r = handle_flush(fs, h, gettid());
	handle_release(fs, h);
	return r;
}

/* Does Drive have exactly this under that id? */
static bool drive_has(struct fs *fs, const char *id, const char *text)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CLEANUP_SOURCE struct source *src = NULL;
	char buf[256] = "";
	CHECK_INT(drive_get(fs->drive, id, &f), 0);
	CHECK(f.size < sizeof buf);
	CHECK_INT(drive_source(fs->drive, &f, &src), 0);
	return !f.trashed && f.size == strlen(text) && (!f.size || !source_read(src, buf, (size_t)f.size, 0)) &&
	       strcmp(buf, text) == 0;
}

static bool shows(struct fs *fs, const char *name, const char *text)
{
	struct handle *h = open_it(fs, name, O_RDONLY);
	char buf[256] = "";
	uint64_t size;
	int64_t mtime_ms;
	lock_acquire(&fs->tree.lock);
	writing_size(h->node, &size, &mtime_ms);
	lock_release(&fs->tree.lock);
	ssize_t n = handle_read(fs, h, buf, sizeof buf - 1, 0);
	handle_release(fs, h);
	return n == (ssize_t)strlen(text) && size == strlen(text) && strcmp(buf, text) == 0;
}

static size_t count_held(struct fs *fs)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	size_t n;
	held_list(fs, &b, &n);
	return n;
}

static size_t count_pending(struct fs *fs)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	size_t n;
	publish_pending(fs, &b, &n);
	return n;
}

static struct fs *with_file(const char *text)
{
	struct fs *fs = fake_fs_new();
	fake_drive_file(fs->drive, "id", "root", "f", text, strlen(text));
	return fs;
}

static void free_all(struct fs *fs)
{
	held_keep_all(fs);
	fake_fs_free(fs);
}

static int no_room(void *ctx) { (void)ctx; return err_set(-EDQUOT, "no room"); }
static int no_answer(void *ctx) { (void)ctx; return err_set(-ETIMEDOUT, "no answer"); }

/* ---- each transition */

TEST(seam_saving__close_saves)
{
	struct fs *fs = fake_fs_new();
	struct handle *h = create(fs, "new");
	put(fs, h, "bytes", 0);
	CHECK_INT(save_state(h->node->w->open), SAVE_OPEN);
	CHECK_INT(handle_flush(fs, h, gettid()), 0);
	CHECK(!h->node->w->open && !h->node->w->sent);
	CHECK(drive_has(fs, h->node->file->id, "bytes"));
	CHECK_INT(handle_flush(fs, h, gettid()), 0); /* numpy's dup: once is enough */
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 1);
	handle_release(fs, h);
	CHECK(shows(fs, "new", "bytes"));
	CHECK_INT(count_pending(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_write_makes_a_draft)
{
	struct fs *fs = with_file("0123456789");
	struct handle *h = open_it(fs, "f", O_RDWR);
	CHECK_INT(save_state(h->node->w->open), SAVE_NONE);
	put(fs, h, "ab", 4);
	CHECK(shows(fs, "f", "0123ab6789"));
	CHECK(drive_has(fs, "id", "0123456789"));
	CHECK_INT(handle_fsync(fs, h), 0);
	CHECK(drive_has(fs, "id", "0123ab6789"));
	CHECK_INT(close_it(fs, h), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 1);
	free_all(fs);
}

TEST(seam_saving__truncate_makes_it_good)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "half", 0);
	lock_acquire(&h->node->w->lock);
	save_move(h->node->w->open, SAVE_TORN);
	lock_release(&h->node->w->lock);
	CHECK_INT(handle_flush(fs, h, gettid()), -EIO);
	struct handle *next = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, next, "whole", 0);
	CHECK_INT(close_it(fs, next), 0);
	CHECK(drive_has(fs, "id", "whole"));
	CHECK_INT(close_it(fs, h), 0); /* what it wrote is in no save any more */
	CHECK(drive_has(fs, "id", "whole"));
	CHECK_INT(count_held(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_refused_write_harms_nothing)
{
	struct fs *fs = with_file("good");
	struct handle *idle = open_it(fs, "f", O_RDWR), *h;
	CHECK_INT(handle_write(fs, idle, gettid(), "x", 1, 1ull << 50), -EFBIG);
	CHECK_INT(handle_truncate(fs, idle, 1ull << 50), -EFBIG);
	CHECK_INT(save_state(idle->node->w->open), SAVE_CLEAN);
	CHECK_INT(handle_flush(fs, idle, gettid()), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 0);
	h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "whole", 0);
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "whole"));
	CHECK_INT(close_it(fs, idle), 0);
	CHECK_INT(count_held(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_torn_write_is_never_sent)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_RDWR);
	put(fs, h, "to", 0);
	lock_acquire(&h->node->w->lock);
	save_move(h->node->w->open, SAVE_TORN);
	lock_release(&h->node->w->lock);
	put(fs, h, "more", 0);
	CHECK_INT(handle_fsync(fs, h), -EIO);
	CHECK_INT(close_it(fs, h), -EIO);
	CHECK(drive_has(fs, "id", "good"));
	CHECK(shows(fs, "f", "good"));
	CHECK_INT(count_held(fs), 1);
	free_all(fs);
}

/* A child that can be killed and still be asked about. */
static pid_t victim(void)
{
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	return child;
}

static void kill_it(pid_t child)
{
	siginfo_t info;
	kill(child, SIGKILL);
	CHECK_INT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
}

TEST(seam_saving__a_killed_writer_is_held)
{
	struct fs *fs = with_file("good");
	pid_t child = victim();
	struct handle *h = open_by(fs, "f", O_WRONLY | O_TRUNC, child);
	CHECK_INT(handle_write(fs, h, child, "half", 4, 0), 0);
	kill_it(child);
	CHECK_INT(handle_flush(fs, h, child), 0);
	CHECK_INT(save_state(h->node->w->open), SAVE_DAMAGED);
	handle_release(fs, h);
	CHECK(drive_has(fs, "id", "good"));
	CHECK(shows(fs, "f", "good"));
	CHECK_INT(count_held(fs), 1);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 0);
	free_all(fs);
}

TEST(seam_saving__a_killed_child_that_wrote_nothing_is_no_writer)
{
	struct fs *fs = with_file("good");
	pid_t child = victim(); /* it has inherited the descriptor */
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "whole", 0);
	kill_it(child);
	CHECK_INT(handle_flush(fs, h, child), 0);
	CHECK_INT(save_state(h->node->w->open), SAVE_OPEN);
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "whole"));
	free_all(fs);
}

TEST(seam_saving__a_killed_writer_does_not_replace_what_waits)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	put(fs, h, "waits", 0);
	CHECK_INT(close_it(fs, h), -EDQUOT);
	pid_t child = victim();
	h = open_by(fs, "f", O_WRONLY | O_TRUNC, child);
	struct inode *n = h->node;
	CHECK_INT(handle_write(fs, h, child, "half", 4, 0), 0);
	kill_it(child);
	CHECK_INT(handle_flush(fs, h, child), 0);
	handle_release(fs, h);
	CHECK_INT(save_state(n->w->sent), SAVE_WAITING);
	CHECK(shows(fs, "f", "waits"));
	CHECK_INT(publish_again(fs, n), 0);
	CHECK(drive_has(fs, "id", "waits"));
	free_all(fs);
}

TEST(seam_saving__a_seal_that_fails)
{
	struct fs *fs = with_file("0123456789");
	struct handle *h = open_it(fs, "f", O_RDWR);
	put(fs, h, "ab", 4);
	fake_drive_refuse(fs->drive, "id", -EIO, "a part of it cannot be read now");
	CHECK_INT(handle_fsync(fs, h), -EIO);
	CHECK_INT(save_state(h->node->w->open), SAVE_OPEN); /* nothing of it is lost */
	fake_drive_refuse(fs->drive, "id", 0, "");
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "0123ab6789"));
	free_all(fs);
}

TEST(seam_saving__a_failed_close_is_tried_again)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "new", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	CHECK_INT(handle_flush(fs, h, gettid()), -EDQUOT);
	CHECK_INT(save_state(h->node->w->sent), SAVE_WAITING);
	CHECK_INT(count_pending(fs), 1);
	CHECK(shows(fs, "f", "new"));
	CHECK_INT(handle_flush(fs, h, gettid()), -EDQUOT); /* never 0 before it is there */
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "new"));
	CHECK_INT(count_pending(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_later_save_supersedes)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "first", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	CHECK_INT(close_it(fs, h), -EDQUOT);
	h = open_it(fs, "f", O_WRONLY);
	put(fs, h, "S", 0); /* over the bytes that wait */
	CHECK(shows(fs, "f", "Sirst"));
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "Sirst"));
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, "id"), 2);
	CHECK_INT(count_held(fs), 0);
	free_all(fs);
}

/* ---- another actor in the very moment */

struct beside { struct fs *fs; struct handle *h; const char *text; };

static int write_beside(void *ctx)
{
	struct beside *b = ctx;
	put(b->fs, b->h, b->text, 0);
	CHECK_INT(save_state(b->h->node->w->sent), SAVE_SENDING);
	CHECK(shows(b->fs, "f", "BEside"));
	return 0;
}

TEST(seam_saving__a_write_beside_an_upload_is_the_next_save)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC), *other = open_it(fs, "f", O_WRONLY);
	struct beside b = { fs, other, "BE" };
	put(fs, h, "beside", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", write_beside, &b);
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "beside"));
	CHECK(shows(fs, "f", "BEside"));
	CHECK_INT(close_it(fs, other), 0);
	CHECK(drive_has(fs, "id", "BEside"));
	free_all(fs);
}

static int trash_it(void *ctx)
{
	struct beside *b = ctx;
	fake_drive_trash(b->fs->drive, b->text, true);
	return 0;
}

TEST(seam_saving__a_file_that_is_trashed_meanwhile_is_saved_as_a_new_one)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	struct beside b = { .fs = fs, .text = "id" };
	put(fs, h, "new", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", trash_it, &b);
	CHECK_INT(handle_flush(fs, h, gettid()), 0);
	CHECK(strcmp(h->node->file->id, "id") != 0 && drive_has(fs, h->node->file->id, "new"));
	handle_release(fs, h);
	CHECK(shows(fs, "f", "new"));
	free_all(fs);
}

TEST(seam_saving__news_of_the_trash_before_the_close_come_to_the_same)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "new", 0);
	fake_drive_trash(fs->drive, "id", true);
	fake_fs_news(fs, "id");
	CHECK_INT(close_it(fs, h), 0);
	CHECK(shows(fs, "f", "new"));
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, "id"), 0);
	free_all(fs);
}

TEST(seam_saving__where_the_folder_is_gone_close_says_so_and_the_bytes_are_held)
{
	struct fs *fs = fake_fs_new();
	fake_drive_folder(fs->drive, "dir", "root", "d");
	fake_drive_file(fs->drive, "id", "dir", "f", "good", 4);
	struct handle *h = open_it(fs, "d/f", O_WRONLY | O_TRUNC);
	put(fs, h, "new", 0);
	fake_drive_trash(fs->drive, "id", true);
	fake_drive_trash(fs->drive, "dir", true);
	fake_fs_news(fs, "id");
	fake_fs_news(fs, "dir");
	CHECK_INT(close_it(fs, h), -ENOENT);
	CHECK_INT(count_held(fs), 1);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 0);
	free_all(fs);
}

static int unlink_it(void *ctx)
{
	struct beside *b = ctx;
	CHECK_INT(namei_unlink(b->fs, b->fs->tree.root->node, b->text), 0);
	return 0;
}

TEST(seam_saving__a_new_file_that_is_unlinked_meanwhile_is_trashed)
{
	struct fs *fs = fake_fs_new();
	struct handle *h = create(fs, "f");
	struct beside b = { .fs = fs, .text = "f" };
	put(fs, h, "bytes", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, NULL, unlink_it, &b);
	CHECK_INT(handle_flush(fs, h, gettid()), 0);
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(drive_get(fs->drive, h->node->file->reserved, &f), 0);
	CHECK(f.trashed);
	put(fs, h, "more", 0); /* POSIX lets it write on; nobody gets to see that */
	CHECK_INT(close_it(fs, h), 0);
	CHECK(fake_fs_walk(fs, "f") == NULL);
	CHECK_INT(count_held(fs), 0);
	free_all(fs);
}

static int touch_it(void *ctx)
{
	struct beside *b = ctx;
	CHECK(handle_set_mtime(b->fs, b->h->node, 1234567890123));
	return 0;
}

TEST(seam_saving__a_time_set_while_it_is_sent_arrives)
{
	struct fs *fs = fake_fs_new();
	struct handle *h = create(fs, "f");
	struct beside b = { .fs = fs, .h = h };
	put(fs, h, "bytes", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, NULL, touch_it, &b);
	CHECK_INT(handle_flush(fs, h, gettid()), 0);
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(drive_get(fs->drive, h->node->file->id, &f), 0);
	CHECK_INT(f.mtime_ms, 1234567890123);
	handle_release(fs, h);
	free_all(fs);
}

TEST(seam_saving__a_retry_does_not_undo_a_later_save_elsewhere)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	struct inode *n = h->node;
	put(fs, h, "older", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	CHECK_INT(close_it(fs, h), -EDQUOT);
	fake_drive_replace(fs->drive, "id", "later", 5);
	lock_acquire(&fs->tree.lock);
	inode_hold(n);
	lock_release(&fs->tree.lock);
	CHECK_INT(publish_again(fs, n), 0);
	CHECK(drive_has(fs, "id", "later"));
	CHECK_INT(count_held(fs), 1);
	CHECK_INT(count_pending(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_retry_finds_that_the_lost_answer_was_yes)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	struct inode *n = h->node;
	put(fs, h, "saved", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_answer, NULL);
	CHECK_INT(handle_flush(fs, h, gettid()), -ETIMEDOUT);
	fake_drive_replace(fs->drive, "id", "saved", 5); /* it had arrived */
	CHECK_INT(publish_again(fs, n), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, "id"), 1);
	CHECK(!n->w->sent && drive_has(fs, "id", "saved"));
	handle_release(fs, h);
	CHECK_INT(count_held(fs), 0);
	free_all(fs);
}

TEST(seam_saving__a_retry_of_a_new_file_does_not_undo_what_others_saved_over_it)
{
	struct fs *fs = fake_fs_new();
	struct handle *h = create(fs, "f");
	struct inode *n = h->node;
	put(fs, h, "ours", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, NULL, no_answer, NULL);
	CHECK_INT(handle_flush(fs, h, gettid()), -ETIMEDOUT);
	fake_drive_file(fs->drive, n->file->reserved, "root", "f", "ours", 4); /* it had arrived, */
	fake_drive_replace(fs->drive, n->file->reserved, "theirs", 6);	/* and somebody has seen it */
	CHECK_INT(publish_again(fs, n), 0);
	CHECK(drive_has(fs, n->file->reserved, "theirs"));
	CHECK_INT(count_held(fs), 1);
	handle_release(fs, h);
	free_all(fs);
}

TEST(seam_saving__a_retry_leaves_what_is_being_written)
{
	struct fs *fs = with_file("good");
	struct handle *h = open_it(fs, "f", O_WRONLY | O_TRUNC);
	put(fs, h, "first", 0);
	fake_drive_before(fs->drive, FAKE_UPLOAD, "id", no_room, NULL);
	CHECK_INT(handle_flush(fs, h, gettid()), -EDQUOT);
	put(fs, h, "HA", 0); /* half of the next save */
	CHECK_INT(publish_again(fs, h->node), 0);
	CHECK(drive_has(fs, "id", "first"));
	put(fs, h, "LF", 2);
	CHECK_INT(close_it(fs, h), 0);
	CHECK(drive_has(fs, "id", "HALFt"));
	free_all(fs);
}

/* ---- the threads that save */

static void wait_uploads(struct fs *fs, unsigned n)
{
	while (fake_drive_count(fs->drive, FAKE_UPLOAD, NULL) < n || publisher_busy(fs))
		sched_yield();
}

TEST(seam_saving__the_last_release_leaves_it_to_the_publisher)
{
	struct fs *fs = fake_fs_new();
	CHECK_INT(publisher_start(fs), 0);
	struct handle *h = create(fs, "empty");
	CHECK_INT(handle_flush(fs, h, gettid()), 0); /* a child may have it, and be about to write */
	CHECK_INT(fake_drive_count(fs->drive, FAKE_UPLOAD, NULL), 0);
	handle_release(fs, h);
	wait_uploads(fs, 1);
	CHECK(shows(fs, "empty", ""));
	publisher_stop(fs, 0);
	free_all(fs);
}

static int stuck(void *ctx)
{
	while (!__atomic_load_n((bool *)ctx, __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

TEST(seam_saving__one_upload_that_is_stuck_does_not_hold_up_others)
{
	struct fs *fs = fake_fs_new();
	bool go = false;
	CHECK_INT(publisher_start(fs), 0);
	struct handle *a = create(fs, "a"), *b = create(fs, "b");
	fake_drive_before(fs->drive, FAKE_UPLOAD, a->node->file->reserved, stuck, &go);
	handle_release(fs, a);
	handle_release(fs, b);
	while (fake_drive_count(fs->drive, FAKE_UPLOAD, NULL) < 2) /* b's, while a's stands still */
		sched_yield();
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	wait_uploads(fs, 2);
	CHECK_INT(count_pending(fs), 0);
	publisher_stop(fs, 0);
	free_all(fs);
}

/* ---- named points */

#ifdef DFM_DEBUG
static struct beside at_point;
static const char *point;
static void (*do_there)(void);

static void hook(const char *name)
{
	if (!point || strcmp(name, point) != 0)
		return;
	point = NULL; /* once */
	do_there();
}

static void stop_at(const char *name, void (*what)(void))
{
	point = name;
	do_there = what;
	base_point_hook = hook;
}

static void look_at_size(void) { CHECK(shows(at_point.fs, "f", "0123456789ab")); }

TEST(seam_saving__no_instant_shows_the_old_size)
{
	struct fs *fs = with_file("0123456789");
	struct handle *h = open_it(fs, "f", O_WRONLY);
	at_point.fs = fs;
	put(fs, h, "ab", 10);
	stop_at("publish.adopt", look_at_size);
	CHECK_INT(handle_fsync(fs, h), 0);
	CHECK(!point);
	look_at_size();
	CHECK_INT(close_it(fs, h), 0);
	free_all(fs);
}

static void begin_next_save(void)
{
	at_point.h = open_it(at_point.fs, "f", O_WRONLY | O_TRUNC);
	put(at_point.fs, at_point.h, "next", 0);
}

/* The old writer's RELEASE has decided to hold its half when the next one opens and writes. */
TEST(seam_saving__a_late_release_takes_nothing_of_the_next_save)
{
	struct fs *fs = with_file("good");
	pid_t child = victim();
	at_point.fs = fs;
	struct handle *h = open_by(fs, "f", O_WRONLY | O_TRUNC, child);
	CHECK_INT(handle_write(fs, h, child, "half", 4, 0), 0);
	kill_it(child);
	CHECK_INT(handle_flush(fs, h, child), 0);
	stop_at("release.decided", begin_next_save);
	handle_release(fs, h);
	CHECK(!point);
	CHECK_INT(close_it(fs, at_point.h), 0);
	CHECK(drive_has(fs, "id", "next"));
	free_all(fs);
}
#endif
