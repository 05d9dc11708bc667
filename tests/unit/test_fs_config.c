/* SPDX-License-Identifier: MIT */
#include "fs/config.h"
#include "tests/unit/test.h"

#include <unistd.h>

/* The words of `line` as a command line. */
static int parse(const char *line, struct config *c)
{
	char text[256], *argv[16], *rest = text;
	int argc = 0;
	snprintf(text, sizeof text, "drivefs-models %s", line);
	for (char *word; argc < 16 && (word = strsep(&rest, " ")) && *word;)
		argv[argc++] = word;
	return config_parse(argc, argv, c);
}

TEST(fs_config__reads_options_in_any_order_and_leaves_the_rest_to_fuse)
{
	struct config c;
	CHECK_INT(parse("-f -o poll=3,allow_other FOLDER_id-1 -ocache_size=2G /mnt -o ro,log_file=a\\,b", &c), 0);
	CHECK_STR(c.folder, "FOLDER_id-1");
	CHECK_STR(c.mountpoint, "/mnt");
	CHECK_STR(c.fuse_options, "allow_other,ro");
	CHECK_STR(c.log_file, "a,b");
	CHECK_INT(c.poll, 3);
	CHECK_INT(c.cache_size, 2ll << 30);
	CHECK_INT(c.connections, 8);
	CHECK(c.foreground && !c.debug);
	config_done(&c);
}

TEST(fs_config__refuses_what_it_does_not_understand)
{
	static const char *const wrong[] = {
		"", "1a", "1a b c", "--nonsense 1a b", "-opoll=0 1a b", "-opoll=1x 1a b", "-opoll= 1a b", "-opoll 1a b",
		"-ocache_size=1M 1a b", "-ocache_size=99999999999T 1a b", "-oconnections=-1 1a b", "1a/b c", "1a b -o",
		"-ouid=x 1a b", "-ouid=4294967295 1a b", "-oumask=088 1a b", "-oumask=1777 1a b", "-oumask=0x12 1a b",
		"-onosuch 1a b", "-onosuch=x 1a b", "-oallow_other=1 1a b", "-omax_read=many 1a b", "-ofsname 1a b", "-oRO 1a b",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct config c;
		CHECK_INT(parse(wrong[i], &c), -EINVAL);
		CHECK(*err_last());
		config_done(&c);
	}
}

TEST(fs_config__knows_a_folder_by_id_url_or_root)
{
	static const char *const good[][2] = {
		{ "root", "root" },
		{ "1AbC_d-E", "1AbC_d-E" },
		{ "https://drive.google.com/drive/folders/1AbC_d-E", "1AbC_d-E" },
		{ "https://drive.google.com/drive/folders/1AbC_d-E?usp=sharing", "1AbC_d-E" },
		{ "https://drive.google.com/drive/u/0/folders/1AbC_d-E/", "1AbC_d-E" },
		{ "https://drive.google.com/open?id=1AbC_d-E&x=y", "1AbC_d-E" },
		{ "https://drive.google.com/drive/folders/1AbC_d-E?resourcekey=0-xyz", "1AbC_d-E" },
	};
	static const char *const bad[] = { "", "a b", "../x", "https://drive.google.com/drive/my-drive", "https://x/folders/" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CLEANUP_FREE char *id = NULL;
		CHECK_INT(config_folder(good[i][0], &id), 0);
		CHECK_STR(id, good[i][1]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLEANUP_FREE char *id = NULL;
		CHECK_INT(config_folder(bad[i], &id), -EINVAL);
	}
}

TEST(fs_config__takes_the_resource_key_from_the_url)
{
	static const char *const urls[][2] = {
		{ "https://drive.google.com/drive/folders/1AbC_d-E?resourcekey=0-xyz_9&usp=sharing", "0-xyz_9" },
		{ "https://drive.google.com/drive/folders/1AbC_d-E?usp=sharing&resourcekey=0-xyz", "0-xyz" },
		{ "https://drive.google.com/drive/folders/1AbC_d-E?noresourcekey=0-xyz", NULL },
		{ "https://drive.google.com/drive/folders/1AbC_d-E?resourcekey=", NULL },
		{ "1AbC_d-E", NULL },
	};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		CLEANUP_FREE char *key = NULL;
		CHECK_INT(config_folder_key(urls[i][0], &key), 0);
		CHECK(!key == !urls[i][1]);
		if (key && urls[i][1])
			CHECK_STR(key, urls[i][1]);
	}
}

TEST(fs_config__a_choice_is_one_of_its_words)
{
	static const char *const wrong[] = { "-ogoogle_docs=hid 1a b", "-ogoogle_docs=hide|link 1a b", "-ogoogle_docs=x 1a b",
					      "-oshortcuts=show 1a b" };
	struct config c;
	CHECK_INT(parse("1a b", &c), 0);
	CHECK_STR(c.google_docs, "hide");
	CHECK_STR(c.shortcuts, "link");
	config_done(&c);
	CHECK_INT(parse("-ogoogle_docs=link 1a b", &c), 0);
	CHECK_STR(c.google_docs, "link");
	config_done(&c);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		CHECK_INT(parse(wrong[i], &c), -EINVAL);
		config_done(&c);
	}
}

TEST(fs_config__an_unknown_option_is_named_with_the_one_that_was_meant)
{
	static const char *const rows[][2] = {
		{ "-opol=3 1a b", "did you mean poll?" }, { "-ocachesize=1G 1a b", "did you mean cache_size?" },
		{ "-oallowother 1a b", "did you mean allow_other?" }, { "-oPOLL=3 1a b", "did you mean poll?" },
		{ "-ozzzzzz 1a b", "there is no such option" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config c;
		CHECK_INT(parse(rows[i][0], &c), -EINVAL);
		CHECK(strstr(err_last(), rows[i][1]) || torture);
		config_done(&c);
	}
}

TEST(fs_config__what_an_fstab_says_to_others_is_left_out)
{
	struct config c;
	CHECK_INT(parse("-orw,nofail,_netdev,noauto,x-systemd.automount,nosuid,defaults 1a b", &c), 0);
	CHECK_STR(c.fuse_options, "rw,nosuid");
	config_done(&c);
}

TEST(fs_config__owner_and_rights)
{
	struct config c;
	CHECK_INT(parse("1a b", &c), 0);
	CHECK_INT(c.uid, geteuid());
	CHECK_INT(c.gid, getegid());
	CHECK_INT(c.umask, 022);
	config_done(&c);
	CHECK_INT(parse("-ouid=0,gid=7,umask=007 1a b", &c), 0);
	CHECK_INT(c.uid, 0);
	CHECK_INT(c.gid, 7);
	CHECK_INT(c.umask, 7);
	config_done(&c);
}

TEST(fs_config__a_mistyped_verb_is_no_folder_id)
{
	static const char *const words[] = { "umount", "sync", "Status", "unmount", "list", "Root", "un-mount", "a" };
	static const char *const ids[] = { "root", "1a", "0ABcdEfGhIjKlUk9PVA", "1AbCdEfGhIjKlMnOpQrStUvWxYz", "abcdefghijklmnopqrs" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		CHECK(config_is_word(words[i]));
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		CHECK(!config_is_word(ids[i]));
	struct config c;
	CHECK_INT(parse("-oro Status /mnt", &c), -EINVAL);
	CHECK(strstr(err_last(), "Status") || torture);
	config_done(&c);
}

TEST(fs_config__help_names_every_option)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	config_help(&b);
	for (size_t i = 0; config_option(i); i++) {
		char name[64], flag[64];
		snprintf(name, sizeof name, "      %s=", config_option(i));
		snprintf(flag, sizeof flag, "      %s\n", config_option(i));
		CHECK(b.data && (strstr(b.data, name) || strstr(b.data, flag)));
	}
}

TEST(fs_config__strict_is_a_flag_and_drain_a_number)
{
	struct config c;
	CHECK_INT(parse("-ostrict,drain=7 1AbCdEfGhIjKlMnOpQrStUvWxYz /mnt", &c), 0);
	CHECK((c.strict && c.drain == 7) || torture);
	config_done(&c);
	CHECK_INT(parse("-ostrict=1 1AbCdEfGhIjKlMnOpQrStUvWxYz /mnt", &c), -EINVAL);
	config_done(&c);
}
