/* SPDX-License-Identifier: MIT */
/* The verb `auth`: a user's own login, made in the browser, shown and ended. */
#include "fs/cli/verb.h"

#include "drive/auth/login.h"
#include "fs/connect.h"
#include "fs/escape.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOGIN_PATIENCE_MS = 10 * 60 * 1000 };

struct login_args {
	struct config c;
	const char *client;	/* --client-secret */
	bool no_browser, yes, help;
};

/* ---- the command line */

/* The value of `name`, as "name value" or "name=value"; NULL: argv[*i] is something else. */
static const char *word_value(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);
	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return !argv[*i][n] && *i + 1 < argc ? argv[++*i] : NULL;
}

static int auth_word(struct login_args *s, int argc, char **argv, int *i)
{
	static const char *const longs[][2] = { { "--api-root", "api_root" }, { "--ca-file", "ca_file" }, { "--scope", "scope" },
						{ "--key-file", "key_file" } };
	const char *value = word_value("--client-secret", argc, argv, i);
	if (value) {
		s->client = value;
		return 0;
	}
	for (size_t k = 0; k < sizeof longs / sizeof *longs; k++)
		if ((value = word_value(longs[k][0], argc, argv, i)))
			return config_set(&s->c, longs[k][1], value);
	if (!strcmp(argv[*i], "--no-browser"))
		s->no_browser = true;
	else if (!strcmp(argv[*i], "--yes"))
		s->yes = true;
	else if (!strcmp(argv[*i], "--help") || !strcmp(argv[*i], "-h"))
		s->help = true;
	else if (!strcmp(argv[*i], "-o") && *i + 1 < argc)
		return config_list(&s->c, argv[++*i]);
	else
		return err_set(-EINVAL, "%s: not understood, or without its value", argv[*i]);
	return 0;
}

static int parse_auth(struct login_args *s, int argc, char **argv)
{
	int r = config_begin(&s->c);
	for (int i = 3; i < argc && !r; i++)
		r = auth_word(s, argc, argv, &i);
	return r;
}

static int auth_misused(const char *verb)
{
	verb_failed(err_last());
	fprintf(stderr, "Try: drivefs-models auth%s --help\n", verb);
	return VERB_USAGE;
}

/* ---- login */

static const char login_help[] =
	"usage: drivefs-models auth login --client-secret FILE [--no-browser] [--yes]\n"
	"                                 [--scope drive.readonly] [--ca-file FILE] [--api-root URL]\n\n"
	"Log a user in to Google Drive, once: mounts then work as this user. FILE is an OAuth client of the\n"
	"type \"Desktop app\" (Google's console: APIs & Services > Credentials). A browser opens; where there\n"
	"is none, as on a server, open the printed page in any browser and paste the address at which it\n"
	"ends (it will not load there) on standard input. The login is kept in\n"
	"$XDG_CONFIG_HOME/drivefs-models/credentials.json (default ~/.config), readable by you alone.\n\n"
	"A consent screen whose publishing status is \"Testing\" ends every login after 7 days: set it to\n"
	"\"In production\". gcloud's own client is blocked for Drive: make a client of your own.\n\n"
	"  --client-secret FILE  the OAuth client\n"
	"  --no-browser          only print the page's address\n"
	"  --yes                 do not ask whether the account that agreed is the right one\n"
	"  --scope SCOPE         drive (default) or drive.readonly\n"
	"  --ca-file FILE        as -o ca_file= of a mount\n"
	"  --api-root URL        as -o api_root= of a mount\n\n"
	"example: drivefs-models auth login --client-secret client_secret.json";

/* Best effort: the address has been printed as well. */
static void open_browser(const char *url)
{
	const char *named = getenv("BROWSER");
	if (!named && !getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY"))
		return;
	CLEANUP_FREE char *program = strdup(named && *named ? named : "xdg-open");
	posix_spawn_file_actions_t fa;
	pid_t pid;
	if (!program || posix_spawn_file_actions_init(&fa))
		return;
	program[strcspn(program, ":")] = 0; /* a list: the first one */
	char *const argv[] = { program, (char *)url, NULL };
	if (!posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDWR, 0) &&
	    !posix_spawn_file_actions_adddup2(&fa, STDIN_FILENO, STDOUT_FILENO) &&
	    !posix_spawn_file_actions_adddup2(&fa, STDIN_FILENO, STDERR_FILENO) &&
	    posix_spawnp(&pid, program, &fa, NULL, argv, environ))
		fprintf(stderr, "drivefs-models: \"%s\" cannot be started: open the page yourself\n", program);
	posix_spawn_file_actions_destroy(&fa);
}

static struct login_config config_for_login(const struct login_args *s)
{
	return (struct login_config){ .client_file = s->client, .scope = s->c.scope, .api_root = s->c.api_root,
				      .ca_file = s->c.ca_file, .deadline_ms = (unsigned)s->c.deadline * 1000 };
}

static void say_logged_in(const struct login *l)
{
	char account[256];
	escape_text(account, sizeof account, login_account(l));
	printf("\nLogged in as %s; kept in %s\n", account, login_file(l));
}

/* Somebody else on this machine can have answered in the place of our browser, with an account of his own. */
static bool wanted(const struct login_args *s, const struct login *l)
{
	char account[256], answer[16] = "";
	if (s->yes || !isatty(STDIN_FILENO))
		return true;
	escape_text(account, sizeof account, login_account(l));
	printf("\nLog in as %s? [y/n] ", account);
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int log_in(const struct login_args *s)
{
	struct login_config cfg = config_for_login(s);
	struct login *l = NULL;
	int r = login_open(&cfg, &l);
	if (r)
		return verb_failed(err_last());
	printf("Open this page in a browser, and agree:\n\n%s\n\n", login_url(l));
	printf("If that browser runs on another machine, its last page will not load: paste that page's\n"
	       "address here, and press Enter.\n");
	fflush(stdout);
	if (!s->no_browser)
		open_browser(login_url(l));
	r = login_wait(l, STDIN_FILENO, LOGIN_PATIENCE_MS);
	if (!r)
		r = login_finish(l);
	if (!r && !wanted(s, l)) {
		login_drop(l);
		r = err_set(-ECANCELED, "not logged in: nothing was kept");
	} else if (!r) {
		r = login_keep(l);
	}
	if (!r)
		say_logged_in(l);
	const char *other = getenv("GOOGLE_APPLICATION_CREDENTIALS");
	if (!r && other && *other)
		printf("Note: GOOGLE_APPLICATION_CREDENTIALS is set, and comes before this login.\n");
	login_close(l);
	return r ? verb_failed(err_last()) : EXIT_SUCCESS;
}

static int auth_login(struct login_args *s)
{
	if (!s->client) {
		err_set(-EINVAL, "no --client-secret FILE: the OAuth client of the type \"Desktop app\" is needed");
		return auth_misused(" login");
	}
	return log_in(s);
}

/* ---- status, logout */

static const char status_help[] =
	"usage: drivefs-models auth status [-o OPTION[,...]]\n\n"
	"Say which credentials a mount with these options would use, and where they are. Shows no secret,\n"
	"and does not ask whether they are still good: `drivefs-models check FOLDER` does.\n\n"
	"example: drivefs-models auth status -o key_file=key.json";

static int auth_status(struct login_args *s)
{
	struct drive *d = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	if (connect_open(&s->c, &d))
		return verb_failed(err_last());
	drive_credentials(d, &b);
	char credentials[4096], identity[512];
	escape_text(credentials, sizeof credentials, b.data ? b.data : "");
	escape_text(identity, sizeof identity, drive_identity(d));
	printf("credentials  %s\nidentity     %s\n", credentials, identity);
	drive_close(d);
	return EXIT_SUCCESS;
}

static const char logout_help[] =
	"usage: drivefs-models auth logout [--ca-file FILE] [--api-root URL]\n\n"
	"End the login that `drivefs-models auth login` made: Google is told, and the file is deleted.\n\n"
	"example: drivefs-models auth logout";

static int auth_logout(struct login_args *s)
{
	struct login_config cfg = config_for_login(s);
	if (login_forget(&cfg))
		return verb_failed(err_last());
	puts("Logged out.");
	return EXIT_SUCCESS;
}

static const struct {
	const char *name, *help;
	int (*run)(struct login_args *s);
} auth_verbs[] = { { "login", login_help, auth_login }, { "status", status_help, auth_status },
	      { "logout", logout_help, auth_logout } };

static int run_auth(const struct verb *const *all, int argc, char **argv)
{
	(void)all;
	struct login_args s = { .no_browser = false };
	for (size_t i = 0; argc > 2 && i < sizeof auth_verbs / sizeof *auth_verbs; i++) {
		if (strcmp(argv[2], auth_verbs[i].name) != 0)
			continue;
		signal(SIGPIPE, SIG_IGN);
		int r = parse_auth(&s, argc, argv) ? auth_misused("") : s.help ? puts(auth_verbs[i].help) < 0 : auth_verbs[i].run(&s);
		config_done(&s.c);
		return r;
	}
	return verb_wants_help(argc, argv) ? verb_show_help(&cli_auth) : verb_misused(&cli_auth, NULL);
}

const struct verb cli_auth = {
	.name = "auth",
	.usage = "login|status|logout [OPTIONS]",
	.about = "a user's login: who Drive takes us for",
	.help = "drivefs-models auth login --client-secret FILE   log a user in, in the browser\n"
		"drivefs-models auth status                      which credentials would be used\n"
		"drivefs-models auth logout                      end the login\n\n"
		"example: drivefs-models auth login --client-secret client_secret.json",
	.run = run_auth,
};
