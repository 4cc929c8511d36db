/*
 * program.c - what raised.sh starts with raised privileges, and as somebody else.
 *
 *   program as-nobody PROGRAM ARGUMENT...   starts a program as an ordinary user
 *   program secure                          ends with 0 when the process has raised privileges (AT_SECURE)
 *   program path|serve|connect|lookup|trace what the environment does
 */
#define _GNU_SOURCE
#include <grp.h>
#include <ipc.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **arguments) {
	const char *what = count > 1 ? arguments[1] : "";
	char path[PATH_MAX] = "";
	struct ipc_ctx ctx = {0};
	struct ipc_error e = {0};
	int fd = -1;
	if (strcmp(what, "as-nobody") == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) return 9;
		execv(arguments[2], arguments + 2);
		return 9;
	}
	if (strcmp(what, "secure") == 0) return getauxval(AT_SECURE) == 0;
	if (strcmp(what, "path") == 0) e = service_path(path, "svc");
	if (strcmp(what, "connect") == 0) e = ipc_connection(&ctx, "svc", &fd);
	if (strcmp(what, "trace") == 0) ipc_connection(&ctx, "no-such-service-of-this-test", &fd);
	if (strcmp(what, "lookup") == 0) e = ipc_contact_ipcd(&fd, "svc");
	if (strcmp(what, "serve") == 0) {
		struct stat status;
		e = usock_init(&fd, arguments[2]);
		if (e.error_code == 0 && stat(arguments[2], &status) == 0) printf("%o %d\n", status.st_mode & 0777, (int)status.st_gid);
		unlink(arguments[2]);
	}
	printf("%d %s%s\n", (int)e.error_code, path, e.error_message);
	return 0;
}
