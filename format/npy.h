/* SPDX-License-Identifier: MIT */
/* numpy arrays: what an array is (dtype, shape, order), the header of a .npy file
 * (numpy.lib.format, versions 1 to 3), and the one-time conversion of a matrix into C-order
 * little-endian float32. Internal to format/. One thread. */
#ifndef DFM_FORMAT_NPY_H
#define DFM_FORMAT_NPY_H
#include "format/savedmodel.h"

#define NPY_DIMS 4		/* gensim needs 2 */
#define NPY_WIDTH_MAX 65536u	/* columns that are served; bounds every row buffer to 256 KiB */

struct npy {
	unsigned dims;
	uint64_t shape[NPY_DIMS];
	char kind;		/* numpy's: 'f' float, 'i', 'u', 'b', 'O' ... */
	unsigned item;		/* bytes of an element */
	bool big_endian;
	bool fortran;		/* columns first */
	bool latin1;		/* the bytes stand as UTF-8 of U+0000 to U+00FF (pickle protocol 2) */
	uint64_t off, size;	/* where the data are in the source; `size` as stored */
};

/* "<f4" -> big_endian, kind, item. -EBADMSG: not a dtype string of a plain type. */
MUST_CHECK int npy_dtype(const char *descr, struct npy *ret);
/* The bytes that shape and item make; -EBADMSG when they overflow. */
MUST_CHECK int npy_bytes(const struct npy *a, uint64_t *ret);
/* Is it a matrix of floats with at least one column that npy_convert() takes? 0, or -EMEDIUMTYPE
 * with `what` in the reason. */
MUST_CHECK int npy_servable(const struct npy *a, const char *what);
/* Are the stored bytes the C-order little-endian float32 array itself? */
bool npy_plain(const struct npy *a);

/* Read the header of a .npy file. -EBADMSG: not one, or the file is shorter than the header
 * says; bytes behind the array are allowed, as numpy allows them. */
MUST_CHECK int npy_read(struct source *src, struct npy *ret);
/* Write the servable matrix `a` of `src` to the part SAVEDMODEL_MATRIX as C-order `<f4`; uses
 * SAVEDMODEL_SCRATCH where `a` is in Fortran order. Memory: 5 MiB. */
MUST_CHECK int npy_convert(struct source *src, const struct npy *a, const struct savedmodel_input *in);
#endif
