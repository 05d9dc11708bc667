/* SPDX-License-Identifier: MIT */
/* The word2vec formats, binary and text, read by gensim's rules (gensim/models/keyedvectors.py,
 * _load_word2vec_format): a line "V D", then V rows of a word, a blank and D numbers. Words may
 * hold any bytes but a blank (and, in text, a newline). Internal to format/. Any thread. */
#ifndef DFM_FORMAT_W2V_H
#define DFM_FORMAT_W2V_H
#include "format/record.h"

#define W2V_WORD_MAX 65536u	/* bytes in a word */

/* V, D and the length of the header line with its newline. Two unsigned integers of Python's
 * syntax, at least 1 each, and nothing else. */
struct w2v_header {
	uint64_t rows, width, size;
};
bool w2v_sniff_header(const void *head, size_t n, struct w2v_header *ret);

/* Which of the formats a file of `size` bytes is that begins so: W2V_BINARY, W2V_TEXT or NONE. */
enum savedmodel_kind w2v_sniff(const void *head, size_t n, uint64_t size);
/* kinds_scan() of such a file, in one pass; they fill all of `ret` but checked and matrix_crc,
 * which are cleared. */
MUST_CHECK int w2v_scan_binary(const struct savedmodel_input *in, struct savedmodel_record *ret);
MUST_CHECK int w2v_scan_text(const struct savedmodel_input *in, struct savedmodel_record *ret);
#endif
