/* SPDX-License-Identifier: MIT */
/*
 * tunnel.h -- the records of the core's own events, for hooks.
 *
 * Addresses and names here are the proxy's own canonical texts.
 */
#ifndef FAIRLEAD_TUNNEL_H
#define FAIRLEAD_TUNNEL_H

#include <fairlead/inspector.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * tunnel.open: a client named a target; nothing was resolved yet.  Hooks may
 * refuse (the client is answered 403).
 */
struct frl_tunnel_open {
	const char *mode, *listener;
	const char *client_addr;
	uint32_t client_port;
	const char *server_name;
	uint32_t server_port;
};

/*
 * tunnel.dial: this address is about to be connected to.  Hooks may refuse
 * it; others of the same name may still be tried.
 */
struct frl_tunnel_dial {
	const char *server_name, *server_addr;
	uint32_t server_port;
	uint32_t attempt;		/* counts from 1 */
	/* The parent proxy that will be asked for it; NULL: none.  Where it
	 * resolves the name, server_addr is NULL. */
	const char *via;
};

/* tunnel.connect: the server is reached. */
struct frl_tunnel_connect {
	const char *server_name, *server_addr;
	uint32_t server_port;
	uint64_t dns_us, connect_us;
	uint32_t attempts;
	/* The parent proxy that leads there, and its address; NULL: none.
	 * Where it resolved the name, server_addr is NULL. */
	const char *via, *via_addr;
};

/* tunnel.handoff: another inspector owns the protocol from here on. */
struct frl_tunnel_handoff {
	const char *from, *to;
	const char *reason;		/* "upgrade", "plugin" */
	uint64_t pending_c2s_bytes, pending_s2c_bytes;
	struct frl_bytes subprotocol, extensions;
};

/* tunnel.uninspected: from here on nobody looks. */
struct frl_tunnel_uninspected {
	const char *reason;		/* "undetected", "upgrade", "plugin" */
	const char *plugin;
	uint64_t from_bytes;		/* of both directions together */
};

/* tunnel.refused: a verdict ended the tunnel. */
struct frl_tunnel_refused {
	struct frl_bytes reason;
	uint32_t status;		/* what the client was answered, or 0 */
	const char *plugin;		/* who refused, NULL: the core */
	/* NULL, 0: as tunnel.open says. */
	const char *listener;
	const char *client_addr;
	uint32_t client_port;
	const char *kind;		/* "forbidden_address", ... */
};

/* tunnel.failed: a bad head, a failed resolve or connect. */
struct frl_tunnel_failed {
	const char *listener;
	const char *client_addr;
	uint32_t client_port;
	const char *reason;
	struct frl_bytes detail;
	uint32_t status;
	const char *via;		/* by this parent proxy, or NULL */
	uint32_t via_status;		/* what it answered, or 0 */
};

/* tunnel.close: the last line of every tunnel. */
struct frl_tunnel_close {
	const char *inspector;		/* who owned the protocol at the end */
	uint64_t duration_us;
	uint64_t c2s_bytes, s2c_bytes;
	const char *end;
	const char *closed_by;
};

#ifdef __cplusplus
}
#endif

#endif /* FAIRLEAD_TUNNEL_H */
