/* SPDX-License-Identifier: MIT */
/* The table of fs/tree/file.h, row by row, and what each state means to the tree. */
#include "fs/tree/inode.h"
#include "tests/unit/test.h"

static struct tree t;

static struct drive_file row(const char *id, const char *parent, uint64_t version, bool trashed)
{
	struct drive_file f = { .version = version, .created_ms = 1, .blob = true, .can_edit = true, .trashed = trashed };
	snprintf(f.id, sizeof f.id, "%s", id);
	snprintf(f.parent, sizeof f.parent, "%s", parent);
	snprintf(f.revision, sizeof f.revision, "r%d", (int)version);
	f.name = strdup("m");
	CHECK(f.name);
	return f;
}

static struct file *told(struct drive_file f)
{
	struct file *ret;
	CHECK_INT(tree_apply(&t, &f, NULL, &ret), 0);
	drive_file_done(&f);
	return ret;
}

static void start(void)
{
	struct drive_file root = { .version = 1, .folder = true, .can_edit = true, .id = "ROOT" };
	CHECK((root.name = strdup("models")));
	CHECK_INT(tree_init(&t, &root), 0);
	drive_file_done(&root);
	lock_acquire(&t.lock);
}

static void finish(void)
{
	lock_release(&t.lock);
	tree_done(&t);
}

static struct file *named(const char *name) { return tree_child(&t, t.root, name); }

/* A file in `state`, at version 5. */
static struct file *in_state(enum file_state state)
{
	struct file *f;
	char *name = strdup("m");
	CHECK(name);
	if (state == FILE_MADE) {
		CHECK_INT(tree_make(&t, t.root, name, "A", &f, NULL), 0);
		return f;
	}
	free(name);
	f = told(row("A", "ROOT", 5, false));
	if (state == FILE_UNKNOWN)
		CHECK_INT(tree_sweep(&t, t.root, t.clock, NULL), 1);
	else if (state == FILE_REMOVED_HERE)
		tree_remove(&t, f, NULL);
	else if (state == FILE_REMOVED_BY_NEWS)
		told(row("A", "ROOT", 5 + 1, true)), f->version = 5;
	else if (state == FILE_REFUSED)
		tree_deny(&t, f, NULL);
	CHECK_INT(f->state, state);
	return f;
}

enum { STATES = FILE_REFUSED + 1 };
typedef void act(struct file *f);
static void seen(struct file *f) { (void)f, told(row("A", "ROOT", 9, false)); }
static void went(struct file *f) { (void)f, told(row("A", "ROOT", 9, true)); }
static void moved_away(struct file *f) { (void)f, told(row("A", "ELSEWHERE", 9, false)); }
static void denied(struct file *f) { tree_deny(&t, f, NULL); }
static void unlinked(struct file *f) { tree_remove(&t, f, NULL); }

static void becomes(act *event, const enum file_state want[STATES])
{
	for (int from = 0; from < STATES; from++) {
		start();
		struct file *f = in_state((enum file_state)from);
		event(f);
		CHECK_INT(f->state, want[from]);
		CHECK_INT(named("m") != NULL, !file_gone(f));
		CHECK(file_gone(f) == (file_gone_here(f) || file_gone_by_news(f)));
		finish();
	}
}

TEST(fs_states__what_drive_tells_of_is_there)
{
	static const enum file_state want[STATES] = { FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED };
	becomes(seen, want);
}

TEST(fs_states__trashed_or_moved_away_elsewhere_is_not_unlinked_here)
{
	static const enum file_state want[STATES] = { FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS,
						      FILE_REMOVED_HERE, FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS };
	becomes(went, want);
	static const enum file_state moved[STATES] = { FILE_LISTED /* where it lies is ours to tell, until it is sent */,
						       FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS, FILE_REMOVED_HERE,
						       FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS };
	becomes(moved_away, moved);
}

TEST(fs_states__denied_is_refused_but_what_we_unlinked_stays_so)
{
	static const enum file_state want[STATES] = { FILE_REFUSED, FILE_REFUSED, FILE_REFUSED, FILE_REMOVED_HERE,
						      FILE_REFUSED, FILE_REFUSED };
	becomes(denied, want);
}

TEST(fs_states__an_unlink_here_is_one_whatever_came_first)
{
	static const enum file_state want[STATES] = { FILE_REMOVED_HERE, FILE_REMOVED_HERE, FILE_REMOVED_HERE,
						      FILE_REMOVED_HERE, FILE_REMOVED_HERE, FILE_REMOVED_HERE };
	becomes(unlinked, want);
}

TEST(fs_states__only_what_has_a_name_can_be_absent)
{
	for (int from = 0; from < STATES; from++) {
		start();
		struct file *f = in_state((enum file_state)from);
		bool listed = from == FILE_LISTED || from == FILE_UNKNOWN;
		CHECK_INT(tree_sweep(&t, t.root, t.clock, NULL), listed);
		CHECK_INT(f->state, listed ? FILE_UNKNOWN : (enum file_state)from);
		finish();
	}
}

TEST(fs_states__unknown_keeps_its_name_until_drive_is_asked)
{
	start();
	struct file *f = in_state(FILE_UNKNOWN);
	CHECK(named("m") == f);
	told(row("A", "ROOT", 5, false)); /* the same version: it was there all along */
	CHECK_INT(f->state, FILE_LISTED);
	size_t pos = 0;
	CHECK(!tree_unknown(&t, t.root, &pos));
	finish();
}

TEST(fs_states__access_that_comes_back_needs_no_higher_version)
{
	start();
	struct file *f = in_state(FILE_REFUSED);
	told(row("A", "ROOT", 5, false)); /* an answer from before the refusal */
	CHECK_INT(f->state, FILE_REFUSED);
	tree_allow(f);
	told(row("A", "ROOT", 5, false));
	CHECK_INT(f->state, FILE_LISTED);
	CHECK(named("m") == f);
	finish();
}

TEST(fs_states__our_own_trash_in_the_feed_is_an_unlink)
{
	start();
	struct file *f = in_state(FILE_LISTED);
	f->leaving = true;
	told(row("A", "ROOT", 6, true));
	CHECK_INT(f->state, FILE_REMOVED_HERE);
	finish();
}

TEST(fs_states__unlinked_while_its_first_bytes_are_on_their_way)
{
	start();
	struct file *f = in_state(FILE_MADE);
	tree_remove(&t, f, NULL);
	struct drive_file answer = row("A", "ROOT", 4, false);
	CHECK_INT(tree_adopt(&t, f, &answer, NULL), 0);
	drive_file_done(&answer);
	CHECK_INT(f->state, FILE_REMOVED_HERE);
	CHECK(!named("m"));
	finish();
}

TEST(fs_states__an_older_answer_to_an_upload_does_not_replace_newer_news)
{
	start();
	struct file *f = in_state(FILE_LISTED);
	told(row("A", "ROOT", 8, false));
	struct drive_file answer = row("A", "ROOT", 7, false);
	CHECK_INT(tree_adopt(&t, f, &answer, NULL), 0);
	drive_file_done(&answer);
	CHECK_STR(f->head.revision, "r8");
	CHECK_INT(f->version, 8);
	finish();
}

TEST(fs_states__an_answer_that_says_trashed_is_one)
{
	start();
	struct file *f = in_state(FILE_LISTED);
	struct drive_file answer = row("A", "ROOT", 7, true);
	CHECK_INT(tree_adopt(&t, f, &answer, NULL), 0);
	drive_file_done(&answer);
	CHECK(file_gone_by_news(f));
	finish();
}

static struct inode *writer_of(struct file *f)
{
	struct inode *n;
	CHECK_INT(inode_of(&t, f, &n), 0);
	n->writing = true;
	return n;
}

TEST(fs_states__a_file_removed_elsewhere_while_it_is_written_gets_a_successor)
{
	start();
	struct file *f = in_state(FILE_LISTED);
	struct inode *n = writer_of(f);
	went(f);
	CHECK_INT(tree_renew(&t, n, "NEW", NULL), 0);
	CHECK(n->file != f && n->file->state == FILE_MADE && named("m") == n->file && n->file->node == n);
	CHECK_INT(n->file->ino, f->ino);
	CHECK(!n->content.revision[0]);
	finish();
}

TEST(fs_states__a_file_replaced_elsewhere_by_a_rename_gets_the_one_that_has_the_name)
{
	start();
	struct file *f = in_state(FILE_LISTED);
	struct inode *n = writer_of(f);
	went(f);
	struct file *other = told(row("B", "ROOT", 6, false));
	CHECK_INT(tree_renew(&t, n, "NEW", NULL), 0);
	CHECK(n->file == other && other->node == n && named("m") == other);
	finish();
}

TEST(fs_states__no_successor_where_the_folder_is_gone)
{
	start();
	struct drive_file d = row("D", "ROOT", 2, false);
	d.folder = true;
	d.blob = false;
	struct file *folder = told(d), *f = told(row("X", "D", 5, false));
	struct inode *n = writer_of(f);
	CHECK(!file_placeless(f));
	told(row("X", "D", 6, true));
	struct drive_file gone = row("D", "ROOT", 7, true);
	gone.folder = true;
	told(gone);
	CHECK(file_gone_by_news(folder) && file_placeless(f));
	CHECK_INT(tree_renew(&t, n, "NEW", NULL), -ENOENT);
	CHECK(n->file == f);
	finish();
}

TEST(fs_states__a_folder_that_comes_back_has_what_changed_meanwhile_and_is_listed_again)
{
	start();
	struct drive_file d = row("D", "ROOT", 2, false), away = row("D", "ELSEWHERE", 3, false), back = row("D", "ROOT", 7, false);
	d.folder = away.folder = back.folder = true;
	struct file *folder = told(d), *f = told(row("X", "D", 4, false));
	folder->listing = LISTING_COMPLETE;
	folder->listed = true;
	told(away);
	CHECK(file_gone_by_news(folder) && folder->elsewhere && !file_placeless(f)); /* it can be saved there */
	told(row("X", "D", 6, false));
	struct file *made = told(row("Y", "D", 6, false));
	told(back);
	CHECK(tree_child(&t, t.root, "m") == folder && f->parent == folder && made && made->parent == folder);
	CHECK_STR(f->head.revision, "r6");
	CHECK_INT(folder->listing, LISTING_UNKNOWN);
	finish();
}

TEST(fs_states__a_listing_that_is_older_than_the_feed_brings_nothing_back)
{
	start();
	told(row("A", "ROOT", 6, true)); /* trashed while its folder is being listed: not in the tree yet */
	CHECK(!told(row("A", "ROOT", 5, false)) && !named("m"));
	CHECK(!told(row("A", "ROOT", 5, false)) && !named("m")); /* and by the next page */
	struct file *f = told(row("A", "ROOT", 7, false));
	CHECK(f && named("m") == f);
	finish();
}

TEST(fs_states__what_was_told_before_its_folder_was_known_counts)
{
	start();
	told(row("A", "D", 6, false)); /* of a folder that is not known yet */
	struct drive_file d = row("D", "ROOT", 2, false);
	d.folder = true;
	struct file *folder = told(d), *f = told(row("A", "D", 5, false));
	CHECK(f && f->parent == folder);
	CHECK_STR(f->head.revision, "r6");
	finish();
}

TEST(fs_states__a_denial_stands_over_an_older_listing_until_access_is_back)
{
	start();
	early_deny(&t.early, "A");
	CHECK(!told(row("A", "ROOT", 5, false)));
	early_allow(&t.early, "A");
	CHECK(told(row("A", "ROOT", 5, false)));
	finish();
}

TEST(fs_states__only_the_latest_early_news_are_kept)
{
	start();
	char id[16];
	for (unsigned i = 0; i < EARLY_MAX + 10; i++) {
		snprintf(id, sizeof id, "id%u", i);
		told(row(id, "ROOT", 6, true));
	}
	CHECK_INT(t.early.by_id.count, EARLY_MAX);
	CHECK(told(row("id0", "ROOT", 5, false))); /* forgotten: the oldest */
	snprintf(id, sizeof id, "id%u", EARLY_MAX + 9);
	CHECK(!told(row(id, "ROOT", 5, false)));
	finish();
}
