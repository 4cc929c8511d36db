# targets.mk - what a target needs: which compilers, which headers, which linker, which readiness interface. Included by the Makefile.
#
# TARGET is ARCHITECTURE-SYSTEM or ARCHITECTURE-linux-LIBC, as in aarch64-linux-gnu, x86_64-linux-musl, x86_64-freebsd. Nothing here asks
# what machine this is: without TARGET the compiler says what it makes.
#
# Swift has no Embedded standard library for these targets, but one for bare machines of each architecture: it calls nothing of a system
# but malloc(3) and memory functions. So swiftc compiles for ARCHITECTURE-none, and the C that it imports is that of the target.
# For such a compilation os(Linux) does not hold: POLLER_EPOLL and POLLER_KQUEUE say which interface there is.
#
# Where the C library of a target comes from:
#   Debian's cross compilers    *-linux-gnu, *-linux-gnueabihf   gcc-TARGET and libc6-dev-ARCHITECTURE-cross
#   Debian's musl               x86_64-linux-musl                musl-tools
#   PyPI's ziglang              all others: *-linux-gnu.2.17 (a release of glibc), *-linux-musl, *-freebsd, *-openbsd, *-netbsd, *-macos
TARGET ?=
ZIG ?= python3 -m ziglang

# The compiler's own target, in the form of TARGET. A Mac's is arm64-apple-darwin and a number.
OWN_TARGET := $(shell { $(LIBRARY_CC) -dumpmachine 2> /dev/null || $(CC) -dumpmachine; } | \
	sed -e 's/-pc-/-/' -e 's/-unknown-/-/' -e 's/^arm64-apple/aarch64-apple/' -e 's/-apple-darwin.*/-macos/')
IS_NATIVE := $(if $(filter-out $(OWN_TARGET),$(TARGET)),,yes)
words_of_target := $(subst -, ,$(or $(TARGET),$(OWN_TARGET)))
ARCHITECTURE := $(patsubst i386,i686,$(firstword $(words_of_target)))
SYSTEM := $(word 2,$(words_of_target))
LIBC := $(word 3,$(words_of_target))

# Each target has its own directory of objects.
BUILD ?= build$(if $(IS_NATIVE),,/$(TARGET))
ifneq ($(words $(BUILD)),1)
$(error BUILD="$(BUILD)": the name of one directory, without a blank, since make takes no paths with one)
endif
POLLER ?= $(if $(filter linux,$(SYSTEM)),epoll,kqueue)

# TLS descriptors: thread-local memory without a function of the loader's, and so without needing that as a library. musl's loader has
# none for x86-64, and its functions for thread-local memory are in libc.
TLS_CFLAGS := $(if $(filter x86_64-linux-gnu%,$(or $(TARGET),$(OWN_TARGET))),-mtls-dialect=gnu2)

# ---- names and flags of what is linked: ELF, or macOS ----

MACH_O := $(if $(filter macos%,$(SYSTEM)),yes)
# The shared library's file, then the links to it, each to the one before. Called with their directory: makes the links.
ifdef MACH_O
SHARED_NAMES := libipc.1.dylib libipc.dylib
LINKED_WITH = $(BUILD)/obj/exports.symbols $(system_stub)
SHARED_LDFLAGS = -dynamiclib -Wl,-install_name,$(LIBDIR)/$(firstword $(SHARED_NAMES)) -Wl,-compatibility_version,1 \
	-Wl,-current_version,$(FILE_VERSION) -Wl,-exported_symbols_list,$(firstword $(LINKED_WITH)) -Wl,-dead_strip
GC_LDFLAGS := -Wl,-dead_strip
else
SHARED_NAMES := libipc.so.$(FILE_VERSION) libipc.so.1 libipc.so
# lld, because it refuses a version script that names a function which is not there. Never unloaded (nodelete): what is to be done
# when a thread ends lies in it.
SHARED_LDFLAGS = -shared -Wl,-soname,libipc.so.1 -Wl,-z,nodelete -Wl,--version-script=$(EXPORTS) -Wl,--no-undefined-version \
	-Wl,--gc-sections -Wl,-z,defs
GC_LDFLAGS := -Wl,--gc-sections
endif
link_names = set -- $(SHARED_NAMES); while [ $$\# -gt 1 ]; do ln -sf "$$1" $(1)/"$$2" && shift || exit 1; done

# linker_of COMPILER, LINKER: the option with which the compiler takes it. Gcc knows its linkers by the end of their names.
linker_of = $(if $(findstring clang,$(notdir $(firstword $(1)))),--ld-path=$(shell command -v $(2)),-B$(dir $(shell command -v $(2))) \
	-fuse-ld=$(patsubst ld.%,%,$(notdir $(2))))

ifdef IS_NATIVE
LIBRARY_LINK = $(LIBRARY_CC) $(if $(MACH_O),,$(call linker_of,$(LIBRARY_CC),$(LLD)))
else

swift_triple_x86_64 := x86_64-unknown-none-elf
swift_triple_aarch64 := aarch64-none-none-elf
swift_triple_riscv64 := riscv64-none-none-eabi
swift_triple_i686 := i686-unknown-none-elf
swift_triple_arm := armv7-none-none-eabi
# For macOS there is one for arm64 alone: for other Macs `make typecheck` is all that can be done.
swift_triple_aarch64_macos := arm64-apple-none-macho
swift_triple := $(or $(swift_triple_$(ARCHITECTURE)_$(SYSTEM)),$(swift_triple_$(ARCHITECTURE)))
ifeq ($(swift_triple),)
$(error TARGET=$(TARGET): Swift has no Embedded standard library for $(ARCHITECTURE); there are x86_64, aarch64, riscv64, i686 and arm)
endif
# What the bare machine's flags and those of the system must agree in: the calling convention.
machine_cflags := $(if $(filter riscv64,$(ARCHITECTURE)),-march=rv64gc -mabi=lp64d)

# ---- where the C library comes from ----

ifneq ($(filter %-linux-gnu %-linux-gnueabihf,$(TARGET)),)
# Debian's cross compiler.
sysroot := /usr/$(subst i386,i686,$(TARGET))
c_target := $(TARGET)
include_directories := $(sysroot)/include
CC := $(subst i386,i686,$(TARGET))-gcc
LIBRARY_LINK = $(LIBRARY_CC) --target=$(c_target) -L$(sysroot)/lib -fuse-ld=$(LLD)
else ifeq ($(TARGET),x86_64-linux-musl)
# Debian's musl. Its compiler is the machine's, with other headers and libraries.
sysroot := /usr
c_target := $(TARGET)
include_directories := /usr/include/$(TARGET)
CC := musl-gcc
MUSL_LIBRARIES := /usr/lib/$(TARGET)
LIBRARY_LINK = $(LIBRARY_CC) --target=$(c_target) -nostdlib -L$(MUSL_LIBRARIES) -fuse-ld=$(LLD)
LIBRARY_LIBS := -lc
STATIC_LINK = $(LIBRARY_LINK) -static $(MUSL_LIBRARIES)/crt1.o $(MUSL_LIBRARIES)/crti.o
STATIC_LIBS := -lc $(MUSL_LIBRARIES)/crtn.o
else
# PyPI's ziglang has the headers and link stubs of many C libraries. Its compiler says which ones it uses; C is compiled by clang all the
# same. -E -v tells the target, the directories and a few macros, as the version of glibc.
#
# NetBSD: the headers are those of release 11, whose kevent(2) is another function than that of 10. macOS: its headers include stddef.h and
# expect the compiler's, so theirs come behind it.
zig_target := $(subst i686,x86,$(TARGET))$(if $(filter %-netbsd,$(TARGET)),.11.0)
zig_include := $(if $(filter macos%,$(SYSTEM)),-idirafter,-isystem)
zig_cflags := $(shell $(ZIG) cc -target $(zig_target) -E -v -x c /dev/null 2>&1 | awk -v here="$(CURDIR)" ' \
	/^Target:/ { sub(/-unknown$$/, "", $$2); print "--target=" $$2 } \
	/ -cc1 / { for (i = 1; i < NF; i++) if ($$i == "-D") print "-D" $$(i + 1) } \
	/^ [^ ]*\/libc\/include\/[^ ]*$$/ { print "$(zig_include)" ($$1 ~ /^\// ? "" : here "/") $$1 }')
ifeq ($(zig_cflags),)
$(error TARGET=$(TARGET): `$(ZIG) cc` does not know it, or is not there (PyPI: ziglang))
endif
ifdef MACH_O
# lld of Debian: that of the toolchain links nothing for macOS, and the linker of ziglang exports everything. From the system's stub the
# architectures are left out that this lld does not know.
LD64 ?= $(lastword $(sort $(wildcard /usr/bin/ld64.lld*)))
ZIG_LIBRARIES := $(dir $(patsubst %/,%,$(dir $(patsubst -idirafter%,%,$(lastword $(zig_cflags))))))
system_stub := $(BUILD)/obj/libSystem.tbd
CC = $(LIBRARY_CC) $(TARGET_CFLAGS) -mlinker-version=705 --ld-path=$(LD64) -L$(BUILD)/obj
else
CC := $(ZIG) cc -target $(zig_target)
endif
LIBRARY_LINK = $(CC)
STATIC_LINK = $(CC) -static
endif

# What runs the target's programs here: nothing where it is another C library of the compiler's own architecture. Many kernels of x86-64
# run programs of i386: then only their libraries lie elsewhere. (DT_RPATH, which also finds what libc loads later.)
ifeq ($(ARCHITECTURE)-$(firstword $(subst -, ,$(OWN_TARGET))),i686-x86_64)
I386_LOADER := $(shell $(sysroot)/lib/ld-linux.so.2 --version > /dev/null 2>&1 && echo $(sysroot)/lib/ld-linux.so.2)
endif
ifneq ($(I386_LOADER),)
EMULATOR ?=
TEST_CC ?= $(CC) -Wl,--dynamic-linker=$(I386_LOADER) -Wl,-rpath,$(sysroot)/lib -Wl,--disable-new-dtags
endif
ifeq ($(ARCHITECTURE)-$(SYSTEM),$(firstword $(subst -, ,$(OWN_TARGET)))-linux)
EMULATOR ?=
else ifeq ($(SYSTEM),linux)
EMULATOR ?= qemu-$(subst i686,i386,$(ARCHITECTURE)) -L $(sysroot)
endif

# What compiles the tests: for an older release of glibc this machine's compiler, because programs of today use that library.
TEST_CC ?= $(if $(EMULATOR)$(filter-out gnu.%,$(wordlist 3,9,$(words_of_target))),$(CC),cc)

# zlib is not a part of a cross compiler.
ZLIB ?= no

TARGET_CFLAGS := $(if $(zig_cflags),$(zig_cflags),--target=$(c_target) $(addprefix -isystem,$(include_directories))) $(machine_cflags) -nostdlibinc
TARGET_SWIFTFLAGS := -target $(swift_triple) $(addprefix -Xcc ,$(TARGET_CFLAGS)) $(if $(filter epoll,$(POLLER)),-D POLLER_EPOLL)
endif
