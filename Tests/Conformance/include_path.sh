#!/bin/sh
# include_path.sh - <libipc/ipc.h> and <ipc.h> are found with pkg-config's flags, and no header of the library in place of a program's own.
#
#   include_path.sh INSTALLED_TREE
#
# With each compiler, with CMake and with Meson: a program that has its own utils.h, fs.h and message.h, whatever the order of the
# flags; and a program as those before 1.2, which finds the library's.
set -u
. "$(dirname "$0")/../begin.sh"
use_tree "${1:?installed tree}"
root=$(cd "$here/../.." && pwd) || exit 1
flags=$(pkg-config --cflags libipc)
libraries=$(pkg-config --libs libipc)
warnings='-Wall -Wextra -Werror'
cd "$work" || exit 1
mkdir own

# A program that has headers of these names. It prints its own text, and uses the library.
for name in utils fs message; do printf '#define FROM_%s "own %s;"\n' $name $name > own/$name.h; done
cat > new.c << 'END'
#include <libipc/ipc.h>
#include <utils.h>
#include <fs.h>
#include <message.h>
#ifdef __IPC_UTIL_H__
#error "the library's utils.h"
#endif
int main(void) {
	puts(FROM_utils FROM_fs FROM_message);
	puts(ipc_errors_get(IPC_ERROR_NONE));
	return 0;
}
END
# A program without any, as they are written for the old library.
cat > old.c << 'END'
#include <ipc.h>
#include <utils.h>
#include <fs.h>
#include <message.h>
#include <usocket.h>
#include <libipc/ipc.h>
#include <libipc/utils.h>
int main(void) {
	struct ipc_message m;
	memset(&m, 0, sizeof m);
	ipc_message_print(&m);
	print_hexa("hexa", (uint8_t *)"A", 1);
	return is_writable_(NULL);
}
END
cp new.c new.cc
cp old.c old.cc
printf 'own utils;own fs;own message;\nno error\n' > wanted_new
printf 'message: descriptor 0, type 0, user type 0, bytes 0\nhexa (1) 41\n' > wanted_old

# same NAME PROGRAM WANTED
same() { "$2" > out && cmp -s out "$3"; report "$1" $?; }

# builds NAME COMPILER SUFFIX
builds() {
	name=$1 compiler=$2 suffix=$3
	# shellcheck disable=SC2086
	for order in first last; do
		rm -f program
		if [ $order = first ]; then set -- -Iown $flags; else set -- $flags -Iown; fi
		$compiler $warnings "$@" new.$suffix -o program $libraries
		same own_headers_${order}_with_$name ./program wanted_new
	done
	rm -f program
	# shellcheck disable=SC2086
	$compiler $warnings $flags old.$suffix -o program $libraries
	same old_sources_with_$name ./program wanted_old
}

# The compiler that Swift brings is a clang.
swift_bin=$(dirname "$(readlink -f "$(command -v "${SWIFTC:-swiftc}")")")
PATH=$PATH:$swift_bin
for compiler in gcc clang; do
	if command -v $compiler > /dev/null 2>&1; then builds $compiler $compiler c; else echo "skipped include_path.$compiler: it is not installed"; fi
done
for compiler in g++ clang++; do
	if command -v $compiler > /dev/null 2>&1; then
		builds "$(echo $compiler | tr + p)" $compiler cc
	else
		echo "skipped include_path.$compiler: it is not installed"
	fi
done

cat > CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.16)
project(own C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(IPC REQUIRED IMPORTED_TARGET libipc)
add_executable(first new.c)
target_include_directories(first BEFORE PRIVATE own)
target_link_libraries(first PkgConfig::IPC)
add_executable(last new.c)
target_link_libraries(last PkgConfig::IPC)
target_include_directories(last AFTER PRIVATE own)
add_executable(plain new.c)
target_include_directories(plain PRIVATE own)
target_compile_options(plain PRIVATE ${IPC_CFLAGS})
target_link_libraries(plain ${IPC_LDFLAGS})
add_executable(old old.c)
target_link_libraries(old PkgConfig::IPC)
END
cat > meson.build << 'END'
project('own', 'c')
ipc = dependency('libipc')
executable('first', 'new.c', include_directories: 'own', dependencies: ipc)
executable('last', 'new.c', dependencies: [ipc, declare_dependency(include_directories: 'own')])
executable('old', 'old.c', dependencies: ipc)
END
if command -v cmake > /dev/null 2>&1; then
	cmake -S . -B with_cmake > log 2>&1 && cmake --build with_cmake >> log 2>&1 || cat log >&2
	for name in first last plain; do same own_headers_${name}_with_cmake with_cmake/$name wanted_new; done
	same old_sources_with_cmake with_cmake/old wanted_old
else
	echo "skipped include_path.cmake: it is not installed"
fi
if command -v meson > /dev/null 2>&1 && command -v ninja > /dev/null 2>&1; then
	meson setup with_meson . > log 2>&1 && ninja -C with_meson >> log 2>&1 || cat log >&2
	for name in first last; do same own_headers_${name}_with_meson with_meson/$name wanted_new; done
	same old_sources_with_meson with_meson/old wanted_old
else
	echo "skipped include_path.meson: it is not installed"
fi

# From the sources both forms are found with one -I.
printf '#include <libipc/ipc.h>\n#include <ipc.h>\n#include <libipc/fs.h>\nint used;\n' > source.c
# shellcheck disable=SC2086
${CC:-cc} $warnings -I"$root/include" -c source.c
report both_forms_are_found_in_the_source_tree $?
exit $failed
