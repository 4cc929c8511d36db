# Makefile - builds, tests, measures and installs libipc and its daemons. Variables: PREFIX, LIBDIR, INCLUDEDIR, BINDIR, MANDIR, DATADIR,
# PYTHONDIR, UNITDIR, SYSUSERSDIR, TMPFILESDIR, DESTDIR, TARGET (another system: Sources/targets.mk), POLLER (epoll, kqueue or poll),
# BUILD, ZLIB (yes or no: ipc-websocketd compresses; yes where pkg-config finds zlib), CC, AR, LD, OBJCOPY, CPPFLAGS, CFLAGS, LDFLAGS,
# DEBUG (1: debug information), HARDENING (no: none).
VERSION := 1.2.0
# Of the file: the contract's name for it (libipc.so.1.0.0), whatever was added since.
FILE_VERSION := 1.0.0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
DESTDIR ?=
SOAK_SECONDS ?= 600

SWIFTC ?= swiftc
SWIFT ?= swift
# The library's C comes from the compiler that Swift was built with: it returns the 8 KiB result in place. It is clang's C, with
# marks that Swift reads: so a CC of the command line compiles it, too, if that is clang; gcc compiles and links the programs alone.
TOOLCHAIN := $(dir $(realpath $(shell command -v $(SWIFTC))))
cc_is_clang := $(if $(filter command line,$(TARGET)$(origin CC)),$(shell echo __clang__ | $(CC) -E -P -x c - 2> /dev/null | grep -vw __clang__))
LIBRARY_CC ?= $(if $(cc_is_clang),$(CC),$(TOOLCHAIN)clang)
LLD ?= $(if $(call given,LD),$(LD),$(TOOLCHAIN)ld.lld)
OBJCOPY ?= $(TOOLCHAIN)llvm-objcopy
ifeq ($(origin AR),default)
AR := $(TOOLCHAIN)llvm-ar
endif
include Sources/targets.mk Sources/hardening.mk

# Where the system has no kqueue(2), the tests' stand-in is built into the library. It is for tests only.
ifeq ($(POLLER),kqueue)
KQUEUE ?= $(if $(TARGET),,$(if $(filter linux%,$(SYSTEM)),Tests/Kqueue))
POLLER_CFLAGS := -DPOLLER_KQUEUE $(if $(KQUEUE),-isystem $(KQUEUE)/include)
KQUEUE_OBJECT := $(if $(KQUEUE),$(BUILD)/obj/kqueue.o)
endif
POLLER_SWIFTFLAGS := $(if $(filter poll,$(POLLER)),-D POLLER_POLL) $(if $(filter kqueue,$(POLLER)),-D POLLER_KQUEUE) \
	$(addprefix -Xcc ,$(POLLER_CFLAGS))

# A section for each function: what the optimizer has inlined everywhere the linker leaves out (--gc-sections).
EMBEDDED_FLAGS := -swift-version 6 -wmo -warnings-as-errors -parse-as-library -enable-experimental-feature Embedded \
	-Xfrontend -function-sections $(TARGET_SWIFTFLAGS) $(HARDENING_SWIFTFLAGS) $(SWIFT_FLAGS_HEARD) $(EXTRA_SWIFTFLAGS)
# `make OPTIMIZED=no`: soon compiled, for `make quick`, and for a check that another system's sources compile and link.
SWIFTFLAGS := $(EMBEDDED_FLAGS) $(if $(filter no,$(OPTIMIZED)),-Onone,-O) -Xcc -fPIC $(POLLER_SWIFTFLAGS)
OPTIMIZATION := -O2
C_FLAGS = $(TARGET_CFLAGS) -std=gnu11 $(OPTIMIZATION) -Wall -Wextra -Werror $(HARDENING_CFLAGS) $(C_FLAGS_HEARD) $(EXTRA_CFLAGS)
LIBRARY_CFLAGS = -fPIC $(TLS_CFLAGS) -fvisibility=default $(POLLER_CFLAGS) $(C_FLAGS) -ISources/CLibIPC/include
DAEMON_CFLAGS = -fPIE -D_GNU_SOURCE -DCD_VERSION='"$(VERSION)"' $(C_FLAGS) -ISources/CDaemon/include
DEFLATE_CFLAGS = -fPIE $(C_FLAGS) $(if $(filter yes,$(ZLIB)),-DCD_ZLIB $(shell pkg-config --cflags zlib)) -ISources/CDeflate/include
PROGRAM_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude $(PROGRAM_HARDENING) '-ffile-prefix-map=$(CURDIR)=.' $(CPPFLAGS) $(CFLAGS) \
	$(if $(debugging),-g)
# What links a program: with the machine's own linker, or LD where that is given.
PROGRAM_LINK = $(CC) $(if $(call given,LD),$(call linker_of,$(CC),$(LD))) $(PIE_LDFLAGS) $(LINK_FLAGS)

# What says how to build: all objects are older.
RULES := Makefile Sources/targets.mk Sources/hardening.mk
SWIFT_SOURCES := $(sort $(wildcard Sources/LibIPC/*.swift Sources/LibIPC/*/*.swift))
C_SOURCES := $(sort $(wildcard Sources/CLibIPC/*.c))
HEADERS := $(sort $(wildcard include/*.h))
INTERNAL_HEADERS := $(wildcard Sources/CLibIPC/include/*)
OBJECTS := $(BUILD)/obj/LibIPC.o $(patsubst Sources/CLibIPC/%.c,$(BUILD)/obj/%.o,$(C_SOURCES)) $(KQUEUE_OBJECT)
SHARED := $(BUILD)/lib/$(firstword $(SHARED_NAMES))
STATIC := $(BUILD)/lib/libipc.a
PROGRAMS := $(patsubst Sources/%/main.c,$(BUILD)/bin/%,$(wildcard Sources/*/main.c))
# Programs in Swift, which have a man page: compiled together with what they share.
DAEMONS := $(sort $(basename $(notdir $(wildcard Sources/*/*.[18]))))
daemon_folder = $(firstword $(dir $(wildcard Sources/*/$(1).[18])))
daemon_sources = $(sort $(wildcard $(call daemon_folder,$(1))*.swift $(call daemon_folder,$(1))*/*.swift))
# The tool's completion for bash.
COMPLETION := $(DATADIR)/bash-completion/completions/ipc
# The shard for Crystal, a folder that other shards name as a path.
SHARD := $(DATADIR)/libipc/crystal
SHARD_FILES := $(sort $(shell cd Sources/Bindings/crystal && find src examples shard.yml README.md -type f))
# The package for Python, a folder that pip installs.
PYTHONDIR ?= $(DATADIR)/libipc/python
PYTHON_FILES := $(sort $(shell cd Sources/Bindings/python && find src pyproject.toml README.md -type f -not -path '*/__pycache__/*'))
# The package for Swift, a folder that other packages name as a path.
SWIFT_PACKAGE := $(DATADIR)/libipc/swift
SWIFT_PACKAGE_FILES := $(sort $(shell cd Sources/IPC && find Sources Package.swift README.md -type f))
DAEMON_SOURCES := $(sort $(wildcard Sources/Daemon/*.swift))
UNITS := $(sort $(wildcard Sources/*/*.service Sources/*/*.socket))
DAEMON_HEADERS := $(HEADERS) $(wildcard Sources/CDaemon/include/*)
DAEMON_OBJECTS := $(patsubst Sources/CDaemon/%.c,$(BUILD)/obj/daemons/%.o,$(sort $(wildcard Sources/CDaemon/*.c)))
# What ipc-websocketd alone is linked with: zlib, or functions in its place that say that it is not there.
ZLIB ?= $(shell pkg-config --exists zlib && echo yes || echo no)
DEFLATE_OBJECT := $(BUILD)/obj/daemons/deflate-$(ZLIB).o
DEFLATE_HEADERS := $(wildcard Sources/CDeflate/include/*)
ipc-websocketd_SWIFTFLAGS := -I Sources/CDeflate/include
ipc-websocketd_LIBS := $(if $(filter yes,$(ZLIB)),$(shell pkg-config --libs zlib))
# The version of each function; a function that the headers do not declare is in neither library.
EXPORTS := Sources/CLibIPC/exports.map
DECLARED := Sources/CLibIPC/declared.sed

# The pages of sections 3 and 7, made from the comments in the headers.
MANUAL := sh Sources/Manual/manual.sh

.PHONY: all library typecheck daemons programs static-daemons manual demo test check soak bench install install-library install-manual uninstall FORCE clean dist format
# An object whose second step has failed is none.
.DELETE_ON_ERROR:
all: library daemons manual $(PROGRAMS)
library: $(SHARED) $(STATIC)
daemons: $(DAEMONS:%=$(BUILD)/bin/%)
programs: $(PROGRAMS)
manual: $(BUILD)/man/made

$(BUILD)/man/made: $(HEADERS) $(wildcard Sources/Manual/*)
	rm -rf $(@D)
	$(MANUAL) $(@D)
	@touch $@

# A hash of the module's interface that nothing reads, and that differs from build to build; and an index for lldb, with which gdb finds
# nothing. macOS has none of these sections.
without_hash = $(if $(MACH_O),touch,$(OBJCOPY) --remove-section=.swift_modhash --remove-section=.debug_names)
$(BUILD)/obj/LibIPC.o: $(SWIFT_SOURCES) $(HEADERS) $(INTERNAL_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(SWIFTC) $(SWIFTFLAGS) -module-name LibIPC -I Sources/CLibIPC/include -c $(SWIFT_SOURCES) -o $@
	$(without_hash) $@

# No message passes through these, except one that is traced, or that comes with a descriptor: small is better than fast.
$(addprefix $(BUILD)/obj/,bytes.o monitors.o names.o printing.o process.o texts.o trace.o): OPTIMIZATION := -Os
ifneq ($(KQUEUE_OBJECT),)
$(KQUEUE_OBJECT): $(KQUEUE)/kqueue.c $(KQUEUE)/include/sys/event.h $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(LIBRARY_CFLAGS) -c $< -o $@
endif
ifdef MACH_O
$(BUILD)/obj/exports.symbols: $(HEADERS) $(DECLARED)
	@mkdir -p $(@D)
	sed -n -f $(DECLARED) $(HEADERS) | sed 's/^/_/' > $@
$(BUILD)/obj/libSystem.tbd:
	@mkdir -p $(@D)
	sed 's/arm64e[.]x1-[a-z]*/arm64-macos/g' $(ZIG_LIBRARIES)/darwin/$(@F) > $@
endif
$(BUILD)/obj/%.o: Sources/CLibIPC/%.c $(HEADERS) $(INTERNAL_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(LIBRARY_CFLAGS) -c $< -o $@

$(SHARED): $(OBJECTS) $(EXPORTS) $(LINKED_WITH)
	@mkdir -p $(@D)
	$(LIBRARY_LINK) $(SHARED_LDFLAGS) $(LINK_FLAGS) $(EXTRA_LDFLAGS) -o $@ $(OBJECTS) $(LIBRARY_LIBS)
	$(call link_names,$(BUILD)/lib)

# The sources, without making anything: where Swift can make nothing for the target, or to be soon done.
check_daemon = $(SWIFTC) $(EMBEDDED_FLAGS) -emit-sil -o - > /dev/null -module-name $(subst -,_,$(1)) -Xcc -D_GNU_SOURCE -I Sources/CDaemon/include \
	$($(1)_SWIFTFLAGS) $(DAEMON_SOURCES) $(call daemon_sources,$(1))
typecheck:
	$(SWIFTC) $(SWIFTFLAGS) -Onone -emit-sil -o - > /dev/null -module-name LibIPC -I Sources/CLibIPC/include $(SWIFT_SOURCES)
	$(foreach daemon,$(DAEMONS),$(call check_daemon,$(daemon)) &&) :
	$(LIBRARY_CC) $(LIBRARY_CFLAGS) -fsyntax-only $(C_SOURCES)
	$(LIBRARY_CC) $(DAEMON_CFLAGS) -fsyntax-only $(wildcard Sources/CDaemon/*.c)
	$(LIBRARY_CC) $(DEFLATE_CFLAGS) -fsyntax-only Sources/CDeflate/deflate.c

# One object in which only the contract is global: no Swift symbol can clash with those of the program. What ipc.h does not declare is
# weak, and nothing in the library calls it: a program may have functions of these names. No such tools are there for macOS (MACH_O).
$(STATIC): $(OBJECTS) $(HEADERS) $(DECLARED)
ifdef MACH_O
	rm -f $@
	$(AR) rcs $@ $(OBJECTS)
else
	@mkdir -p $(@D)
	sed -n -f $(DECLARED) $(HEADERS) > $(BUILD)/obj/exports.list
	sed -n -f $(DECLARED) include/fs.h include/message.h include/utils.h > $(BUILD)/obj/weak.list
	$(LLD) -r -o $(BUILD)/obj/libipc.o $(OBJECTS)
	$(OBJCOPY) --keep-global-symbols=$(BUILD)/obj/exports.list --weaken-symbols=$(BUILD)/obj/weak.list $(BUILD)/obj/libipc.o
	rm -f $@
	$(AR) rcsD $@ $(BUILD)/obj/libipc.o
endif

$(BUILD)/bin/%: Sources/%/main.c $(SHARED) $(HEADERS)
	@mkdir -p $(@D)
	$(PROGRAM_LINK) $(PROGRAM_CFLAGS) $< -o $@ -L$(BUILD)/lib -lipc $(if $(MACH_O),,-Wl$(comma)-rpath$(comma)'$$ORIGIN/../lib')

$(DAEMON_OBJECTS): $(BUILD)/obj/daemons/%.o: Sources/CDaemon/%.c $(DAEMON_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(DAEMON_CFLAGS) -c $< -o $@

$(DEFLATE_OBJECT): Sources/CDeflate/deflate.c $(DEFLATE_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(DEFLATE_CFLAGS) -c $< -o $@

# DAEMON_OBJECT NAME,DIRECTORY,FLAGS
define DAEMON_OBJECT
$(2)/$(1).swift.o: $(call daemon_sources,$(1)) $(DAEMON_SOURCES) $(DAEMON_HEADERS) $(RULES)
	@mkdir -p $$(@D)
	$(SWIFTC) $(EMBEDDED_FLAGS) $(3) -module-name $(subst -,_,$(1)) -Xcc -D_GNU_SOURCE -I Sources/CDaemon/include \
		$$($(1)_SWIFTFLAGS) -c $(DAEMON_SOURCES) $(call daemon_sources,$(1)) -o $$@
	$$(without_hash) $$@
endef
$(foreach daemon,$(DAEMONS),$(eval $(call DAEMON_OBJECT,$(daemon),$(BUILD)/obj/daemons,$(if $(filter no,$(OPTIMIZED)),-Onone,-Osize))))

# Stripped (-s): the names of specialised functions are a quarter of each file, and nothing reads them.
# link_daemon RPATH
link_daemon = $(PROGRAM_LINK) $(filter %.o,$^) -o $@ -L$(BUILD)/lib -lipc $(if $(1),-Wl$(comma)-rpath$(comma)'$(1)') $(GC_LDFLAGS) \
	$(STRIP_LDFLAGS) $($*_LIBS) $(EXTRA_LDFLAGS)
comma := ,
$(BUILD)/obj/daemons/ipc-websocketd.swift.o: $(DEFLATE_HEADERS)
$(BUILD)/bin/ipc-websocketd: $(DEFLATE_OBJECT)
$(DAEMONS:%=$(BUILD)/bin/%): $(BUILD)/bin/%: $(BUILD)/obj/daemons/%.swift.o $(DAEMON_OBJECTS) $(SHARED)
	@mkdir -p $(@D)
	$(call link_daemon,$(if $(MACH_O),,$$ORIGIN/../lib))

# Each daemon as one file that needs nothing else, not even a C library: with musl, and without zlib. In BUILD/TARGET/static. What the
# library has in them is compiled for size, and nothing unwinds its stack (.eh_frame). Swift's own inlining makes code that is compiled for
# size a quarter larger: LLVM's inlines what gets smaller.
ifeq ($(LIBC),musl)
STATIC_OBJECTS := $(patsubst $(BUILD)/obj/%,$(BUILD)/obj/static/%,$(OBJECTS) $(DAEMON_OBJECTS) $(DEFLATE_OBJECT))
STATIC_SWIFTFLAGS := -Osize -Xfrontend -mergeable-traps -Xllvm -sil-disable-pass=inline
$(foreach daemon,$(DAEMONS),$(eval $(call DAEMON_OBJECT,$(daemon),$(BUILD)/obj/static/daemons,$(STATIC_SWIFTFLAGS))))
.SECONDARY: $(STATIC_OBJECTS)
STATIC_CFLAGS = $(C_FLAGS) -Os -fno-pic -ffunction-sections -fno-asynchronous-unwind-tables
static-daemons: $(DAEMONS:%=$(BUILD)/static/%)
$(BUILD)/static/%: $(BUILD)/obj/static/daemons/%.swift.o $(STATIC_OBJECTS)
	@mkdir -p $(@D)
	$(STATIC_LINK) $^ -o $@ -Wl,--gc-sections -Wl,--icf=all -Wl,--no-eh-frame-hdr -Wl,-s $(EXTRA_LDFLAGS) $(STATIC_LIBS)
	$(OBJCOPY) --remove-section=.eh_frame --remove-section=.comment $@
$(BUILD)/obj/static/LibIPC.o: $(SWIFT_SOURCES) $(HEADERS) $(INTERNAL_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(SWIFTC) $(subst -O ,$(STATIC_SWIFTFLAGS) ,$(SWIFTFLAGS)) -module-name LibIPC -I Sources/CLibIPC/include -c $(SWIFT_SOURCES) -o $@
$(BUILD)/obj/static/%.o: Sources/CLibIPC/%.c $(HEADERS) $(INTERNAL_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(STATIC_CFLAGS) -ISources/CLibIPC/include -c $< -o $@
$(BUILD)/obj/static/daemons/%.o: Sources/CDaemon/%.c $(DAEMON_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(STATIC_CFLAGS) -D_GNU_SOURCE -DCD_VERSION='"$(VERSION)"' -ISources/CDaemon/include -c $< -o $@
$(BUILD)/obj/static/daemons/deflate-$(ZLIB).o: Sources/CDeflate/deflate.c $(DEFLATE_HEADERS) $(RULES)
	@mkdir -p $(@D)
	$(LIBRARY_CC) $(STATIC_CFLAGS) -ISources/CDeflate/include -c $< -o $@
else
static-daemons:
	@$(MAKE) TARGET=$(ARCHITECTURE)-linux-musl BUILD=$(BUILD)/$(ARCHITECTURE)-linux-musl POLLER=epoll ZLIB=no static-daemons
endif

demo: all
	@sh Sources/demo.sh $(BUILD)

# With TARGET: the conformance and thread programs, under an emulator where that is needed.
test: all
ifdef IS_NATIVE
	@sh Tests/run.sh $(BUILD) $(PARTS)
else
	@CC="$(TEST_CC)" EMULATOR="$(EMULATOR)" POLLER=$(POLLER) sh Tests/Targets/target.sh $(TARGET) $(BUILD)
endif

# The conformance programs alone, with one back end; ONLY="entries printing" names some of them.
check:
	@CC="$(CC)" ONLY="$(ONLY)" sh Tests/check.sh $(BUILD) $(POLLER)

# One test of any kind in seconds: ONLY="entries OutboxTests/order ipcd.unix_route" names it. The library and the daemons are not optimized.
# The conformance and thread programs with a sanitizer; which lines of the library the tests run; whether each file is in form.
.PHONY: quick asan tsan coverage check-format
quick:
	@ONLY="$(ONLY)" MAKE="$(MAKE)" sh Tests/quick.sh $(BUILD)
asan tsan: export SANITIZER = $(if $(filter asan,$@),address,thread)
asan tsan:
	@ONLY="$(ONLY)" sh Tests/Conformance/sanitized.sh $(BUILD)/$@
	@[ -n "$(ONLY)" ] || sh Tests/Threads/sanitized.sh . $(BUILD)/$@
coverage:
	@ONLY="$(ONLY)" sh Tests/Coverage/run.sh $(BUILD)
check-format:
	@sh Tests/format.sh $(BUILD)
format:
	@sh Tests/format.sh $(BUILD) --write

# 10 minutes of what `make test` does for half a minute: everything that threads can do, again and again, with new seeds. Then 300 new
# random sequences of calls for each poller; a minute of libFuzzer for each parser; all of Autobahn (half an hour); 5,000 connections of
# each kind; all programs for each target.
soak: all
	@$(MAKE) -s PREFIX=$(abspath $(BUILD))/soak/tree install > /dev/null
	@sh Tests/Threads/soak.sh $(BUILD)/soak/tree $(SOAK_SECONDS) $(BUILD)/soak
	@sh Tests/Random/run.sh . $(BUILD)/random 300 $$(($$(od -An -N3 -tu4 /dev/urandom) + 1000))
	@sh Tests/Fuzz/run.sh $(BUILD)/fuzz 60
	@sh Tests/Fuzz/cbor.sh $(BUILD)/soak/tree $(BUILD)/fuzz 60
	@CHURN=5000 AUTOBAHN=all sh Tests/Daemons/websocket.sh $(abspath $(BUILD))/soak/tree $(BUILD)/websocket web_churn autobahn
	@CHURN=5000 sh Tests/Daemons/run.sh $(abspath $(BUILD))/soak/tree $(BUILD)/soak/daemons churn
	@FULL=1 sh Tests/Targets/run.sh $(BUILD) $(BUILD)/soak/targets

bench: all
	@CC="$(CC)" sh Tests/Performance/run.sh $(BUILD)

include Sources/install.mk

# BUILD, and nothing else; without one, what Swift leaves, too.
clean:
	@sh Sources/clean.sh "$(BUILD)"
	$(if $(call given,BUILD),,rm -rf .build)

dist:
	@mkdir -p $(BUILD)
	git archive --format=tar.gz --prefix=libipc-$(VERSION)/ -o $(BUILD)/libipc-$(VERSION).tar.gz HEAD

# Debian packages, in BUILD/deb; deb-check tries them in a minimal Debian that it fetches, too.
.PHONY: deb deb-check rpm rpm-check alpine alpine-check
deb:
	@sh pkgconfig/deb.sh $(BUILD)/deb
deb-check: deb
	@sh Tests/Packages/debian.sh $(BUILD)/deb $(BUILD)/debian
# RPM packages, in BUILD/rpm; rpm-check tries them, too.
rpm:
	@sh pkgconfig/rpm.sh $(BUILD)/rpm
rpm-check:
	@sh Tests/Packages/rpm.sh $(BUILD)
# What Alpine's abuild makes packages of, in BUILD/alpine/aport; alpine-check does with it what abuild would.
alpine:
	@sh pkgconfig/alpine.sh $(BUILD)/alpine
alpine-check: alpine
	@sh Tests/Packages/alpine.sh $(BUILD)/alpine
