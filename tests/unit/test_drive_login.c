/* SPDX-License-Identifier: MIT */
#include "drive/auth/jwt.h"
#include "drive/auth/login.h"
#include "drive/auth/redirect.h"
#include "drive/auth/secret.h"
#include "tests/unit/test_drive_server.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVE "https://www.googleapis.com/auth/drive"
#define ABOUT { "GET /drive/v3/about?", "ya29.new", 200, NULL, "{\"user\":{\"emailAddress\":\"a@x\"}}", 0, ANSWER }
#define GRANTED(scope) "{\"access_token\":\"ya29.new\",\"expires_in\":3599,\"refresh_token\":\"1//new\",\"scope\":\"" scope "\"}"

static char file_path[512];

static void write_text(const char *path, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	buf_str(&b, text);
	CHECK_INT(buf_check(&b, "test"), 0);
	CHECK_INT(secret_write(path, "test", &b), 0);
}

static const char *client(const char *text)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/client.json", test_dir);
	write_text(path, text);
	return path;
}

#define CLIENT "{\"installed\":{\"client_id\":\"ci\",\"client_secret\":\"cs\",\"redirect_uris\":[\"http://localhost\"]}}"

static void at_home(void)
{
	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", test_dir, 1);
	snprintf(file_path, sizeof file_path, "%s/.config/drivefs-models/credentials.json", test_dir);
}

static struct login *begin(const char *client_text)
{
	struct login *l = NULL;
	at_home();
	struct login_config cfg = { .client_file = client(client_text), .api_root = server_root(), .deadline_ms = 5000 };
	CHECK_INT(login_open(&cfg, &l), 0);
	return l;
}

static void parameter(const struct login *l, const char *name, char ret[REDIRECT_VALUE_MAX])
{
	const char *query = strchr(login_url(l), '?');
	bool found = query && redirect_value(query + 1, name, ret);
	CHECK(found);
}

/* Sends a request to where the browser is to come back, without waiting for the page. */
static int browse(const struct login *l, const char *request)
{
	char back[REDIRECT_VALUE_MAX];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	parameter(l, "redirect_uri", back);
	CHECK(!strncmp(back, "http://127.0.0.1:", 17));
	a.sin_port = htons((uint16_t)strtoul(back + 17, NULL, 10));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK(send(fd, request, strlen(request), 0) == (ssize_t)strlen(request));
	return fd;
}

/* "GET /?rest&state=..." with the right state. */
static int come_back(const struct login *l, const char *rest)
{
	char state[REDIRECT_VALUE_MAX], request[4096];
	parameter(l, "state", state);
	snprintf(request, sizeof request, "GET /?%s&state=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", rest, state);
	return browse(l, request);
}

static void page_says(int fd, const char *status)
{
	char page[4096] = "";
	size_t n = 0;
	for (ssize_t got; (got = recv(fd, page + n, sizeof page - 1 - n, 0)) > 0;)
		n += (size_t)got;
	close(fd);
	CHECK(strstr(page, status));
}

TEST(drive_login__by_the_browser)
{
	static const struct line tokens[] = { { "POST", NULL, 200, NULL, GRANTED(DRIVE), 0, ANSWER }, { 0 } };
	static const struct line script[] = { ABOUT, { 0 } };
	char value[REDIRECT_VALUE_MAX], challenge[REDIRECT_VALUE_MAX];
	CLEANUP_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	struct stat st;
	server_start(script);
	server_token_script(tokens);
	struct login *l = begin(CLIENT);
	static const char *const want[][2] = { { "client_id", "ci" }, { "response_type", "code" }, { "scope", DRIVE },
		{ "code_challenge_method", "S256" }, { "access_type", "offline" }, { "prompt", "consent" } };
	for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
		parameter(l, want[i][0], value);
		CHECK_STR(value, want[i][1]);
	}
	int fd = come_back(l, "code=4%2F0co+de&scope=x");
	CHECK_INT(login_wait(l, -1, 5000), 0);
	page_says(fd, "HTTP/1.1 200");
	CHECK_INT(login_finish(l), 0);
	CHECK(access(login_file(l), F_OK)); /* nothing is kept before somebody has looked whose it is */
	CHECK_INT(login_keep(l), 0);
	CHECK_STR(login_account(l), "a@x");
	CHECK_STR(login_file(l), file_path);
	const char *form = server_token_request(0)->body;
	CHECK(strstr(form, "grant_type=authorization_code&code=4%2F0co%20de&client_id=ci&client_secret=cs&redirect_uri=http%3A%2F%2F"
		     "127.0.0.1%3A"));
	/* The verifier is what was challenged. */
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n;
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	CHECK(redirect_value(form, "code_verifier", value) && strlen(value) == 43);
	CHECK(EVP_Digest(value, 43, hash, &n, EVP_sha256(), NULL) == 1);
	jwt_base64url(&b, hash, n);
	parameter(l, "code_challenge", challenge);
	CHECK_INT(buf_check(&b, "test"), 0);
	CHECK_STR(challenge, b.data);
	CHECK_INT(secret_read(file_path, "test", &text), 0);
	CHECK(strstr(text.data, "\"refresh_token\": \"1//new\"") && strstr(text.data, "\"account\": \"a@x\"") &&
	      strstr(text.data, "\"token_uri\": \"http://127.0.0.1:"));
	CHECK(stat(file_path, &st) == 0 && (st.st_mode & 07777) == 0600);
	*strrchr(file_path, '/') = 0;
	CHECK(stat(file_path, &st) == 0 && (st.st_mode & 07777) == 0700);
	server_done();
	login_close(l);
}

TEST(drive_login__other_visitors_do_not_end_it)
{
	static const struct line script[] = { { 0 } };
	server_start(script);
	struct login *l = begin(CLIENT);
	int idle[10];
	for (int i = 0; i < 10; i++)
		idle[i] = browse(l, i % 2 ? "GET /?co" : "");
	int a = browse(l, "GET /favicon.ico HTTP/1.1\r\n\r\n"), b = browse(l, "GET /?code=evil&state=guess HTTP/1.1\r\n\r\n");
	int c = browse(l, "POST /?code=evil HTTP/1.1\r\n\r\n"), d = come_back(l, "code=good");
	CHECK_INT(login_wait(l, -1, 5000), 0);
	page_says(d, "HTTP/1.1 200");
	page_says(a, "HTTP/1.1 404");
	page_says(b, "HTTP/1.1 400");
	page_says(c, "HTTP/1.1 404");
	for (int i = 0; i < 10; i++)
		close(idle[i]);
	login_close(l);
}

TEST(drive_login__the_user_says_no)
{
	static const struct line script[] = { { 0 } };
	server_start(script);
	struct login *l = begin(CLIENT);
	int fd = come_back(l, "error=access_denied");
	CHECK_INT(login_wait(l, -1, 5000), -EACCES);
	CHECK(strstr(err_last(), "access_denied"));
	close(fd);
	l = login_close(l);
	l = begin(CLIENT);
	CHECK_INT(login_wait(l, -1, 1), -ETIMEDOUT);
	login_close(l);
}

/* What a user pastes, in pieces or whole. */
static int pasted(struct login *l, const char *before, const char *state, const char *after)
{
	char line[4096];
	int p[2];
	CHECK(pipe(p) == 0);
	int n = snprintf(line, sizeof line, "%s%s%s", before, state, after);
	CHECK(write(p[1], line, (size_t)n) == n);
	close(p[1]);
	int r = login_wait(l, p[0], 5000);
	close(p[0]);
	return r;
}

TEST(drive_login__by_a_pasted_address)
{
	static const struct line script[] = { { 0 } };
	char state[REDIRECT_VALUE_MAX];
	server_start(script);
	struct login *l = begin(CLIENT);
	parameter(l, "state", state);
	CHECK_INT(pasted(l, "\nhello\n  http://127.0.0.1:1/?state=", state, "&code=4/0abc&scope=x#frag\r\n"), 0);
	CHECK_INT(pasted(l, "http://127.0.0.1:1/?code=4/0abc&state=", state, ""), 0); /* no line's end */
	CHECK_INT(pasted(l, "http://127.0.0.1:1/?code=4/0abc&state=", "another", "\n"), -EINVAL);
	CHECK(strstr(err_last(), "state"));
	CHECK_INT(pasted(l, "http://127.0.0.1:1/?error=access_denied&state=", state, "\n"), -EACCES);
	login_close(l);
}

static void not_kept(const char *answer, int status, const struct line *script, const char *why)
{
	struct line tokens[] = { { "POST", NULL, status, NULL, answer, 0, ANSWER }, { 0 } };
	server_start(script);
	server_token_script(tokens);
	struct login *l = begin(CLIENT);
	int fd = come_back(l, "code=c");
	CHECK_INT(login_wait(l, -1, 5000), 0);
	CHECK_INT(login_finish(l), -EACCES);
	CHECK(strstr(err_last(), why));
	CHECK(access(file_path, F_OK) != 0);
	close(fd);
	login_close(l);
}

TEST(drive_login__without_the_scope_nothing_is_kept)
{
	static const struct line script[] = { { 0 } };
	not_kept(GRANTED("openid https://www.googleapis.com/auth/drive.file"), 200, script, "tick its box");
}
TEST(drive_login__without_a_refresh_token_nothing_is_kept)
{
	static const struct line script[] = { { 0 } };
	not_kept("{\"access_token\":\"ya29.new\",\"expires_in\":3599}", 200, script, "myaccount.google.com");
}
TEST(drive_login__a_refused_client_is_told)
{
	static const struct line script[] = { { 0 } };
	not_kept("{\"error\":\"invalid_client\",\"error_description\":\"Unauthorized\"}", 401, script, "OAuth client");
}
TEST(drive_login__an_api_that_is_not_enabled_is_told)
{
	static const struct line script[] = {
		{ "GET /drive/v3/about?", NULL, 403, NULL, "{\"error\":{\"errors\":[{\"reason\":\"accessNotConfigured\"}]}}", 0, ANSWER },
		{ 0 } };
	not_kept(GRANTED(DRIVE), 200, script, "enable the Google Drive API");
}

TEST(drive_login__what_is_no_client)
{
	static const char *const bad[][2] = {
		{ "{\"web\":{\"client_id\":\"x\"}}", "Desktop app" }, { "{}", "Desktop app" }, { "x", "no JSON" },
		{ "{\"installed\":{\"client_id\":\"ci\"}}", "client_secret" },
		{ "{\"installed\":{\"client_id\":\"ci\",\"client_secret\":\"cs\",\"auth_uri\":\"https://evil.example/\"}}", "refused" },
		{ "{\"installed\":{\"client_id\":\"ci\",\"client_secret\":\"cs\",\"token_uri\":\"https://evil.example/\"}}", "refused" },
	};
	struct login *l = NULL;
	at_home();
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct login_config cfg = { .client_file = client(bad[i][0]) };
		int r = login_open(&cfg, &l);
		CHECK(r == -EBADMSG || r == -EACCES);
		CHECK(strstr(err_last(), bad[i][1]));
	}
	struct login_config cfg = { .client_file = client(CLIENT), .scope = "drive.file" };
	CHECK_INT(login_open(&cfg, &l), -EINVAL);
	CHECK(chmod(cfg.client_file, 0644) == 0);
	cfg.scope = NULL;
	CHECK_INT(login_open(&cfg, &l), -EACCES);
	CHECK_INT(login_open(&(struct login_config){ .client_file = cfg.client_file, .api_root = "http://example.com" }, &l), -EINVAL);
}

TEST(drive_login__and_logout)
{
	static const struct line script[] = {
		{ "POST /revoke ", NULL, 200, NULL, "{}", 0, ANSWER },
		{ "POST /revoke ", NULL, 400, NULL, "{\"error\":\"invalid_token\",\"error_description\":\"Token expired or revoked\"}", 0, ANSWER },
		{ "POST /revoke ", NULL, 403, NULL, "{}", 0, ANSWER },
		{ 0 },
	};
	server_start(script);
	at_home();
	struct login_config cfg = { .api_root = server_root(), .deadline_ms = 5000 };
	CHECK_INT(login_forget(&cfg), -ENOENT);
	for (int i = 0; i < 3; i++) {
		write_text(file_path, "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"cs\",\"refresh_token\":\"1//rt\"}");
		CHECK_INT(login_forget(&cfg), i < 2 ? 0 : -EACCES);
		CHECK(access(file_path, F_OK) != 0);
		CHECK_STR(server_request(i)->body, "token=1%2F%2Frt");
	}
	CHECK(strstr(err_last(), "deleted here") && strstr(err_last(), "myaccount.google.com"));
	write_text(file_path, "nonsense");
	CHECK_INT(login_forget(&cfg), -EBADMSG);
	CHECK(access(file_path, F_OK) != 0);
	server_done();
}

TEST(drive_login__parameters_of_a_query)
{
	char v[REDIRECT_VALUE_MAX];
	CHECK(redirect_value("a=1&bc=%41%2f+x&d", "bc", v));
	CHECK_STR(v, "A/ x");
	CHECK(redirect_value("a=&b=2", "a", v) && !*v);
	CHECK(!redirect_value("a=1", "b", v) && !redirect_value("xa=1", "a", v) && !redirect_value("", "a", v));
	static const char *const bad[] = { "a=%", "a=%4", "a=%zz", "a=%00", "a=%0a" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!redirect_value(bad[i], "a", v));
	char text[REDIRECT_VALUE_MAX + 10] = "a=";
	memset(text + 2, 'x', REDIRECT_VALUE_MAX + 2);
	CHECK(!redirect_value(text, "a", v));
}
