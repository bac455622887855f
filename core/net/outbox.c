/* SPDX-License-Identifier: MIT */
#include "net/outbox.h"

#include "net/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

/* A channel that is full has room within this; and so have descriptors that
 * are on their way (ETOOMANYREFS), of which nobody would tell. */
#define AGAIN_MS 10

struct outbox_item {
	struct outbox_item *prev, *next;
	int fds[CHANNEL_FDS_MAX];
	size_t count, size;
	char message[];
};

static void
item_free(struct outbox_item *item)
{
	while (item->count > 0)
		close(item->fds[--item->count]);
	free(item);
}

static struct outbox_item *
item_make(const void *message, size_t size, const int *fds, size_t count)
{
	struct outbox_item *item = malloc(sizeof(*item) + size);
	int fd;

	if (item == NULL)
		return (NULL);
	memcpy(item->message, message, size);
	item->size = size;
	for (item->count = 0; item->count < count; item->count++) {
		fd = fcntl(fds[item->count], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			item_free(item);
			return (NULL);
		}
		item->fds[item->count] = fd;
	}
	return (item);
}

static bool
is_full(int error)
{
	return (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ||
	    error == ETOOMANYREFS);
}

static void
send_waiting(void *arg)
{
	struct outbox *outbox = arg;
	struct outbox_item *item;

	while ((item = outbox->items) != NULL) {
		if (channel_send(outbox->channel, item->message, item->size,
		    item->fds, item->count) != 0 && is_full(errno)) {
			timer_start(outbox->loop, &outbox->again, AGAIN_MS,
			    send_waiting, outbox);
			return;
		}
		/* Sent; or the other end is gone, which its reader sees. */
		DL_DELETE(outbox->items, item);
		item_free(item);
	}
}

void
outbox_open(struct outbox *outbox, struct loop *loop, int channel)
{
	outbox->loop = loop;
	outbox->channel = channel;
}

void
outbox_close(struct outbox *outbox)
{
	struct outbox_item *item;

	timer_stop(&outbox->again);
	outbox->channel = -1;
	while ((item = outbox->items) != NULL) {
		DL_DELETE(outbox->items, item);
		item_free(item);
	}
}

int
outbox_send(struct outbox *outbox, const void *message, size_t size,
    const int *fds, size_t count)
{
	struct outbox_item *item;

	if (outbox->channel < 0)
		return (0);
	if (count > CHANNEL_FDS_MAX) {
		errno = EINVAL;
		return (-1);
	}
	if (outbox->items == NULL) {
		if (channel_send(outbox->channel, message, size, fds,
		    count) == 0 || !is_full(errno))
			return (0);
		timer_start(outbox->loop, &outbox->again, AGAIN_MS,
		    send_waiting, outbox);
	}
	item = item_make(message, size, fds, count);
	if (item == NULL)
		return (-1);
	DL_APPEND(outbox->items, item);
	return (0);
}
