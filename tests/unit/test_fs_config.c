/* SPDX-License-Identifier: MIT */
#include "fs/config.h"
#include "tests/unit/test.h"

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
		"", "folder", "a b c", "--nonsense a b", "-opoll=0 a b", "-opoll=1x a b", "-opoll= a b", "-opoll a b",
		"-ocache_size=1M a b", "-ocache_size=99999999999T a b", "-oconnections=-1 a b", "a/b c", "a b -o",
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
	static const char *const wrong[] = { "-ogoogle_docs=hid a b", "-ogoogle_docs=hide|link a b", "-ogoogle_docs=x a b" };
	struct config c;
	CHECK_INT(parse("a b", &c), 0);
	CHECK_STR(c.google_docs, "hide");
	config_done(&c);
	CHECK_INT(parse("-ogoogle_docs=link a b", &c), 0);
	CHECK_STR(c.google_docs, "link");
	config_done(&c);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		CHECK_INT(parse(wrong[i], &c), -EINVAL);
		config_done(&c);
	}
}

TEST(fs_config__help_names_every_option)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	config_help(&b);
	for (size_t i = 0; config_option(i); i++) {
		char name[64];
		snprintf(name, sizeof name, "      %s=", config_option(i));
		CHECK(b.data && strstr(b.data, name));
	}
}
