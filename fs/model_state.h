/* SPDX-License-Identifier: MIT */
/* The inside of struct model: for model.c, where its states change, and model_source.c. */
#ifndef DFM_FS_MODEL_STATE_H
#define DFM_FS_MODEL_STATE_H
#include "fs/model.h"
#include "fs/model_scan.h"

enum model_state {
	MODEL_UNKNOWN, MODEL_SNIFFING, MODEL_NONE, MODEL_KNOWN, MODEL_SCANNING,
	MODEL_READY, MODEL_REMAKING, MODEL_REFUSED, MODEL_BROKEN	/* settled: the set is known */
};

struct model {
	unsigned refs;			/* guarded by fs->model_lock, as all but what is said to be constant */
	enum model_state state;
	struct model_set set;		/* file, main: constant; kind: from MODEL_KNOWN on; sidecars: once settled */
	char *problem;			/* constant in MODEL_REFUSED and MODEL_BROKEN */
	uint64_t refused_version;	/* of the file then */
	int64_t refused_ms;
	int64_t checked_ms;		/* when Drive last said that this is the head; 0: never */
	struct savedmodel *saved;	/* from MODEL_READY on; replaced once, when the CRC is known */
	struct savedmodel *unchecked;	/* the one before, which somebody may still use */
};

/* READY -> REMAKING: *ret_ours, model_leave() it. Else somebody has just done it: 0, or was waited for: -EINTR. */
MUST_CHECK int model_claim_remake(struct fs *fs, struct model *m, bool *ret_ours);
/* The end of SNIFFING, SCANNING or REMAKING. Takes `problem`. */
void model_leave(struct fs *fs, struct model *m, enum model_state to, char *problem);
/* Ask Drive for all files of the set. *ret: is it still the one that is there? */
MUST_CHECK int model_ask_drive(struct fs *fs, struct model *m, bool *ret);
#endif
