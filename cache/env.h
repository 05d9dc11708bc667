/* SPDX-License-Identifier: MIT */
/* One LMDB environment: opened with its damage checks, transactions that grow the map by
 * themselves, a schema version. env.c, index.c and state.c are the only users of lmdb.h.
 *
 * Always default durability (a commit is on disk when it returns), MDB_NOTLS, never WRITEMAP.
 * A truncated data.mdb makes LMDB read behind the end of its mapping (SIGBUS), so its size is
 * compared with what its meta page says, and where it is less its pages are followed (pages.h),
 * before LMDB touches any. LMDB finds no flipped bits
 * either: env_close() writes `sum` (the CRC-32C of data.mdb and the number of its last
 * transaction), and the next env_open() compares it while that transaction is still the last.
 *
 * Any thread, no lock of a rank >= RANK_STORE held. Transactions of one env may run side by side
 * as LMDB allows (many readers, one writer); growing the map waits until none is active, which is
 * why a callback must neither block nor start another transaction.
 *
 * Table "" is LMDB's unnamed table; its key "version" holds the schema version (LE32). */
#ifndef DFM_CACHE_ENV_H
#define DFM_CACHE_ENV_H
#include "format/base.h"

#include <lmdb.h>

struct env;
enum { ENV_TABLES_MAX = 64 };

/* Folder `dir` is made (0700). -EBADMSG: damaged; -EPROTO: a newer version; -EILSEQ: an older one; -errno. */
MUST_CHECK int env_open(const char *dir, uint32_t version, size_t map_bytes, struct env **ret);
struct env *env_close(struct env *e);

/* A handle of the table `name` (made if it is not there), good until env_close(). */
MUST_CHECK int env_table(struct env *e, const char *name, MDB_dbi *ret);

/* Runs fn in a transaction. fn returns 0 or an MDB_ or errno code (positive), which aborts. A
 * write is run again from the start when the map had to grow: fn must be repeatable. Returns 0,
 * -ENOENT for MDB_NOTFOUND (nothing recorded), or -errno with the reason; a full disk is -ENOSPC. */
typedef int env_fn(MDB_txn *txn, void *ctx);
MUST_CHECK int env_read(struct env *e, env_fn *fn, void *ctx);
MUST_CHECK int env_write(struct env *e, env_fn *fn, void *ctx);
/* Give back the slots of readers that died. */
void env_check_readers(struct env *e);
#endif
