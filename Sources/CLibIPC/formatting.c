/*
 * formatting.c - error_message_format, which is in C because it is variadic.
 */
#include "CLibIPC.h"

void error_message_format(char *formatted_message, const char *tag, const char *message, ...) {
	struct tm now;
	time_t seconds = time(NULL);
	va_list arguments;

	if (formatted_message == NULL) return;
	localtime_r(&seconds, &now);
	size_t used = strftime(formatted_message, BUFSIZ, "%Y-%m-%d_%H-%M-%S:", &now);
	int tagged = snprintf(formatted_message + used, BUFSIZ - used, "%s:", tag != NULL ? tag : "");
	/* One byte is kept for the newline, whatever the tag's and the message's length. */
	used = tagged < 0 || (size_t)tagged >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)tagged;
	va_start(arguments, message);
	int length = message == NULL ? 0 : vsnprintf(formatted_message + used, BUFSIZ - 1 - used, message, arguments);
	va_end(arguments);
	if (length > 0) used = (size_t)length >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)length;
	memcpy(formatted_message + used, "\n", 2);
}
