/* SPDX-License-Identifier: MIT */
/* Numbers as Python reads and writes them. Decimal text -> float32 as gensim reads it: Python's float() rounds to the nearest double
 * (ties to even), numpy then rounds that to float32. Internal to format/. Any thread. */
#ifndef DFM_FORMAT_FLOAT_TEXT_H
#define DFM_FORMAT_FLOAT_TEXT_H
#include "format/base.h"

#define FLOAT_TEXT_MAX 1024		/* bytes in the text of one number */

/* Python's float() syntax in ASCII: blanks around it, sign, digits with single underscores
 * between them, exponent, inf, infinity, nan in any case. False: none of this, or longer than
 * FLOAT_TEXT_MAX. */
MUST_CHECK bool float_text_parse(const char *s, size_t n, float *ret);

/* Python's repr() of a float: the shortest text that is read back as the same number. */
#define FLOAT_TEXT_REPR_MAX 64
void float_text_repr(double v, char ret[FLOAT_TEXT_REPR_MAX]);
#endif
