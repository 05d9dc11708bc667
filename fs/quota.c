/* SPDX-License-Identifier: MIT */
#include "fs/quota.h"

enum { KEPT_MS = 60000, AGAIN_MS = 10000, PATIENCE_MS = 500 };

static bool is_ending(void *ctx) { return __atomic_load_n(&((struct fs *)ctx)->stopping, __ATOMIC_RELAXED); }

static void *quota_main(void *arg)
{
	struct fs *fs = arg;
	struct drive_about told = { 0 };
	cancel_set(is_ending, fs);
	int r = drive_about(fs->drive, &told);
	lock_acquire(&fs->quota_lock);
	if (!r) {
		fs->quota = told;
		fs->quota_ms = now_ms();
	}
	fs->quota_asking = false;
	pthread_cond_broadcast(&fs->quota_changed);
	lock_release(&fs->quota_lock);
	return NULL;
}

/* Who finds the answer old starts a thread, unless one asks or has failed a moment ago. */
static void ask_anew(struct fs *fs) REQUIRES(fs->quota_lock)
{
	if (fs->quota_asking || is_ending(fs) || (fs->quota_asked_ms && now_ms() - fs->quota_asked_ms < AGAIN_MS))
		return;
	fs->quota_asked_ms = now_ms();
	if (fs->quota_started) /* it has ended, but for its last instruction */
		pthread_join(fs->quota_thread, NULL);
	fs->quota_started = fs->quota_asking = pthread_create(&fs->quota_thread, NULL, quota_main, fs) == 0;
}

void quota_get(struct fs *fs, struct drive_about *ret)
{
	int64_t end_ms = now_ms() + PATIENCE_MS, left = PATIENCE_MS;
	lock_acquire(&fs->quota_lock);
	bool fresh = fs->quota_ms && now_ms() - fs->quota_ms < KEPT_MS;
	if (!fresh && !fs->shared_drive[0] && !fs_offline(fs)) {
		bool first = !fs->quota_asking;
		ask_anew(fs);
		while (first && fs->quota_asking && (left = end_ms - now_ms()) > 0)
			(void)lock_wait(&fs->quota_lock, &fs->quota_changed, (int)left);
	}
	*ret = fs->quota;
	lock_release(&fs->quota_lock);
}

void quota_stop(struct fs *fs)
{
	if (fs->quota_started)
		pthread_join(fs->quota_thread, NULL);
	fs->quota_started = false;
}
