/* SPDX-License-Identifier: MIT */
/* The state of a node that is being saved.
 *
 * A *save* is one draft on its way to Drive. A node has at most two at a time, each in its slot:
 * `open`, which writes go to, and `sent`, which is sealed and on its way, or waits for another try.
 * What is written beside an upload is a new draft over the sealed bytes (nothing waits for an upload
 * but who asks for it by close() or fsync()); the later one, once it is complete, takes the place of
 * one that still waits. Reads come from `open`, else from the bytes of `sent`, else from the content
 * that Drive has: there is no instant between.
 *
 *  in the slot `open`                          in the slot `sent`
 *   NONE     no draft                           NONE
 *   CLEAN    a draft, nothing changed yet       SENDING  sealed, an upload runs
 *   FRESH    empty by O_TRUNC, or new           WAITING  sealed, the last upload failed
 *   OPEN     bytes that Drive does not have
 *   DAMAGED  not what its writer meant: a write failed half-way, or the writer was killed. Never sent;
 *            O_TRUNC makes it good, else it is held when the last who wrote it has left
 *   SEALING  complete: made durable, its digest taken; then it moves to `sent` as SENDING
 *
 * state x event -> state, "." cannot happen (a debug build aborts). writing.c holds the same table as
 * data, and test_seam_saving.c tries every pair.
 *
 *            DRAFTED TRUNCATED WROTE   REFUSED TORN    KILLED  SEAL    UNSEALED SEALED  SENT FAILED  RETRY   DROP HOLD
 *   NONE     CLEAN   FRESH     .       .       .       .       .       .        .       .    .       .       .    .
 *   CLEAN    .       FRESH     OPEN    CLEAN   DAMAGED CLEAN   .       .        .       .    .       .       NONE .
 *   FRESH    .       FRESH     OPEN    FRESH   DAMAGED DAMAGED SEALING .        .       .    .       .       NONE NONE
 *   OPEN     .       FRESH     OPEN    OPEN    DAMAGED DAMAGED SEALING .        .       .    .       .       NONE NONE
 *   DAMAGED  .       FRESH     DAMAGED DAMAGED DAMAGED DAMAGED .       .        .       .    .       .       NONE NONE
 *   SEALING  .       .         .       .       .       SEALING .       OPEN     SENDING .    .       .       .    .
 *   SENDING  .       .         .       .       .       SENDING .       .        .       NONE WAITING .       .    .
 *   WAITING  .       .         .       .       .       WAITING .       .        .       .    .       SENDING NONE NONE
 *
 *   event      who does it                       when                                  test in test_seam_*.c
 *   DRAFTED    writing_draft()                   the first write                       saving__a_write_makes_a_draft
 *   TRUNCATED  writing_empty()                   O_TRUNC, a new file                   saving__truncate_makes_it_good
 *   WROTE      handle.c, with_draft()            bytes have changed                    saving__close_saves
 *   REFUSED    handle.c, with_draft()            an error, and nothing has changed     saving__a_refused_write_harms_nothing
 *   TORN       handle.c, with_draft()            an error half-way                     saving__a_torn_write_is_never_sent
 *   KILLED     handle_flush()                    close() by a process that is killed   saving__a_killed_writer_is_held
 *   SEAL       publish.c, take()                 the end of the writing, fsync         saving__close_saves
 *   UNSEALED   publish.c, seal()                 no room on the cache's disk           saving__a_seal_that_fails
 *   SEALED     publish.c, seal()                 the bytes are durable here            saving__close_saves
 *   SENT       publish.c, adopt()                Drive has them, digests equal         saving__close_saves
 *   FAILED     publish.c, give_up()              it has not, or that is not known      saving__a_failed_close_is_tried_again
 *   RETRY      publish.c, take()                 a close, an fsync, or its time        saving__a_failed_close_is_tried_again
 *   DROP       writing_take()                    unlinked; superseded; unchanged       saving__a_later_save_supersedes
 *   HOLD       held.c                            never to be sent                      saving__a_killed_writer_is_held
 *
 * One lock, w->lock, guards all of it; whoever changes what stat() shows holds tree.lock as well, so
 * that size, time and bytes change in one instant. */
#ifndef DFM_FS_WRITING_H
#define DFM_FS_WRITING_H
#include "fs/fs.h"
#include "fs/writers.h"

enum save_state {
	SAVE_NONE, SAVE_CLEAN, SAVE_FRESH, SAVE_OPEN, SAVE_DAMAGED, SAVE_SEALING, SAVE_SENDING, SAVE_WAITING,
	SAVE_STATES
};
enum save_event {
	SAVE_DRAFTED, SAVE_TRUNCATED, SAVE_WROTE, SAVE_REFUSED, SAVE_TORN, SAVE_KILLED, SAVE_SEAL, SAVE_UNSEALED,
	SAVE_SEALED, SAVE_SENT, SAVE_FAILED, SAVE_RETRY, SAVE_DROP, SAVE_HOLD,
	SAVE_EVENTS
};

struct save {
	enum save_state state;
	uint64_t number;	/* of this node's saves: 1, 2, ...; O_TRUNC begins another */
	struct draft *draft;
	struct source *body;	/* the sealed bytes: in SENDING and WAITING, else NULL */
	char base[DRIVE_ID_MAX + 1];	/* SENDING, WAITING: the revision that it replaces, as known when it was sealed */
	int64_t mtime_ms;
	int torn_by;		/* DAMAGED by a write: its errno; else 0 */
	unsigned users;		/* threads that use the draft outside the lock */
};

struct writing {
	struct lock lock;		/* RANK_NODE */
	pthread_cond_t changed;		/* a state, or `users` */
	unsigned opens;			/* handles, and a place in the queue; guarded by tree.lock */
	unsigned writable UNDER(lock);	/* those that may write */
	struct handle *handles UNDER(lock);	/* those, a list (handle.h) */
	unsigned authors UNDER(lock);	/* those that have written to `open` */
	struct source *src UNDER(lock);	/* of node.content; NULL: none yet */
	struct save *open UNDER(lock), *sent UNDER(lock);	/* NULL: SAVE_NONE */
	uint64_t saves UNDER(lock);	/* ever begun */
	int error UNDER(lock);		/* of the last try to publish; 0: it succeeded, or there was none */
	unsigned tries UNDER(lock);	/* that failed since the last that succeeded */
	int64_t mtime_later UNDER(lock); /* set while SENDING: Drive is told afterwards; -1: none */
	struct writers writers UNDER(lock);

	struct inode *node;		/* constant */
	struct writing *queue_next;	/* publisher.c's, guarded by its lock */
	int64_t queue_ms;		/* when it is due */
	bool queued;
};

/* SAVE_STATES: this cannot happen. */
enum save_state save_next(enum save_state state, enum save_event event);
const char *save_state_name(enum save_state state);
/* NULL is SAVE_NONE. */
static inline enum save_state save_state(const struct save *s) { return s ? s->state : SAVE_NONE; }
/* Move `s`, which is not NULL. A pair that cannot happen aborts a debug build; else nothing moves. */
void save_move(struct save *s, enum save_event event);

/* A cached source of one content of a file. */
MUST_CHECK int writing_source(struct fs *fs, const char *id, const struct content *c, struct source **ret);

/* Count a handle in; the node cannot go from here on. */
MUST_CHECK int writing_join(struct fs *fs, struct inode *n, bool writable);
/* Count a handle out that is no writer any more; frees what nobody needs. */
void writing_leave(struct fs *fs, struct inode *n);
/* Let go of a `writing` that nobody needs any more; tree.lock must not be held. */
void writing_drop(struct fs *fs, struct inode *n);
/* After a writer has gone, or a save has ended: is the content Drive's again? Then news from there replace
 * the node as they do any other, those that came meanwhile at once; a file of which nothing came goes. */
void writing_settle(struct fs *fs, struct inode *n);
/* node.writing, as the states have it now. */
void writing_show(struct writing *w) REQUIRES(w->lock);

/* Open the source of the node's content, unless it is open or a draft stands for it. */
MUST_CHECK int writing_need_source(struct fs *fs, struct inode *n);
/* The save that a write goes to, made where there is none. Waits while the last one is sealed. */
MUST_CHECK int writing_draft(struct fs *fs, struct writing *w, struct save **ret) REQUIRES(w->lock);
/* O_TRUNC: an empty draft, whatever there was. */
MUST_CHECK int writing_empty(struct fs *fs, struct writing *w, struct save **ret) REQUIRES(w->lock);
/* Use a draft outside the lock, between these two. */
void writing_use(struct save *s);
void writing_used(struct writing *w, struct save *s) REQUIRES(w->lock);
/* Take a save out of its slot, by DROP, HOLD or SENT: it is the caller's, who waits by writing_drain()
 * until nobody uses its draft any more. NULL where the slot is empty. */
struct save *writing_take(struct writing *w, struct save **slot, enum save_event event) REQUIRES(w->lock);
void writing_drain(struct writing *w, struct save *s);
/* Frees what is left of it; the draft must have been handed on or is discarded. */
void save_free(struct save *s);

/* Size and time of a node as stat() shows them. */
void writing_size(struct inode *n, uint64_t *ret_size, int64_t *ret_mtime_ms);
#endif
