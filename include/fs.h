/*
 * fs.h - files and directories, as far as a service needs them (libipc). Since 1.0.
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

/* 1 when stat(2) of `path` succeeds, and fills `*status`; else 0. */
int exists_(const char *path, struct stat *status);

/* 1 when `status` is a directory's, else 0. */
int is_directory_(struct stat *status);

/* 1 when the effective user may write a file with this `status`, else 0. */
int is_writable_(struct stat *status);

/* Writes the part of `path` before its last `/` into the PATH_MAX bytes of `dname`
 * (empty without a `/`). Returns 0. */
int dirname_(const char *path, char *dname);

/* Makes the directory `path` and its parents, mode 01750. 81 failed, 82 name too long. */
struct ipc_error mkdir_p_(const char *path);

/* Makes the directory that `path` lies in, if missing, and checks that it can be written.
 * 83 not a directory, 84 not writable, 85 no path; 81, 82 as mkdir_p_. */
struct ipc_error directory_setup_(const char *path);

#ifdef __cplusplus
}
#endif

#endif
