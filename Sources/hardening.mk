# hardening.mk - flags of the compilers and linkers: hardening, debugging, and what makes two builds of the same sources the same bytes.
# Included by the Makefile.
#
# HARDENING=no leaves the hardening out. A build with a sanitizer goes without: fortified functions hide accesses from it.
HARDENING ?= $(if $(findstring -fsanitize,$(EXTRA_CFLAGS) $(CFLAGS)),no,yes)
# Debug information on request; nothing is stripped then.
DEBUG ?=
debugging := $(filter 1 yes,$(DEBUG))$(filter-out -g0,$(filter -g%,$(CFLAGS)))

# Where an option's variable was given: on the command line, or in the environment.
given = $(filter command environment,$(origin $(1)))
# accepted COMPILER, FLAGS: those of the flags that it takes for its target
accepted = $(shell for flag in $(2); do \
	$(1) -Werror -O2 $$flag -include stdio.h -x c -fsyntax-only /dev/null > /dev/null 2>&1 && echo $$flag; done)

ifeq ($(HARDENING),yes)
# Forward jumps land on marked instructions alone, and returns go where the call was. No system enforces IBT in user space yet, but
# marked files are what it waits for. -fno-plt spares a jump for each call of the C library, and so pays half of what the marks cost.
branch_flags := $(if $(filter x86_64,$(ARCHITECTURE)),-fcf-protection=full -fno-plt) \
	$(if $(filter aarch64,$(ARCHITECTURE)),-mbranch-protection=standard)
# Whoever sets a level of fortification has it; without an optimizer there is none.
unfortified := $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))$(filter -O0,$(CFLAGS))
hardening_of = $(call accepted,$(1),-fstack-protector-strong -fstack-clash-protection $(branch_flags)) $(if $(unfortified),, \
	-U_FORTIFY_SOURCE $(firstword $(call accepted,$(1),-D_FORTIFY_SOURCE=3 -D_FORTIFY_SOURCE=2)))
HARDENING_CFLAGS := $(call hardening_of,$(LIBRARY_CC) $(TARGET_CFLAGS))
# Of the same compiler, in most cases for another target. Swift protects its stack by itself.
HARDENING_SWIFTFLAGS := $(addprefix -Xcc ,$(filter $(branch_flags),$(HARDENING_CFLAGS)))
PROGRAM_HARDENING := $(call hardening_of,$(CC)) -fPIE
# Shadow stacks need nothing of the start files of the C library. The linker marks for IBT when those are marked, too: they are not in
# Debian 12. Zig does not know the option.
shadow_stack := -Wl,-z,shstk
HARDENING_LDFLAGS := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	$(if $(filter x86_64,$(ARCHITECTURE)),$(if $(zig_cflags),,$(shadow_stack)))
PIE_LDFLAGS := $(if $(MACH_O),,-pie)
endif

# Clang takes what Debian, Fedora and Ubuntu pass to gcc, but for link-time optimization, after which nothing could be made local, and specs.
heard := $(CPPFLAGS) $(filter-out -flto% -ffat-lto-objects -specs=%,$(CFLAGS)) $(if $(debugging),-g)
# A path of the sources is relative to their top, wherever that is. Of the module cache, which is at home, Swift leaves no breadcrumbs.
C_FLAGS_HEARD := '-ffile-prefix-map=$(CURDIR)=.' $(heard)
SWIFT_FLAGS_HEARD := -file-prefix-map '$(CURDIR)=.' $(if $(debugging),-g -Xfrontend -no-clang-module-breadcrumbs) \
	$(addprefix -Xcc ,$(CPPFLAGS) $(filter -m% -D% -U% -I%,$(CFLAGS)))
build_id := -Wl,--build-id=sha1
LINK_FLAGS := $(if $(MACH_O),,$(HARDENING_LDFLAGS) $(build_id)) $(filter-out -specs=%,$(LDFLAGS))
STRIP_LDFLAGS := $(if $(debugging)$(MACH_O),,-Wl,-s)
