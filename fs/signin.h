/* SPDX-License-Identifier: MIT */
/* The verb `auth`: a user's own login, made in the browser, shown and ended. */
#ifndef DFM_FS_SIGNIN_H
#define DFM_FS_SIGNIN_H
/* drivefs-models auth login|status|logout ...; returns the exit status. */
int signin_verb(int argc, char **argv);
#endif
