/*
 * snapshots.c - what ipc_ctx_status, ipc_ctx_entry, ipc_ctx_entries, ipc_close_fd and ipc_ctx_release answer, here in one
 * thread, where every answer is known beforehand.
 */
#include "crew.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static const struct ipc_ctx zeroed;

static void check_status(size_t entries, size_t messages) {
	size_t both[2] = {99, 99}, one = 99, other = 99;
	CHECK_OK(ipc_ctx_status(&ctx, &both[0], &both[1]));
	CHECK_OK(ipc_ctx_status(&ctx, &one, NULL));
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &other));
	CHECK_EQUAL(both[0], entries);
	CHECK_EQUAL(both[1], messages);
	CHECK(one == both[0] && other == both[1]);
	CHECK(ctx.size == entries && ctx.tx.size <= messages);
}

/* Both ways to ask give the same. The entry is in the list once. */
static void check_entry(int fd, enum ipc_connection_type type, uint32_t pending, const char *path) {
	struct ipc_entry entry, *entries;
	size_t number, found = 0;
	memset(&entry, 0xA5, sizeof entry);
	CHECK_OK(ipc_ctx_entry(&ctx, fd, &entry));
	CHECK_EQUAL(entry.fd, fd);
	CHECK_EQUAL(entry.type, type);
	CHECK_EQUAL(entry.pending, pending);
	CHECK(strcmp(entry.path, path) == 0);
	CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
	CHECK_EQUAL(number, ctx.size);
	for (size_t i = 0; i < number; i++) {
		if (entries[i].fd != fd) continue;
		found++;
		CHECK(entries[i].type == type && entries[i].pending == pending && strcmp(entries[i].path, path) == 0);
	}
	CHECK_EQUAL(found, 1);
	free(entries);
}

static void check_no_entry(int fd) {
	struct ipc_entry entry;
	CHECK_CODE(ipc_ctx_entry(&ctx, fd, &entry), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
	CHECK_CODE(ipc_close_fd(&ctx, fd), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
}

static int server_of(void) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.cinfos[i].type == IPC_CONNECTION_TYPE_SERVER) return ctx.pollfd[i].fd;
	FAIL("no server");
}

TEST(an_empty_context_has_nothing_and_stays_zeroed) {
	struct ipc_entry *entries = (struct ipc_entry *)&entries;
	size_t number = 99;
	check_status(0, 0);
	CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
	CHECK(entries == NULL && number == 0);
	check_no_entry(0);
	check_no_entry(-1);
	CHECK_OK(ipc_ctx_release(&ctx));
	CHECK(memcmp(&ctx, &zeroed, sizeof ctx) == 0);
}

TEST(what_is_missing_is_named) {
	struct ipc_entry entry, *entries;
	size_t number;
	for (int i = 0; i < 2; i++) {
		CHECK_CODE(ipc_ctx_status(NULL, &number, &number), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_entry(NULL, 0, &entry), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_entry(&ctx, 0, NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_entries(NULL, &entries, &number), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_entries(&ctx, NULL, &number), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_entries(&ctx, &entries, NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_ctx_release(NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK_CODE(ipc_close_fd(NULL, 0), IPC_ERROR_CLOSE__NO_CTX_PARAM);
		if (i == 0) CHECK_OK(ipc_server_init(&ctx, "named")); /* and with entries it is the same */
	}
	finish(&ctx, &event);
}

TEST(each_kind_of_entry_is_shown) {
	int ends[4], client, service, peer;
	make_pair(ends);
	make_pair(ends + 2);
	CHECK_OK(ipc_server_init(&ctx, "kinds"));
	peer = join(&ctx, &event, "kinds", &service);
	CHECK_OK(ipc_connection(&ctx, "kinds", &client));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[2]));
	check_status(5, 0);
	check_entry(server_of(), IPC_CONNECTION_TYPE_SERVER, 0, address_of("kinds").sun_path);
	check_entry(service, IPC_CONNECTION_TYPE_IPC, 0, "");
	check_entry(client, IPC_CONNECTION_TYPE_IPC, 0, "");
	check_entry(ends[0], IPC_CONNECTION_TYPE_EXTERNAL, 0, "");
	check_entry(ends[2], IPC_CONNECTION_TYPE_SWITCHED, 0, "");
	check_no_entry(peer);
	check_no_entry(ends[1]);
	check_no_entry(-1);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_SWITCHED), 0);
	check_entry(ends[0], IPC_CONNECTION_TYPE_SWITCHED, 0, "");
	for (size_t i = 0; i < ctx.size; i++) /* "A program may change cinfos[i].type in place." */
		if (ctx.pollfd[i].fd == ends[2]) ctx.cinfos[i].type = IPC_CONNECTION_TYPE_EXTERNAL;
	check_entry(ends[2], IPC_CONNECTION_TYPE_EXTERNAL, 0, "");
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	check_no_entry(ends[0]);
	check_status(4, 0);
	finish(&ctx, &event);
	for (int i = 0; i < 4; i++) close(ends[i]);
	close(peer);
}

TEST(an_entry_that_was_filled_by_hand_is_shown) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_ctx_new_alloc(&ctx));
	ctx.pollfd[0].fd = ends[0];
	ctx.cinfos[0].type = IPC_CONNECTION_TYPE_EXTERNAL;
	check_status(1, 0);
	check_entry(ends[0], IPC_CONNECTION_TYPE_EXTERNAL, 0, "");
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

/* A message is pending until the kernel has it, and counts until its TX event is told; one that is sent directly has none. */
TEST(messages_are_counted_until_they_are_sent_and_told) {
	int origins[2], peers[2];
	struct ipc_message direct;
	CHECK_OK(ipc_server_init(&ctx, "count"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "count", &origins[i]);
	for (int i = 0; i < 3; i++) queue(&ctx, origins[0], 'a', "first", 5);
	queue(&ctx, origins[1], 'b', "second", 6);
	direct = message_of(origins[1], 'c', "direct", 6);
	CHECK_OK(ipc_write_fd(origins[1], &direct));
	for (int left = 4; left > 0; left--) {
		check_status(3, (size_t)left);
		/* The direct call has sent what was before it; the first wait sends the others, and is told of one. */
		check_entry(origins[0], IPC_CONNECTION_TYPE_IPC, left == 4 ? 3 : 0, "");
		check_entry(origins[1], IPC_CONNECTION_TYPE_IPC, 0, "");
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
	}
	check_status(3, 0);
	for (int i = 0; i < 2; i++) check_entry(origins[i], IPC_CONNECTION_TYPE_IPC, 0, "");
	queue(&ctx, origins[0], 'a', "dropped", 7);
	queue(&ctx, origins[1], 'b', "kept", 4);
	CHECK_OK(ipc_close_fd(&ctx, origins[0]));
	check_status(2, 1);
	check_entry(origins[1], IPC_CONNECTION_TYPE_IPC, 1, "");
	for (int i = 0; i < 2; i++) close(peers[i]);
	finish(&ctx, &event);
}

TEST(the_list_is_the_callers) {
	struct ipc_entry *entries;
	size_t number;
	CHECK_OK(ipc_server_init(&ctx, "list"));
	CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
	finish(&ctx, &event);
	CHECK(number == 1 && entries[0].type == IPC_CONNECTION_TYPE_SERVER && !is_open(entries[0].fd));
	CHECK(strcmp(entries[0].path, address_of("list").sun_path) == 0);
	free(entries);
}

/* More than an entry has room for is cut. */
TEST(a_path_that_is_too_long_is_cut) {
	for (size_t length = 106; length <= 200; length += length < 109 ? 1 : 91) {
		char wanted[108] = "", *path = malloc(length + 1);
		int listening = raw_listen("long");
		memset(path, 'p', length);
		path[length] = '\0';
		memset(wanted, 'p', length < 107 ? length : 107);
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER, .spath = path};
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listening, .events = POLLIN}));
		check_entry(listening, IPC_CONNECTION_TYPE_SERVER, 0, wanted);
		ipc_ctx_free(&ctx);
		close(listening);
		unlink(address_of("long").sun_path);
	}
}

TEST(ipc_close_fd_closes_what_is_the_contexts_and_drops_the_entry) {
	int ends[4], service, peer, server;
	char byte;
	make_pair(ends);
	make_pair(ends + 2);
	CHECK_OK(ipc_server_init(&ctx, "close"));
	server = server_of();
	peer = join(&ctx, &event, "close", &service);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[2]));
	CHECK_OK(ipc_close_fd(&ctx, ends[0]));
	CHECK(is_open(ends[0]) && ctx.size == 3);
	check_no_entry(ends[0]);
	CHECK_OK(ipc_close_fd(&ctx, service));
	CHECK(!is_open(service) && ctx.size == 2);
	CHECK_EQUAL(read_bytes(peer, &byte, 1), 0);
	check_no_entry(service);
	CHECK_OK(ipc_close_fd(&ctx, ends[2]));
	CHECK(!is_open(ends[2]) && ctx.size == 1);
	CHECK_EQUAL(read_bytes(ends[3], &byte, 1), 0);
	CHECK_EQUAL(access(address_of("close").sun_path, F_OK), 0);
	CHECK_OK(ipc_close_fd(&ctx, server)); /* the last one: as if zeroed */
	CHECK(!is_open(server) && access(address_of("close").sun_path, F_OK) != 0);
	CHECK(memcmp(&ctx, &zeroed, sizeof ctx) == 0);
	check_no_entry(server);
	close(ends[0]);
	close(ends[1]);
	close(ends[3]);
	close(peer);
}

TEST(ipc_close_fd_of_what_ipc_close_has_closed_says_so) {
	int service, peer;
	CHECK_OK(ipc_server_init(&ctx, "twice"));
	peer = join(&ctx, &event, "twice", &service);
	CHECK_OK(ipc_close(&ctx, 1));
	CHECK_CODE(ipc_close_fd(&ctx, service), IPC_ERROR_USOCK_CLOSE);
	close(peer);
	finish(&ctx, &event);
}

/* Of two entries with one descriptor the one that came last counts. The former one is dead when that is closed. */
TEST(a_descriptor_that_is_there_twice) {
	int ends[2];
	struct ipc_entry entry, *entries;
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	size_t number;
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0], .events = POLLIN}));
	check_status(2, 0);
	CHECK_OK(ipc_ctx_entry(&ctx, ends[0], &entry));
	CHECK(entry.fd == ends[0] && entry.type == IPC_CONNECTION_TYPE_IPC);
	CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
	CHECK(number == 2 && entries[0].fd == ends[0] && entries[1].fd == ends[0]);
	CHECK(entries[0].type != entries[1].type);
	free(entries);
	CHECK_OK(ipc_close_fd(&ctx, ends[0]));
	CHECK(!is_open(ends[0]));
	check_status(1, 0);
	CHECK_OK(ipc_ctx_entry(&ctx, ends[0], &entry));
	CHECK_EQUAL(entry.type, IPC_CONNECTION_TYPE_EXTERNAL);
	CHECK_OK(ipc_close_fd(&ctx, ends[0]));
	check_no_entry(ends[0]);
	close(ends[1]);
}

TEST(a_release_changes_nothing_for_a_thread_that_is_alone) {
	int origin, peer;
	CHECK_OK(ipc_server_init(&ctx, "alone"));
	peer = join(&ctx, &event, "alone", &origin);
	for (int i = 0; i < 3; i++) {
		write_frame(peer, 'r', &i, sizeof i);
		next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		for (int k = 0; k < i; k++) CHECK_OK(ipc_ctx_release(&ctx));
		check_message_event(&event, origin, 'r', &i, sizeof i); /* it is still this call's */
	}
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_OK(ipc_ctx_release(&ctx));
	check_status(1, 0);
	finish(&ctx, &event);
}
