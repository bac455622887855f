/* SPDX-License-Identifier: MIT */
/*
 * echo_server -- a WebSocket server for the demo: it greets, sends back what
 * it gets, and answers pings and closes.
 *
 *	echo_server			listens on a free loopback port, says
 *					"listening ADDRESS", serves for ever
 *	echo_server --free-address	prints an address nobody listens on
 *
 * One process per client, which dies with the server.
 */
#include "wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int
greet(struct wire *wire)
{
	struct wire_frame hello = { .opcode = WIRE_TEXT, .fin = true };
	char head[8192], key[128], accept[WIRE_ACCEPT_SIZE], answer[256];

	if (wire_head(wire, head, sizeof(head)) != 0 ||
	    wire_field(head, "Sec-WebSocket-Key", key, sizeof(key)) != 0)
		return (-1);
	wire_accept(key, accept);
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
	if (wire_write(wire, answer) != 0)
		return (-1);
	hello.len = (size_t)snprintf((char *)hello.payload,
	    sizeof(hello.payload), "welcome aboard");
	return (wire_send(wire, false, &hello));
}

static void
serve(int fd)
{
	static struct wire wire;
	static struct wire_frame frame;

	wire.fd = fd;
	if (greet(&wire) != 0)
		return;
	while (wire_recv(&wire, &frame) == 0) {
		if (frame.opcode == WIRE_PONG)
			continue;
		if (frame.opcode == WIRE_PING)
			frame.opcode = WIRE_PONG;
		if (wire_send(&wire, false, &frame) != 0 ||
		    frame.opcode == WIRE_CLOSE)
			return;
	}
}

int
main(int argc, char **argv)
{
	pid_t parent = getpid();
	char address[64];
	int fd, client;

	fd = wire_listen(address, sizeof(address));
	if (fd == -1) {
		perror("echo_server");
		return (EXIT_FAILURE);
	}
	if (argc > 1 && strcmp(argv[1], "--free-address") == 0) {
		puts(address);
		return (EXIT_SUCCESS);
	}
	printf("listening %s\n", address);
	fflush(stdout);
	signal(SIGCHLD, SIG_IGN);
	while ((client = accept(fd, NULL, NULL)) != -1) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				serve(client);
			_exit(EXIT_SUCCESS);
		}
		close(client);
	}
	perror("echo_server: accept");
	return (EXIT_FAILURE);
}
