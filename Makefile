# SPDX-License-Identifier: MIT
# drivefs-models - `make help` lists the targets.
#
# Dependencies go one way, checked by `make check-layers` and by the link line of every unit-test
# binary:   fs -> drive, cache, format;   drive -> format;   cache -> format;   format -> libc.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
INSTALL  ?= install
PKG      ?= pkg-config

# MODE names a set of flags; objects of different modes never share a folder.
MODE     ?= release
O        := build/$(MODE)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
            -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wconversion -Wno-sign-conversion
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug   := -O0 -g3 -DDFM_DEBUG
FLAGS_asan    := -O1 -g -DDFM_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -DDFM_DEBUG -fsanitize=thread -fno-omit-frame-pointer
FLAGS_fuzz    := -O1 -g -DDFM_DEBUG -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
ifeq ($(origin FLAGS_$(MODE)),undefined)
$(error unknown MODE=$(MODE); one of release debug asan tsan fuzz)
endif

DEPS_format :=
DEPS_cache  := lmdb
DEPS_drive  := libcurl libcjson libcrypto
DEPS_fs     := fuse3
LAYERS      := format cache drive fs
# Others' headers are not ours to warn about (libfuse 3.17's break -Wpedantic).
pkgflags     = $(if $(1),$(patsubst -I%,-isystem %,$(shell $(PKG) --cflags $(1))))
pkglibs      = $(if $(1),$(shell $(PKG) --libs $(1)))

CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DDFM_VERSION='"$(VERSION)"'
CFLAGS   += -std=c11 $(WARN) $(if $(WERROR),-Werror) $(FLAGS_$(MODE)) -pthread
LDFLAGS  += $(FLAGS_$(MODE)) -pthread

# The rooms of a layer: its folder and the folders in it.
ROOMS_fs    := fs $(patsubst %/,%,$(wildcard fs/*/))
ROOMS_drive := drive $(patsubst %/,%,$(wildcard drive/*/))
ROOMS_cache := cache
ROOMS_format := format
MAIN       := $(wildcard fs/main.c fs/cli/main.c)
$(foreach l,$(LAYERS),$(eval SRC_$(l) := $(filter-out $(MAIN),$(wildcard $(ROOMS_$(l):%=%/*.c)))))
$(foreach l,$(LAYERS),$(eval HDR_$(l) := $(wildcard $(ROOMS_$(l):%=%/*.h))))
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
FUZZ       := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS      := $(patsubst tests/tools/%.c,%,$(wildcard tests/tools/*.c))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

## all: build build/MODE/drivefs-models (default); MODE=release|debug|asan|tsan|fuzz
all: $(O)/drivefs-models

$(O)/drivefs-models: $(MAIN:%.c=$(O)/%.o) $(O)/libfs.a $(O)/libdrive.a $(O)/libcache.a $(O)/libformat.a
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkglibs,$(DEPS_fs) $(DEPS_drive) $(DEPS_cache))

define layer
$(O)/lib$(1).a: $(SRC_$(1):%.c=$(O)/%.o)
	@rm -f $$@
	$(AR) rcs $$@ $$^
$(O)/$(1)/%.o: $(1)/%.c Makefile
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) $$(call pkgflags,$(DEPS_$(1))) $(CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))
%/.dir:
	@mkdir -p $(@D) && touch $@
.PRECIOUS: %/.dir $(O)/%.o
-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)

# One test binary per layer, linked with that layer and what it may use, nothing more.
LINK_format := format
LINK_cache  := cache format
LINK_drive  := drive format
LINK_fs     := fs drive cache format
# The seam: fs/ over a fake drive linked in the place of drive/ (tests/unit/fake_drive.h).
LINK_seam   := fs cache format
UNITS       := $(LAYERS) seam
TESTED      := $(foreach l,$(UNITS),$(if $(filter tests/unit/test_$(l)_%.c,$(UNIT_SRC)),$(l)))
FAKE_seam   := $(wildcard tests/unit/fake_*.c)
unit_objs    = $(patsubst %.c,$(O)/%.o,$(filter tests/unit/test_$(1)_%.c,$(UNIT_SRC)) $(FAKE_$(1)))
# Exit status of a unit binary none of whose tests was asked for (tests/unit/main.c).
NONE        := 4
WRAP        := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
# What test_cache_fault.c makes fail or wait.
WRAP_cache  := -Wl,--wrap=pwrite64,--wrap=pread64,--wrap=fdatasync,--wrap=fsync,--wrap=ftruncate64,--wrap=fallocate64,--wrap=renameat,--wrap=openat64,--wrap=unlinkat,--wrap=mdb_txn_commit
define unit
$(O)/unit_$(1): $(call unit_objs,$(1)) $(O)/tests/unit/main.o $(O)/tests/unit/torture.o $(LINK_$(1):%=$(O)/lib%.a)
	$(CC) $(LDFLAGS) $(WRAP) $(WRAP_$(1)) -o $$@ $$^ $$(call pkglibs,$$(sort $$(foreach l,$(LINK_$(1)),$$(DEPS_$$(l)))))
endef
$(foreach l,$(UNITS),$(eval $(call unit,$(l))))
$(O)/tests/%.o: tests/%.c Makefile | $(O)/tests/unit/.dir $(O)/tests/fuzz/.dir $(O)/tests/tools/.dir $(O)/tests/stress/.dir
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

# Set-up first: on a fresh machine neither the compiler nor the tests' Python is there yet.
## demo: install what is needed, build, and do the main job on a local Drive
demo:
	@tests/setup demo
	@$(MAKE) all
	@tests/demo
## check: install what is needed and run every test (15 to 20 minutes on two processors)
check:
	@tests/setup
	@tests/check
## check-long: 200 seeds of the ledger test, its sanitizer builds, thousands of fault sequences, full torture (up to an hour)
check-long:
	@tests/setup
	@tests/check long
## check-unit: the unit tests; one test: make check-unit T=cache_block; other builds: MODE=asan; of some layers: L=fs
L           := $(TESTED)
check-unit: $(L:%=$(O)/unit_%)
	@ran=; for l in $(L); do $(O)/unit_$$l $(T); \
	case $$? in 0) ran=1 ;; $(NONE)) ;; *) exit 1 ;; esac; done; \
	[ "$$ran" ] || { echo "no test has \"$(T)\" in its name"; exit 1; }
## check-asan check-tsan: the unit tests under AddressSanitizer + UBSan, ThreadSanitizer
check-asan check-tsan:
	$(MAKE) MODE=$(@:check-%=%) check-unit
## check-torture: every unit test once per allocation, failing each in turn, under ASan; every 7th only: TORTURE=7
TORTURE     := 1
check-torture:
	TORTURE=$(TORTURE) $(MAKE) MODE=asan check-unit
## check-locks: clang's static thread-safety analysis of every lock annotation
check-locks:
	@for f in $(foreach l,$(LAYERS),$(SRC_$(l))); do clang $(CPPFLAGS) \
	  $(call pkgflags,$(DEPS_fs) $(DEPS_drive) $(DEPS_cache)) -std=c11 -fsyntax-only -Werror=thread-safety \
	  $$f || exit 1; done; echo "locks ok"
## check-layers: fail where a folder includes or calls what it may not depend on, and on the laws of tests/tools/layers.py
LAWS        := public tree twice circle
check-layers: all
	@! grep -nE '#include "(fs|drive|cache)/' $(SRC_format) $(HDR_format)
	@! grep -nE '#include "(fs|drive)/' $(SRC_cache) $(HDR_cache)
	@! grep -nE '#include "(fs|cache)/' $(SRC_drive) $(HDR_drive)
	@! grep -nE '#include "[^/"]+"' $(foreach l,$(LAYERS),$(SRC_$(l)) $(HDR_$(l))) $(MAIN)
	@! grep -nE '#include <(curl|openssl|cjson|lmdb|fuse)' $(SRC_format) $(HDR_format)
	@! grep -nE '#include <(curl|openssl|cjson|fuse)' $(SRC_cache) $(HDR_cache)
	@! grep -nE '#include <(lmdb|fuse)' $(SRC_drive) $(HDR_drive)
	@! grep -nE '#include <(curl|openssl|cjson|lmdb)' $(SRC_fs) $(HDR_fs) $(MAIN)
	@! grep -nwE '(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|system|popen)[[:space:]]*\(' \
	  $(foreach l,$(LAYERS),$(SRC_$(l)))
	@! grep -nE '[[:blank:]]+$$' $(foreach l,$(LAYERS),$(SRC_$(l)) $(HDR_$(l))) $(MAIN) Makefile README.md CONTRIBUTING.md
	@python3 tests/tools/layers.py $(O) $(LAWS)
	@echo "layers ok"
## check-headers: every header compiles on its own
check-headers:
	@for h in $(foreach l,$(LAYERS),$(HDR_$(l))); do printf '#include "%s"\n#include "%s"\n' $$h $$h | \
	  $(CC) $(CPPFLAGS) $(call pkgflags,$(DEPS_fs) $(DEPS_drive) $(DEPS_cache)) -std=c11 -Wall -Wextra -Werror \
	  -fsyntax-only -xc - || exit 1; done; echo "headers ok"
## check-format: say how much clang-format (14) would change; not part of check
FORMATTED   := $(foreach l,$(LAYERS),$(SRC_$(l)) $(HDR_$(l))) $(MAIN) $(wildcard tests/*/*.c tests/*/*.h)
check-format:
	@for f in $(FORMATTED); do clang-format $$f | diff -u $$f - >/dev/null || { echo "$$f: $$(clang-format $$f | \
	  diff $$f - | grep -c '^[<>]') lines"; }; done | sort -t: -k2 -n -r | awk -F'[: ]+' '{ n += $$2; print } \
	  END { if (n) { print NR " files, " n " lines differ"; exit 1 } print "format ok" }'
## fuzz-regress: replay every fuzz corpus with the plain compiler
fuzz-regress: $(FUZZ:%=$(O)/%)
	@for f in $(FUZZ); do $(O)/$$f tests/fuzz/corpus/$${f#fuzz_}/* || exit 1; done
$(O)/fuzz_drive_%: $(O)/tests/fuzz/fuzz_drive_%.o $(O)/tests/fuzz/driver.o $(O)/libdrive.a $(O)/libformat.a
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkglibs,$(DEPS_drive))
$(O)/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/driver.o $(O)/libformat.a
	$(CC) $(LDFLAGS) -o $@ $^
## fuzz: fuzz one target with libFuzzer: make fuzz F=pickle TIME=60
fuzz:
	$(MAKE) MODE=fuzz CC=clang build/fuzz/libformat.a build/fuzz/libdrive.a build/fuzz/tests/fuzz/fuzz_$(F).o
	clang -fsanitize=address,undefined,fuzzer -o build/fuzz/$(F) build/fuzz/tests/fuzz/fuzz_$(F).o \
	  build/fuzz/libdrive.a build/fuzz/libformat.a $(call pkglibs,$(DEPS_drive))
	build/fuzz/$(F) -max_total_time=$(or $(TIME),60) tests/fuzz/corpus/$(F)
# Small programs that tests call; each may use format/ only.
tools: $(TOOLS:%=$(O)/%)
$(TOOLS:%=$(O)/%): $(O)/%: $(O)/tests/tools/%.o $(O)/libformat.a
	$(CC) $(LDFLAGS) -o $@ $^

# drive/ alone, told what to do by tests/stress/sequences.py.
$(O)/stress_client: $(O)/tests/stress/client.o $(O)/libdrive.a $(O)/libformat.a
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkglibs,$(DEPS_drive))

## install: install into DESTDIR and PREFIX (binary, man pages)
install: all
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man7"
	$(INSTALL) -m 755 $(O)/drivefs-models "$(DESTDIR)$(BINDIR)/drivefs-models"
	$(INSTALL) -m 644 man/drivefs-models.1 "$(DESTDIR)$(MANDIR)/man1/"
	$(INSTALL) -m 644 man/drivefs-models-internals.7 "$(DESTDIR)$(MANDIR)/man7/"
## uninstall: remove what install put there
uninstall:
	$(RM) "$(DESTDIR)$(BINDIR)/drivefs-models" "$(DESTDIR)$(MANDIR)/man1/drivefs-models.1" \
	  "$(DESTDIR)$(MANDIR)/man7/drivefs-models-internals.7"
## clean: remove build/
clean:
	$(RM) -r build
## help: this list
help:
	@sed -n 's/^## \([^:]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: all tools demo check check-long check-unit check-asan check-tsan check-torture check-locks check-layers \
        check-headers check-format fuzz-regress fuzz install uninstall clean help
