/*
 * fs.h - files and directories, as far as a service needs them (libipc).
 */
#ifndef __FS_H__
#define __FS_H__

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "ipc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* exists_, is_directory_, is_writable_ - look at a file
 *
 * exists_ calls stat(2). is_directory_ and is_writable_ look at what that has found: whether it is a
 * directory, and whether the effective user may write it.
 *
 * path    of the file
 * status  becomes, or is, the status of the file
 *
 * Returns: 1 for yes, 0 for no and for a NULL pointer.
 * Threads: Any thread may call them at any time.
 * Signals: A handler may call them at any moment.
 * Since: 1.0
 * See: stat(2)
 * Example: as directory_setup_
 */
int exists_(const char *path, struct stat *status);
int is_directory_(struct stat *status);
int is_writable_(struct stat *status);

/* dirname_ - the directory of a path
 *
 * Writes the part of `path` before its last slash; without a slash the result is empty.
 *
 * path   the path
 * dname  room for PATH_MAX bytes (4096)
 *
 * Returns: 0.
 * Threads: Any thread may call it at any time.
 * Signals: A handler may call it at any moment.
 * Since: 1.0
 * See: dirname(3)
 * Example: as directory_setup_
 */
int dirname_(const char *path, char *dname);

/* mkdir_p_ - make a directory and its parents
 *
 * Makes the directory `path`, and all above it that are missing, with mode 1750 less the umask(2). A
 * directory that exists is no error.
 *
 * path  of the directory
 *
 * Errors:
 *   IPC_ERROR_MKDIR__CANNOT_CREATE_DIR   it cannot be made; or `path` is NULL or empty
 *   IPC_ERROR_MKDIR__NAME_TOO_LONG       `path` has PATH_MAX bytes or more
 * Threads: Any thread may call it at any time.
 * Signals: A handler may call it at any moment.
 * Since: 1.0
 * See: directory_setup_, mkdir(2)
 * Example: as directory_setup_
 */
struct ipc_error mkdir_p_(const char *path);

/* directory_setup_ - make the directory of a file
 *
 * Makes the directory that `path` lies in, if it is missing, as mkdir_p_ does, and checks that the
 * process may write there.
 *
 * path  of the file, which need not exist
 *
 * Errors:
 *   IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM        `path` is NULL or empty
 *   IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY         what should be the directory is another file
 *   IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE  the process may not write in it
 *   IPC_ERROR_MKDIR__CANNOT_CREATE_DIR           it cannot be made
 *   IPC_ERROR_MKDIR__NAME_TOO_LONG               its name has PATH_MAX bytes or more
 * Threads: Any thread may call it at any time.
 * Signals: A handler may call it at any moment.
 * Since: 1.0
 * See: mkdir_p_, service_path
 * Example, which prints "a directory to write in":
 *     int main(void) {
 *         char path[PATH_MAX], directory[PATH_MAX];
 *         struct stat status;
 *
 *         TEST_IPC_Q(service_path(path, "echo"), 1);
 *         TEST_IPC_Q(directory_setup_(path), 1);
 *         dirname_(path, directory);
 *         TEST_IPC_Q(mkdir_p_(directory), 1);
 *         if (exists_(directory, &status) && is_directory_(&status) && is_writable_(&status))
 *             puts("a directory to write in");
 *         return 0;
 *     }
 */
struct ipc_error directory_setup_(const char *path);

#ifdef __cplusplus
}
#endif

#endif
