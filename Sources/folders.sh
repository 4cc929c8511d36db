#!/bin/sh
# folders.sh - the folders of `make install` and `make uninstall`: those that were there before stay, empty or not.
#
#   folders.sh make DESTDIR OWN FOLDER...     makes them; lists those that were not there in OWN/folders
#   folders.sh remove DESTDIR OWN FOLDER...   removes those of the list, and these, where nothing is in them any more
#   folders.sh advise DESTDIR LIBDIR          says what is still to do before programs find the library
#
# OWN is a folder of libipc's. With DESTDIR the tree goes into a package: there is no list, and each folder below DESTDIR was made for it.
set -eu
export LC_ALL=C
command=${1:?make, remove or advise}
destination=$2
own=$3
shift 3
list=$destination$own/folders

# above END FOLDER...: each with the folders that it lies in, up to END
above() {
	end=$1
	shift
	for folder in "$@"; do
		while [ -n "$folder" ] && [ "$folder" != "$end" ]; do
			echo "$folder"
			case $folder in */*) folder=${folder%/*} ;; *) break ;; esac
		done
	done
}

case $command in
make)
	new=$(above '' "$own" "$@" | sort -u | while read -r folder; do [ -d "$destination$folder" ] || echo "$folder"; done)
	for folder in "$own" "$@"; do install -d "$destination$folder"; done
	[ -n "$destination" ] || [ -z "$new" ] || echo "$new" >> "$list"
	;;
remove)
	if [ -n "$destination" ]; then
		# shellcheck disable=SC2046 # a folder a word: make's variables have none with a blank
		set -- $(above '' "$own" "$@")
	else
		for folder in "$@"; do
			# shellcheck disable=SC2046
			case $folder in "$own"/*) set -- "$@" $(above "$own" "$folder") ;; esac
		done
		# shellcheck disable=SC2046
		if [ -f "$list" ]; then set -- "$@" $(cat "$list"); fi
		rm -f "$list"
	fi
	printf '%s\n' "$own" "$@" | sort -ru | while read -r folder; do rmdir "$destination$folder" 2> /dev/null || :; done
	;;
advise)
	# ldconfig -v -N -X changes nothing, and lists the directories of which the loader knows.
	ldconfig=$(PATH=$PATH:/usr/sbin:/sbin command -v ldconfig) && known=$("$ldconfig" -vNX 2> /dev/null) && [ -n "$known" ] || exit 0
	[ -z "$destination" ] || exit 0
	for folder in $(echo "$known" | sed -n 's/^\(\/[^:]*\):.*/\1/p'); do
		# shellcheck disable=SC3013 # POSIX has it since 2024
		[ "$folder" -ef "$own" ] || continue
		echo "Run ldconfig as root now: programs find libipc.so.1 in $own after that."
		exit
	done
	echo "The loader does not look for libraries in $own: programs find libipc.so.1 there when LD_LIBRARY_PATH=$own," \
		"or when they are linked with -Wl,-rpath,$own. ldconfig is not needed."
	;;
esac
