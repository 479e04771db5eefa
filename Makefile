# Sallyport. One plain Makefile; every source is found by wildcard.
#   make              release programs in build/bin
#   make deps         install what building and testing needs (Debian packages)
#   make check        test build (ASan+UBSan) and every test
#   make demo         the product, end to end, as a transcript
#   make bench        figures beside the alternatives'
#   make campaign     everything is killed and broken, every byte accounted for;
#                     SECONDS=240 KILLS=0 SEED= WITHOUT=kinds, or SCALE=200,500
#   make lint         formatters, linters and manual pages
#   make fuzz         the fuzzers, with clang
#   make help         this
# BUILD=dir chooses another build folder, SAN=1 the sanitizers, V=1 shows the
# commands.

BUILD   ?= build
CC       = gcc
VERSION := 0.1.0
CSTD     = -std=c11 -D_GNU_SOURCE -DSALLYPORT_VERSION='"$(VERSION)"'
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	   -Wformat=2 -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Wundef -Wnull-dereference -Wswitch-enum -Wwrite-strings -Werror
ifdef SAN
OPT      = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	   -fno-sanitize-recover=undefined
LDOPT    = -fsanitize=address,undefined
else
OPT      = -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
	   -fstack-protector-strong -fPIE
LDOPT    = -pie -Wl,-z,relro,-z,now
endif
CFLAGS   = $(CSTD) $(OPT) $(WARN) -I. -MMD -MP
PKGS     = libuv json-c sqlite3 libssh libcrypto libseccomp libarchive \
	   libutf8proc libpcre2-8
PKGLIBS  = $(shell pkg-config --libs $(1))

# A line for each step, or with V=1 its command.
MAKEFLAGS += --no-print-directory
Q        = $(if $(V),,@)
say      = $(if $(V),,@echo '$(1) $(2)')

# A room is a folder whose objects (but for its mains) become one archive.
ROOMS   := protocol keys server/common server/terminal server/gate \
	   server/manager server/keeper server/player server/admin agent
obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
room     = $(BUILD)/lib/$(subst /,-,$(1)).a
mains   := $(wildcard $(addsuffix /*main.c,$(ROOMS)))
sources := $(filter-out $(mains),$(wildcard $(addsuffix /*.c,$(ROOMS))))

PROGRAMS := sallyport sallyportd sallyport-gate sallyport-keeper \
	    sallyport-player sallyport-launch sallyport-agent
BINS     := $(addprefix $(BUILD)/bin/,$(PROGRAMS))

all: $(BINS)

base = $(call room,server/common) $(call room,keys) $(call room,protocol)

$(BUILD)/bin/sallyport: $(call obj,server/admin/main.c) \
	$(call room,server/admin) $(base)
$(BUILD)/bin/sallyportd: $(call obj,server/manager/main.c) \
	$(call room,server/manager) $(base)
$(BUILD)/bin/sallyport-launch: $(call obj,server/manager/launch_main.c) \
	$(call room,server/manager) $(base)
$(BUILD)/bin/sallyport-gate: $(call obj,server/gate/main.c) \
	$(call room,server/gate) $(base)
$(BUILD)/bin/sallyport-player: $(call obj,server/player/main.c) \
	$(call room,server/player) $(call room,server/terminal) $(base)
$(BUILD)/bin/sallyport-keeper: $(call obj,server/keeper/main.c) \
	$(call room,server/keeper) $(call room,server/terminal) $(base)

LIBS_sallyport        = libuv json-c libcrypto libarchive
LIBS_sallyportd       = libuv json-c libcrypto sqlite3 libseccomp
LIBS_sallyport-launch = json-c
LIBS_sallyport-gate   = libuv json-c libcrypto libssh libseccomp
LIBS_sallyport-keeper = libuv json-c libseccomp libutf8proc libpcre2-8
LIBS_sallyport-player = libuv json-c libseccomp libutf8proc libpcre2-8

$(filter-out %-agent,$(BINS)): $(BUILD)/bin/%:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ -Wl,--as-needed $(call PKGLIBS,$(LIBS_$*))

# The agent runs in any image, so it carries everything it needs and no
# sanitizer, whose run time cannot be static.
$(BUILD)/bin/sallyport-agent: $(wildcard agent/*.[ch] protocol/*.[ch])
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CSTD) -Os -g $(WARN) -I. -ffunction-sections -fdata-sections \
	    -static -Wl,--gc-sections -o $@ \
	    $(filter %.c,$^) -ljson-c

$(foreach r,$(ROOMS),$(eval $(call room,$(r)): \
	$(call obj,$(filter-out %main.c,$(wildcard $(r)/*.c)))))
$(BUILD)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

# Unit tests: one program a module, linked with whichever rooms it needs. The
# agent's stand apart, as the agent does.
UNIT := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
AGENT_UNIT := $(filter $(BUILD)/tests/unit/agent_%,$(UNIT))
# Stands: parts of programs that the boundary tests drive with lying peers.
STANDS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/boundary/*.c))
$(AGENT_UNIT): $(call room,agent) $(call room,protocol)
$(filter-out $(AGENT_UNIT),$(UNIT)) $(STANDS): \
	$(foreach r,$(filter-out agent,$(ROOMS)),$(call room,$(r)))
$(UNIT) $(STANDS): $(BUILD)/%: $(BUILD)/obj/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $< -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group $(call PKGLIBS,$(PKGS) cmocka)

# Fuzz targets replay their corpora with a plain main; make fuzz uses clang.
FUZZ := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/fuzz/replay.c,\
	$(wildcard tests/fuzz/*.c)))
$(FUZZ): $(BUILD)/%: $(BUILD)/obj/%.o $(BUILD)/obj/tests/fuzz/replay.o \
	$(foreach r,$(ROOMS),$(call room,$(r)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $(filter %.o,$^) -Wl,--start-group \
	    $(filter %.a,$^) -Wl,--end-group $(call PKGLIBS,$(PKGS))

# What a test preloads into a program.
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/lib/*.c))
$(PRELOADS): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CSTD) -O2 -g $(WARN) -fPIC -shared -o $@ $<

tests: all $(UNIT) $(STANDS) $(FUZZ) $(PRELOADS)

deps:
	contrib/deps

check:
	$(MAKE) BUILD=$(BUILD)/check SAN=1 tests
	$(MAKE) all
	tests/run $(BUILD)/check

demo: deps
	$(MAKE) all
	contrib/demo $(BUILD)/bin

bench: all
	tests/bench/run $(BUILD)/bin

SECONDS ?= 240
KILLS   ?= 0
campaign: all
	tests/campaign/run $(BUILD)/bin --seconds $(SECONDS) --kills $(KILLS) \
	    $(if $(SEED),--seed $(SEED)) $(if $(SCALE),--scale $(SCALE)) \
	    $(if $(WITHOUT),--without $(WITHOUT))

fuzz:
	tests/fuzz/run $(BUILD)/fuzz

lint:
	tests/lint/run

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

clean:
	rm -rf $(BUILD)

.PHONY: all tests deps check demo bench campaign fuzz lint help \
	clean
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
