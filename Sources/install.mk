# install.mk - what is installed where, and taken back. Included by the Makefile. Packages set DESTDIR; others may say `make uninstall` with
# the variables of `make install`, and find the folders as they were before.

# The lists are of installed paths. Folders that libipc has for itself stand in own_folders.
library_folders := $(LIBDIR)/pkgconfig $(INCLUDEDIR)/libipc
manual_folders := $(MANDIR)/man3 $(MANDIR)/man7
daemon_folders := $(BINDIR) $(MANDIR)/man1 $(MANDIR)/man8 $(patsubst %/,%,$(dir $(COMPLETION))) $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR)
binding_files := $(addprefix $(SHARD)/,$(SHARD_FILES)) $(addprefix $(PYTHONDIR)/,$(PYTHON_FILES)) \
	$(addprefix $(SWIFT_PACKAGE)/,$(SWIFT_PACKAGE_FILES))
binding_folders := $(sort $(patsubst %/,%,$(dir $(binding_files))))
own_folders := $(INCLUDEDIR)/libipc $(DATADIR)/libipc $(binding_folders) $(SHARD) $(PYTHONDIR) $(SWIFT_PACKAGE)
installed_files = $(addprefix $(LIBDIR)/,$(SHARED_NAMES) libipc.a $(PKGCONFIG_NAMES:%=pkgconfig/%)) \
	$(HEADERS:include/%=$(INCLUDEDIR)/libipc/%) $(addprefix $(MANDIR)/,$(shell $(MANUAL) --list) man1/ipc.1 $(addprefix man8/,$(notdir $(wildcard Sources/*/*.8)))) \
	$(DAEMONS:%=$(BINDIR)/%) $(COMPLETION) $(addprefix $(UNITDIR)/,$(notdir $(UNITS))) $(SYSUSERSDIR)/libipc.conf $(TMPFILESDIR)/libipc.conf $(binding_files)
PKGCONFIG_NAMES := libipc.pc ipc.pc libipc-swift.pc

# make_folders FOLDERS, remove_folders FOLDERS
FOLDERS := sh Sources/folders.sh
make_folders = $(FOLDERS) make "$(DESTDIR)" "$(DATADIR)/libipc" $(1)
remove_folders = $(FOLDERS) remove "$(DESTDIR)" "$(DATADIR)/libipc" $(1)

# Where a daemon looks for the library: nowhere else where the loader looks by itself, or else at LIBDIR as seen from BINDIR, so that the
# tree may be moved. RPATH= says that there shall be none. The loader of musl, and old ones, do not tell their directories.
loader_folders := $(if $(IS_NATIVE),$(shell for loader in /lib64/ld-linux*.so.? /lib/ld-linux*.so.?; do [ -x $$loader ] && $$loader --help; done \
	2> /dev/null | sed -n 's/^ *\(\/[^ ]*\) (.*system search path)$$/\1/p'))
is_system_folder = $(filter $(or $(loader_folders),/lib /usr/lib /lib64 /usr/lib64 /lib/%-linux-gnu /usr/lib/%-linux-gnu),$(abspath $(1)))
blank := $(subst ,, )
relative = $(if $(and $(firstword $(1)),$(filter $(firstword $(1)),$(firstword $(2)))),$(call relative,$(wordlist 2,99,$(1)),$(wordlist 2,99,$(2))), \
	$(subst $(blank),/,$(strip $(patsubst %,..,$(1)) $(2))))
path_from = $(strip $(call relative,$(subst /, ,$(abspath $(1))),$(subst /, ,$(abspath $(2)))))
RPATH ?= $(if $(call is_system_folder,$(LIBDIR)),,$$ORIGIN/$(call path_from,$(BINDIR),$(LIBDIR)))

# The daemons of the build tree have its path; where the installed ones need another, they are linked again.
ifeq ($(RPATH),$$ORIGIN/../lib)
INSTALLED_DAEMONS := $(DAEMONS:%=$(BUILD)/bin/%)
else
INSTALLED_DAEMONS := $(DAEMONS:%=$(BUILD)/installed/%)
$(INSTALLED_DAEMONS): $(BUILD)/installed/%: $(BUILD)/obj/daemons/%.swift.o $(DAEMON_OBJECTS) $(SHARED) $(BUILD)/installed/rpath
	$(call link_daemon,$(RPATH))
$(BUILD)/installed/ipc-websocketd: $(DEFLATE_OBJECT)
$(BUILD)/installed/rpath: FORCE
	@mkdir -p $(@D)
	@echo '$(RPATH)' | cmp -s - $@ || echo '$(RPATH)' > $@
daemons: $(INSTALLED_DAEMONS)
endif

install-library: library
	$(call make_folders,$(library_folders))
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)
	$(call link_names,$(DESTDIR)$(LIBDIR))
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/libipc.a
	install -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/libipc/
	for name in libipc ipc; do \
		sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
			pkgconfig/libipc.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/$$name.pc || exit 1; \
	done
	sed 's/ -idirafter.*//' $(DESTDIR)$(LIBDIR)/pkgconfig/libipc.pc > $(DESTDIR)$(LIBDIR)/pkgconfig/libipc-swift.pc

install-manual: manual
	$(call make_folders,$(manual_folders))
	install -m 644 $(BUILD)/man/man3/* $(DESTDIR)$(MANDIR)/man3
	install -m 644 $(BUILD)/man/man7/* $(DESTDIR)$(MANDIR)/man7

install: install-library install-manual daemons
	$(call make_folders,$(daemon_folders) $(binding_folders))
	install -m 755 $(INSTALLED_DAEMONS) $(DESTDIR)$(BINDIR)
	install -m 644 $(wildcard Sources/*/*.8) $(DESTDIR)$(MANDIR)/man8
	install -m 644 Sources/ipc-tool/ipc.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 Sources/ipc-tool/ipc.bash $(DESTDIR)$(COMPLETION)
	for unit in $(UNITS); do \
		sed -e 's|@BINDIR@|$(BINDIR)|' $$unit > $(DESTDIR)$(UNITDIR)/$$(basename $$unit) || exit 1; \
	done
	install -m 644 Sources/Daemon/libipc.sysusers $(DESTDIR)$(SYSUSERSDIR)/libipc.conf
	install -m 644 Sources/Daemon/libipc.tmpfiles $(DESTDIR)$(TMPFILESDIR)/libipc.conf
	for file in $(SHARD_FILES); do install -m 644 Sources/Bindings/crystal/$$file $(DESTDIR)$(SHARD)/$$file || exit 1; done
	for file in $(PYTHON_FILES); do install -m 644 Sources/Bindings/python/$$file $(DESTDIR)$(PYTHONDIR)/$$file || exit 1; done
	for file in $(SWIFT_PACKAGE_FILES); do install -m 644 Sources/IPC/$$file $(DESTDIR)$(SWIFT_PACKAGE)/$$file || exit 1; done
	@$(FOLDERS) advise "$(DESTDIR)" "$(LIBDIR)"

# What Python has compiled there goes with its source.
uninstall:
	@for file in $(installed_files); do \
		rm -f "$(DESTDIR)$$file" || exit 1; \
		case $$file in *.py) rm -f "$(DESTDIR)$${file%/*}/__pycache__/$$(basename "$$file" .py)".*.pyc ;; esac; \
	done
	$(call remove_folders,$(own_folders) $(addsuffix /__pycache__,$(binding_folders)) \
		$(if $(DESTDIR),$(library_folders) $(manual_folders) $(daemon_folders)))
