/* SPDX-License-Identifier: MIT */
/* A scripted HTTP server on loopback: each request takes the next line of the script, is checked
 * against it, recorded and answered. Tokens are given out beside the script, so that a script
 * holds only what a test is about. Allocates nothing, so that torture counts drive/ alone. */
#ifndef DFM_TEST_DRIVE_SERVER_H
#define DFM_TEST_DRIVE_SERVER_H
#include "drive/drive.h"
#include "tests/unit/test.h"

enum server_how {
	ANSWER,
	CUT,		/* half of the body, then close */
	LOSE,		/* read the request, then close */
	STALL,		/* read the request, then nothing until the client goes */
	CUT_REQUEST,	/* read half of the body, then close */
};

struct line {
	const char *want;	/* the request begins so: "GET /drive/v3/files/ID" */
	const char *want_header;/* and has this somewhere in its head; NULL: any */
	int status;
	const char *headers;	/* "Name: value\r\n..."; $ROOT stands for the server's origin */
	const char *body;	/* NULL: none */
	size_t body_n;		/* 0: strlen(body) */
	enum server_how how;
};

enum { SERVER_REQUESTS = 64, SERVER_TOKENS = 20, SERVER_HEAD = 8192, SERVER_BODY = 16384 };
struct request {
	char head[SERVER_HEAD];	/* request line and headers */
	char body[SERVER_BODY];	/* its beginning */
	size_t body_n;
};

/* Plays `script`, ended by an entry without `want`. */
void server_start(const struct line *script);
/* Without a script: each request but those for tokens gets exactly `head`, then `fill` bytes of 'x',
 * then `tail`, and the connection is closed. May be called again while no request is under way. */
void server_lie(const char *head, size_t n, size_t fill, const char *tail);
/* How many requests came, without those for tokens; and for tokens. */
int server_requests(void);
int server_tokens(void);
const struct request *server_request(int i);
const struct request *server_token_request(int i);
/* What the next tokens' requests get instead, one after the other; ended like a script. */
void server_token_script(const struct line *script);
/* Fails the test unless the whole script was played, and nothing else. */
void server_done(void);
const char *server_root(void);

/* A drive against it: a key file in test_dir (unless credentials are given), waits scaled to 1 %. */
struct drive *server_drive(unsigned deadline_ms);
struct drive *server_drive_with(const struct drive_config *more);
const char *server_key(void);	/* path of the key file */
extern const char *const server_pem_json; /* its private key, as it stands in JSON; made for tests */
/* What drive's trace said, line by line. */
const char *server_trace(void);

#define RATE_LIMIT "{\"error\":{\"code\":403,\"message\":\"Rate Limit Exceeded\",\"errors\":[{\"message\":\"x\"," \
		   "\"domain\":\"usageLimits\",\"reason\":\"rateLimitExceeded\"}]}}"
#define NOT_FOUND "{\"error\":{\"code\":404,\"message\":\"File not found: x.\",\"errors\":[{\"message\":\"x\"," \
		  "\"domain\":\"global\",\"reason\":\"notFound\",\"location\":\"fileId\",\"locationType\":\"parameter\"}]}}"
#define IN_USE "{\"error\":{\"code\":409,\"message\":\"A file already exists with the provided ID.\",\"errors\":[" \
	       "{\"domain\":\"global\",\"reason\":\"fileIdInUse\",\"message\":\"x\"}]}}"
#define UNAUTHORIZED "{\"error\":{\"code\":401,\"message\":\"Request had invalid authentication credentials.\"," \
		     "\"errors\":[{\"message\":\"Invalid Credentials\",\"domain\":\"global\",\"reason\":\"authError\"}]}}"
#define IDS "{\"kind\":\"drive#generatedIds\",\"space\":\"drive\",\"ids\":[\"new2\",\"new1\"]}"
#endif
