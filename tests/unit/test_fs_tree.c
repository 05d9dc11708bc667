/* SPDX-License-Identifier: MIT */
#include "fs/tree/inode.h"
#include "tests/unit/test.h"

static struct tree t;

static struct drive_file news(const char *id, const char *parent, const char *name, uint64_t version, int64_t created)
{
	struct drive_file f = { .version = version, .created_ms = created, .blob = true, .can_edit = true };
	snprintf(f.id, sizeof f.id, "%s", id);
	snprintf(f.parent, sizeof f.parent, "%s", parent);
	snprintf(f.revision, sizeof f.revision, "r%d", (int)version);
	f.name = strdup(name);
	CHECK(f.name);
	return f;
}

/* News of one file; what it becomes. */
static struct file *apply(struct drive_file f, struct inval *inval)
{
	struct file *ret;
	lock_acquire(&t.lock);
	CHECK_INT(tree_apply(&t, &f, inval, &ret), 0);
	lock_release(&t.lock);
	drive_file_done(&f);
	return ret;
}

/* A copy of a name, for who takes it. */
static char *copy(const char *name)
{
	char *ret = strdup(name);
	CHECK(ret);
	return ret;
}

static struct file *child(const char *shown)
{
	lock_acquire(&t.lock);
	struct file *f = tree_child(&t, t.root, shown);
	lock_release(&t.lock);
	return f;
}

static struct inode *looked_up(struct file *f)
{
	struct inode *n;
	lock_acquire(&t.lock);
	CHECK_INT(inode_of(&t, f, &n), 0);
	lock_release(&t.lock);
	return n;
}

static void begin(void)
{
	struct drive_file root = news("ROOT", "", "models", 1, 0);
	root.folder = true;
	root.blob = false;
	CHECK_INT(tree_init(&t, &root), 0);
	drive_file_done(&root);
	CHECK_INT(t.root->node->id, 1);
}

static void end(void) { tree_done(&t); }

TEST(fs_tree__the_oldest_of_one_name_has_it_whatever_the_order)
{
	begin();
	struct file *young = apply(news("YOUNGER-ID", "ROOT", "m", 5, 200), NULL);
	CHECK_STR(young->shown, "m");
	struct file *old = apply(news("OLDER-ID", "ROOT", "m", 6, 100), NULL);
	CHECK_STR(old->shown, "m");
	CHECK_STR(young->shown, "m~YOUNGER-");
	CHECK(child("m") == old && child("m~YOUNGER-") == young);
	struct drive_file trashed = news("OLDER-ID", "ROOT", "m", 7, 100);
	trashed.trashed = true;
	struct inval inval = { 0 };
	apply(trashed, &inval);
	CHECK(child("m") == young && !child("m~YOUNGER-"));
	CHECK(inval.count == 1 && inval.all[0].node == t.root->node->id && inval.all[0].listing);
	inval_done(&inval);
	end();
}

TEST(fs_tree__a_name_that_looks_told_apart_keeps_its_own)
{
	begin();
	apply(news("AAAAAAAAAAAA", "ROOT", "m", 1, 1), NULL);
	struct file *plain = apply(news("CCCCCCCCCCCC", "ROOT", "m~BBBBBBBB", 2, 3), NULL);
	struct file *second = apply(news("BBBBBBBBBBBB", "ROOT", "m", 3, 2), NULL);
	CHECK_STR(plain->shown, "m~BBBBBBBB");
	CHECK_STR(second->shown, "m~BBBBBBBBBBBB");
	end();
}

TEST(fs_tree__told_apart_names_do_not_depend_on_what_was_seen_first)
{
	begin();
	apply(news("AAAAAAAAAAAA", "ROOT", "m", 1, 1), NULL);
	struct file *second = apply(news("BBBBBBBBBBBB", "ROOT", "m", 2, 2), NULL);
	CHECK_STR(second->shown, "m~BBBBBBBB");
	struct file *plain = apply(news("CCCCCCCCCCCC", "ROOT", "m~BBBBBBBB", 3, 3), NULL);
	CHECK(child("m~BBBBBBBB") == plain && child("m~BBBBBBBBBBBB") == second);
	struct file *whole = apply(news("DDDDDDDDDDDD", "ROOT", "m~BBBBBBBBBBBB", 4, 4), NULL);
	CHECK(child("m~BBBBBBBBBBBB") == whole && child("m~BBBBBBBBBBBB~BBBBBBBBBBBB") == second);
	lock_acquire(&t.lock);
	tree_remove(&t, plain, NULL);
	lock_release(&t.lock);
	CHECK(child("m~BBBBBBBB") == second && child("m~BBBBBBBBBBBB") == whole);
	CHECK_INT(t.root->by_shown.count, 3);
	end();
}

TEST(fs_tree__five_of_one_name_are_five_and_the_last_has_it_alone)
{
	static const char *const ids[] = { "AAAAAAAAA1", "AAAAAAAAA2", "AAAAAAAAA3", "BBBBBBBBB4", "CCCCCCCCC5" };
	struct file *all[5];
	begin();
	for (int i = 4; i >= 0; i--)
		all[i] = apply(news(ids[i], "ROOT", "m", 1, 7), NULL); /* one time: the id decides */
	CHECK(child("m") == all[0] && child("m~AAAAAAAA") == all[1] && child("m~AAAAAAAAA3") == all[2]);
	CHECK(child("m~BBBBBBBB") == all[3] && child("m~CCCCCCCC") == all[4]);
	CHECK_INT(t.root->by_shown.count, 5);
	lock_acquire(&t.lock);
	for (int i = 0; i < 4; i++)
		tree_remove(&t, all[i], NULL);
	lock_release(&t.lock);
	CHECK(child("m") == all[4]);
	CHECK_INT(t.root->by_shown.count, 1);
	end();
}

TEST(fs_tree__a_new_file_takes_its_place_by_drive_s_time)
{
	struct file *made;
	struct inval inval = { .ours = true };
	begin();
	lock_acquire(&t.lock);
	CHECK_INT(tree_make(&t, t.root, copy("m"), "AAAAAAAAAA", &made, NULL), 0);
	lock_release(&t.lock);
	struct file *other = apply(news("BBBBBBBBBB", "ROOT", "m", 3, 50), NULL); /* from another host, later */
	CHECK(child("m") == other && child("m~AAAAAAAA") == made);
	struct drive_file answer = news("AAAAAAAAAA", "ROOT", "m", 4, 40);
	lock_acquire(&t.lock);
	CHECK_INT(tree_adopt(&t, made, &answer, &inval), 0);
	lock_release(&t.lock);
	drive_file_done(&answer);
	CHECK(child("m") == made && child("m~BBBBBBBB") == other);
	CHECK(inval.count >= 1 && inval.all[0].listing); /* two names mean something else now */
	inval_done(&inval);
	end();
}

TEST(fs_tree__a_name_is_taken_over_only_where_no_older_file_is_left_with_it)
{
	begin();
	struct file *a = apply(news("A", "ROOT", "m", 1, 10), NULL), *b = apply(news("B", "ROOT", "m", 2, 20), NULL);
	struct file *young = apply(news("Y", "ROOT", "y", 3, 30), NULL), *old = apply(news("O", "ROOT", "o", 4, 5), NULL);
	lock_acquire(&t.lock);
	CHECK(!tree_has_name(&t, young, a, "m")); /* b would be the oldest */
	CHECK(tree_has_name(&t, old, a, "m") && tree_has_name(&t, b, a, "m"));
	CHECK(tree_has_name(&t, young, b, "m~B"));
	tree_remove(&t, b, NULL);
	CHECK(tree_has_name(&t, young, a, "m"));
	lock_release(&t.lock);
	end();
}

TEST(fs_tree__a_drive_entry_named_as_the_view_stays_reachable)
{
	begin();
	struct file *f = apply(news("IDIDIDIDIDID", "ROOT", VIEW_NAME, 1, 1), NULL);
	CHECK_STR(f->shown, VIEW_NAME "~IDIDIDID");
	end();
}

TEST(fs_tree__a_version_that_is_not_higher_changes_nothing)
{
	begin();
	struct file *f = apply(news("A", "ROOT", "new name", 9, 1), NULL);
	apply(news("A", "ROOT", "old name", 8, 1), NULL);
	CHECK_STR(f->shown, "new name");
	lock_acquire(&t.lock);
	tree_remove(&t, f, NULL);
	lock_release(&t.lock);
	apply(news("A", "ROOT", "late answer", 9, 1), NULL);
	CHECK(!child("late answer") && file_gone(f));
	end();
}

TEST(fs_tree__new_content_is_a_new_inode_and_holders_keep_theirs)
{
	begin();
	struct file *f = apply(news("A", "ROOT", "m", 1, 1), NULL);
	struct inode *old = looked_up(f), *same = looked_up(f);
	CHECK(old == same && old->nlookup == 2);
	struct inval inval = { 0 };
	apply(news("A", "ROOT", "m", 2, 1), &inval);
	CHECK(!inval.count);
	inval_done(&inval);
	struct inode *fresh = looked_up(f);
	CHECK(fresh != old && fresh->id != old->id);
	CHECK_STR(old->content.revision, "r1");
	CHECK_STR(fresh->content.revision, "r2");
	lock_acquire(&t.lock);
	uint64_t id = old->id;
	inode_forget(&t, old, 2, 0);
	CHECK(!inode_get(&t, id) && inode_get(&t, fresh->id) == fresh);
	lock_release(&t.lock);
	end();
}

TEST(fs_tree__a_file_being_written_keeps_its_inode)
{
	begin();
	struct file *f = apply(news("A", "ROOT", "m", 1, 1), NULL);
	struct inode *n = looked_up(f);
	n->writing = true;
	apply(news("A", "ROOT", "m", 2, 1), NULL);
	CHECK(f->node == n);
	CHECK_STR(n->content.revision, "r1");
	end();
}

TEST(fs_tree__docs_are_hidden_and_counted)
{
	begin();
	struct drive_file doc = news("D", "ROOT", "paper", 1, 1);
	doc.blob = false;
	apply(doc, NULL);
	CHECK(!child("paper"));
	CHECK_INT(t.root->hidden, 1);
	struct drive_file gone = news("D", "ROOT", "paper", 2, 1);
	gone.blob = false;
	gone.trashed = true;
	apply(gone, NULL);
	CHECK_INT(t.root->hidden, 0);
	end();
}

TEST(fs_tree__what_lies_elsewhere_is_not_kept)
{
	begin();
	CHECK(!apply(news("X", "ELSEWHERE", "m", 1, 1), NULL));
	struct file *f = apply(news("A", "ROOT", "m", 1, 1), NULL);
	apply(news("A", "ELSEWHERE", "m", 2, 1), NULL); /* moved out of the mount */
	CHECK(file_gone(f) && !child("m"));
	apply(news("A", "ROOT", "m", 3, 1), NULL); /* and back */
	CHECK(!file_gone(f) && child("m") == f);
	end();
}

TEST(fs_tree__the_feed_may_be_quicker_than_the_answer_of_a_create)
{
	begin();
	struct file *made;
	lock_acquire(&t.lock);
	CHECK_INT(tree_make(&t, t.root, copy("m"), "A", &made, NULL), 0);
	lock_release(&t.lock);
	struct inode *n = looked_up(made);
	n->writing = true;
	CHECK(apply(news("A", "ROOT", "m", 4, 1), NULL) == made);
	CHECK_STR(made->id, "A");
	struct drive_file answer = news("A", "ROOT", "m", 4, 1);
	lock_acquire(&t.lock);
	CHECK_INT(tree_adopt(&t, made, &answer, NULL), 0);
	CHECK(tree_file(&t, "A") == made && made->node == n);
	lock_release(&t.lock);
	drive_file_done(&answer);
	CHECK(child("m") == made);
	CHECK_INT(t.root->by_shown.count, 1);
	end();
}

TEST(fs_tree__a_rename_here_stands_over_the_feed_s_first_word_of_a_new_file)
{
	begin();
	struct file *made;
	lock_acquire(&t.lock);
	CHECK_INT(tree_make(&t, t.root, copy("tmp"), "A", &made, NULL), 0);
	CHECK_INT(tree_move(&t, made, t.root, copy("final"), NULL), 0);
	lock_release(&t.lock);
	apply(news("A", "ROOT", "tmp", 4, 1), NULL);
	CHECK(child("final") == made && !child("tmp"));
	end();
}

TEST(fs_tree__a_complete_listing_removes_what_it_lacks_but_not_what_is_new_here)
{
	begin();
	struct file *lost = apply(news("A", "ROOT", "lost", 1, 1), NULL), *made;
	apply(news("B", "ROOT", "kept", 1, 1), NULL);
	lock_acquire(&t.lock);
	uint64_t since = t.clock;
	CHECK_INT(tree_make(&t, t.root, copy("made"), "M", &made, NULL), 0);
	lost->seen_ms -= 3600 * 1000; /* long ago: no listing lags so far behind */
	lock_release(&t.lock);
	apply(news("B", "ROOT", "kept", 1, 1), NULL);
	lock_acquire(&t.lock);
	CHECK_INT(tree_sweep(&t, t.root, since, NULL), 0);
	lock_release(&t.lock);
	CHECK(file_gone(lost) && child("kept") && child("made") == made);
	end();
}

static struct drive_file shortcut(const char *id, const char *name, const char *target)
{
	struct drive_file f = news(id, "ROOT", name, 1, 1);
	f.blob = false;
	f.revision[0] = 0;
	snprintf(f.target, sizeof f.target, "%s", target);
	return f;
}

/* The target of `link` as Drive tells of it. */
static struct file *linked(struct file *link, struct drive_file f)
{
	struct file *ret;
	lock_acquire(&t.lock);
	CHECK_INT(tree_link(&t, link, &f, NULL, &ret), 0);
	lock_release(&t.lock);
	drive_file_done(&f);
	return ret;
}

TEST(fs_tree__a_shortcut_s_target_is_kept_wherever_it_lies)
{
	struct inval inval = { 0 };
	begin();
	struct file *link = apply(shortcut("S", "s", "T"), NULL);
	CHECK(child("s") == link && !link->blob);
	struct file *to = linked(link, news("T", "ELSEWHERE", "t", 5, 1));
	CHECK(link->to == to && to->links == link && !file_gone(to) && !to->parent);
	struct inode *n = looked_up(to);
	apply(news("T", "ELSEWHERE", "t", 6, 1), &inval);
	CHECK(!file_gone(to) && to->node != n);
	inval_done(&inval);
	apply(news("T", "ROOT", "t", 6, 1), NULL); /* its folder gets listed */
	CHECK(child("t") == to);
	struct drive_file trashed = news("T", "ELSEWHERE", "t", 7, 1);
	trashed.trashed = true;
	apply(trashed, &inval);
	CHECK(file_gone(to) && child("s") == link);
	inval_done(&inval);
	lock_acquire(&t.lock);
	tree_remove(&t, link, NULL);
	CHECK(!to->links && !link->to);
	lock_release(&t.lock);
	end();
}

static struct inode *entry(struct inode *dir, struct file *f, struct file *to, int want)
{
	struct inode *n = NULL;
	lock_acquire(&t.lock);
	CHECK_INT(inode_entry(&t, dir, f, to, &n), want);
	lock_release(&t.lock);
	return n;
}

TEST(fs_tree__a_folder_is_another_node_on_each_path_and_no_path_goes_round)
{
	struct inval inval = { 0 };
	begin();
	struct drive_file folder = news("F", "ROOT", "f", 1, 1);
	folder.folder = true;
	folder.blob = false;
	struct file *f = apply(folder, NULL), *link = apply(shortcut("S", "s", "F"), NULL);
	struct drive_file back = shortcut("B", "b", "ROOT"), more = shortcut("M", "m", "F");
	snprintf(back.parent, sizeof back.parent, "F");
	snprintf(more.parent, sizeof more.parent, "F");
	struct file *to_root = apply(back, NULL), *to_self = apply(more, NULL), *in = apply(news("X", "F", "x", 1, 1), NULL);
	struct inode *own = entry(t.root->node, f, f, 0), *alias = entry(t.root->node, link, f, 0);
	CHECK(own != alias && alias->up == t.root->node && alias == entry(t.root->node, link, f, 0));
	CHECK(entry(own, in, in, 0) == entry(alias, in, in, 0));
	entry(alias, to_root, t.root, -ELOOP);
	entry(alias, to_self, f, -ELOOP);
	entry(own, to_self, f, -ELOOP);
	apply(news("X", "F", "y", 2, 1), &inval);
	size_t listings = 0;
	for (size_t i = 0; i < inval.count; i++)
		listings += inval.all[i].node == alias->id && inval.all[i].listing;
	CHECK(listings >= 1); /* on this path too */
	inval_done(&inval);
	lock_acquire(&t.lock);
	inode_forget(&t, alias, 2, 0);
	CHECK(!f->aliases && f->node == own);
	lock_release(&t.lock);
	end();
}

TEST(fs_tree__documents_are_files_where_they_are_shown)
{
	begin();
	t.show_docs = true;
	struct drive_file doc = news("D", "ROOT", "paper", 1, 1);
	doc.blob = false;
	doc.doc = true;
	doc.revision[0] = 0;
	struct file *f = apply(doc, NULL);
	CHECK(child("paper.desktop") == f && t.root->hidden == 0);
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	tree_doc_text(f, &text);
	CHECK(text.len > 0 && f->head.size == text.len && strstr(text.data, "id=D\n"));
	end();
}
