/* SPDX-License-Identifier: MIT */
#include "app/message.h"

#define UP_TO(member) (offsetof(struct message, u) + \
	sizeof(((struct message *)0)->u.member))

/* What of the union a kind uses: a channel holds so many small messages more. */
static const size_t sizes[] = {
	[MESSAGE_PLAN] = UP_TO(plan),
	[MESSAGE_LISTEN] = UP_TO(listen),
	[MESSAGE_LOG] = UP_TO(log),
	[MESSAGE_FAILED] = UP_TO(code),
	[MESSAGE_OPEN_LOG] = UP_TO(open),
	[MESSAGE_OPENED] = UP_TO(open.u.why),
	[MESSAGE_CLOSE_LOGS] = UP_TO(generation),
	[MESSAGE_WORKER] = offsetof(struct message, u),
	[MESSAGE_HELLO] = UP_TO(pid),
	[MESSAGE_SPOOLS] = UP_TO(generation),
	[MESSAGE_CRUMBS] = offsetof(struct message, u),
	[MESSAGE_BAR] = UP_TO(bar),
	[MESSAGE_SOCKETS] = UP_TO(sockets),
	[MESSAGE_OPEN] = UP_TO(row),
	[MESSAGE_SERVING] = offsetof(struct message, u),
	[MESSAGE_DRAIN] = UP_TO(drain),
	[MESSAGE_LEFT] = offsetof(struct message, u),
	[MESSAGE_CUT] = offsetof(struct message, u),
	[MESSAGE_REOPEN] = offsetof(struct message, u),
	[MESSAGE_BECOME] = UP_TO(as),
	[MESSAGE_DESK] = UP_TO(desk),
	[MESSAGE_SEAT] = UP_TO(seat),
	[MESSAGE_STATE] = UP_TO(state),
	[MESSAGE_ERRORS] = UP_TO(errors),
	[MESSAGE_ASKED_RELOAD] = offsetof(struct message, u),
	[MESSAGE_ASKED_STOP] = offsetof(struct message, u),
	[MESSAGE_ADMIN] = offsetof(struct message, u),
};

int
message_send(int channel, const struct message *message, const int *fds,
    size_t count)
{
	return (channel_send(channel, message, sizes[message->kind], fds,
	    count));
}

int
message_post(struct outbox *outbox, const struct message *message,
    const int *fds, size_t count)
{
	return (outbox_send(outbox, message, sizes[message->kind], fds,
	    count));
}
