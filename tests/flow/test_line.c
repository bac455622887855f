/* SPDX-License-Identifier: MIT */
/* line: whatever a record holds, a line is one valid object. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <fairlead/websocket.h>

#include "flow/line.h"
#include "flow/tunnel_events.h"
#include "strict_json.h"

#define F(struct_, name, member, type, flags, cap) \
	{ name, "", offsetof(struct struct_, member), type, flags, cap }
#define END { NULL, NULL, 0, 0, 0, 0 }

static const struct frl_field frame_fields[] = {
	F(frl_ws_frame, "ws.frame", frame, FRL_U64, 0, 0),
	F(frl_ws_frame, "ws.msg", msg, FRL_U64, FRL_ABSENT_ZERO, 0),
	F(frl_ws_frame, "ws.opcode", opcode, FRL_U32, 0, 0),
	F(frl_ws_frame, "ws.type", type, FRL_NAME, 0, 0),
	F(frl_ws_frame, "ws.fin", fin, FRL_BOOL, 0, 0),
	F(frl_ws_frame, "ws.rsv", rsv, FRL_U32, 0, 0),
	F(frl_ws_frame, "ws.masked", masked, FRL_BOOL, 0, 0),
	F(frl_ws_frame, "ws.header_bytes", header_bytes, FRL_U32, 0, 0),
	F(frl_ws_frame, "ws.payload_bytes", payload_bytes, FRL_U64, 0, 0),
	END
};

static const struct frl_event frame_event = {
	.name = "ws.frame",
	.text = "{>} {ws.type:6} {ws.fin?fin} {ws.rsv?deflated}"
	    "{ws.payload_bytes:-8} B",
	.fields = frame_fields,
	.record_size = sizeof(struct frl_ws_frame),
	.flags = FRL_EVENT_FLOW | FRL_EVENT_ASKS
};

static const struct frl_ws_frame frame = { .frame = 1, .msg = 1, .opcode = 1,
    .type = "text", .fin = 1, .rsv = 4, .masked = 0, .header_bytes = 2,
    .payload_bytes = 35 };

static const struct frl_tunnel tunnel = { .id = "7f3a9c00-00000a4e" };

/* 2026-11-23T18:03:07.120431Z */
#define MOMENT UINT64_C(1795456987120431)

static struct line_plan *
compile(const struct frl_event *event)
{
	struct err err = { "" };
	struct line_plan *plan = line_compile(event, "edge-1", &err);

	if (plan == NULL)
		fail_msg("%s", err.text);
	return (plan);
}

/* The line as text, in memory that the next call uses again. */
static const char *
write_with(void (*writer)(struct json *, const struct line *),
    const struct line *line)
{
	static char mem[65536];
	struct json j = { .at = mem, .end = mem + sizeof(mem) - 1 };

	writer(&j, line);
	assert_false(j.full);
	*j.at = '\0';
	return (mem);
}

static const char *
strict(const char *text)
{
	static struct strict s;

	if (!strict_line(&s, text, strlen(text)))
		fail_msg("not one strict object: %s", text);
	return (s.leaves);
}

static void
frame_line(void **state)
{
	struct line_plan *plan = compile(&frame_event);
	struct line_clock clock = { 0 };
	struct line line = { .plan = plan, .record = &frame,
	    .tunnel = &tunnel, .clock = &clock, .seq = 7,
	    .flow = FRL_FROM_SERVER, .verdict = LINE_ALLOW };
	const char *text;

	(void)state;
	line_clock_set(&clock, MOMENT);
	text = write_with(line_json, &line);
	assert_string_equal(text,
	    "{\"v\":1,\"ts\":\"2026-11-23T18:03:07.120431Z\","
	    "\"event\":\"ws.frame\",\"node\":\"edge-1\","
	    "\"tunnel\":\"7f3a9c00-00000a4e\",\"seq\":7,\"dir\":\"s2c\","
	    "\"ws\":{\"frame\":1,\"msg\":1,\"opcode\":1,\"type\":\"text\","
	    "\"fin\":true,\"rsv\":4,\"masked\":false,\"header_bytes\":2,"
	    "\"payload_bytes\":35},\"verdict\":\"allow\"}\n");
	strict(text);
	line.usual_id = true;
	assert_non_null(strstr(write_with(line_json, &line),
	    "\"tunnel\":\"7f3a9c00-00000a4e\",\"seq\":7,"));
	assert_string_equal(write_with(line_text, &line),
	    "18:03:07.120 a4e  <- text   fin deflated      35 B\n");
	line.verdict = LINE_REFUSE;
	line.flow = FRL_FROM_CLIENT;
	text = write_with(line_json, &line);
	assert_non_null(strstr(text, "\"dir\":\"c2s\""));
	assert_non_null(strstr(text, "},\"verdict\":\"refuse\"}\n"));
	assert_non_null(strstr(write_with(line_text, &line), "-> text"));
	assert_non_null(strstr(write_with(line_text, &line), "REFUSED\n"));
	line_plan_free(plan);
}

static void
clock_text(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 999999, "1970-01-01T00:00:00.999999Z" },
		{ 1000000, "1970-01-01T00:00:01.000000Z" },
		{ MOMENT, "2026-11-23T18:03:07.120431Z" },
		{ MOMENT + 1, "2026-11-23T18:03:07.120432Z" },
		{ UINT64_C(1709251199000007), "2024-02-29T23:59:59.000007Z" },
		{ UINT64_C(4102444800000000), "2100-01-01T00:00:00.000000Z" },
	};
	struct line_clock clock = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		line_clock_set(&clock, rows[i].us);
		assert_string_equal(clock.text, rows[i].text);
	}
}

/* A record in which any field may be missing. */
struct holes {
	int64_t n[9];
};

#define HOLE(i, name) F(holes, name, n[i], FRL_I64, 0, 0)

static const struct frl_field hole_fields[] = {
	HOLE(0, "a"), HOLE(1, "x.a"), HOLE(2, "x.y.b"), HOLE(3, "x.y.c"),
	HOLE(4, "x.z.u.w.d"), HOLE(5, "x.z.e"), HOLE(6, "x.f"),
	HOLE(7, "y.x.g"), HOLE(8, "h"), END
};

static const struct frl_event hole_event = { .name = "test.holes",
    .fields = hole_fields, .record_size = sizeof(struct holes) };

static void
any_field_missing(void **state)
{
	struct line_plan *plan = compile(&hole_event);
	struct line_clock clock = { 0 };
	struct holes record;
	struct line line = { .plan = plan, .record = &record,
	    .clock = &clock, .flow = -1 };
	char want[1024], pairs[1024];
	const char *leaves;
	unsigned mask;
	int i;

	(void)state;
	line_clock_set(&clock, MOMENT);
	for (mask = 0; mask < 1 << 9; mask++) {
		strcpy(want, "v=1\nts=\"2026-11-23T18:03:07.120431Z\"\n"
		    "event=\"test.holes\"\nnode=\"edge-1\"\n");
		strcpy(pairs, "18:03:07.120 -    test.holes");
		for (i = 0; i < 9; i++) {
			record.n[i] = mask >> i & 1 ? 100 + i : -1;
			if (record.n[i] < 0)
				continue;
			sprintf(want + strlen(want), "%s=%d\n",
			    hole_fields[i].name, 100 + i);
			sprintf(pairs + strlen(pairs), " %s=%d",
			    hole_fields[i].name, 100 + i);
		}
		leaves = strict(write_with(line_json, &line));
		assert_string_equal(leaves, want);
		strcat(pairs, "\n");
		assert_string_equal(write_with(line_text, &line), pairs);
	}
	line_plan_free(plan);
}

struct words {
	struct frl_bytes text;
	const char *name;
	uint64_t u64;
	uint32_t u32;
	int64_t i64;
	int8_t yes;
};

static const struct frl_field word_fields[] = {
	F(words, "text", text, FRL_TEXT, 0, 16),
	F(words, "name", name, FRL_NAME, 0, 0),
	F(words, "u64", u64, FRL_U64, FRL_ABSENT_ZERO, 0),
	F(words, "u32", u32, FRL_U32, FRL_ABSENT_ZERO, 0),
	F(words, "i64", i64, FRL_I64, 0, 0),
	F(words, "yes", yes, FRL_BOOL, 0, 0),
	END
};

static const struct frl_event word_event = { .name = "test.words",
    .text = "[{text}] [{name:-6}] [{u64:4}]{u32?!}", .fields = word_fields,
    .record_size = sizeof(struct words) };

static void
check_hostile(const struct line *line)
{
	const char *text, *p;

	strict(write_with(line_json, line));
	text = write_with(line_text, line);
	for (p = text; p[1] != '\0'; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	assert_int_equal(*p, '\n');
}

static void
hostile_strings(void **state)
{
	struct line_plan *plan = compile(&word_event);
	struct line_clock clock = { 0 };
	struct words record = { .i64 = -1, .yes = -1 };
	struct line line = { .plan = plan, .record = &record,
	    .clock = &clock, .flow = -1 };
	uint8_t bytes[40];
	char name[42];
	unsigned i, k, seed = 1;

	(void)state;
	line_clock_set(&clock, MOMENT);
	record.text.data = bytes;
	record.name = name;
	for (i = 0; i < 20000; i++) {
		record.text.len = i % 40;
		for (k = 0; k < 40; k++) {
			seed = seed * 1103515245 + 12345;
			bytes[k] = (uint8_t)(seed >> 16);
			if (i % 3 == 0)
				bytes[k] |= 0x80;
		}
		if (i < 256) {
			bytes[0] = (uint8_t)i;
			record.text.len = 1;
		}
		memcpy(name, bytes, 40);
		name[40] = '\0';
		check_hostile(&line);
	}
	line_plan_free(plan);
}

static void
caps_and_absence(void **state)
{
	struct line_plan *plan = compile(&word_event);
	struct line_clock clock = { 0 };
	struct words record = { .i64 = -1, .yes = -1 };
	struct line line = { .plan = plan, .record = &record,
	    .clock = &clock, .flow = -1 };
	const uint8_t *text = (const uint8_t *)"0123456789abcdef0";
	const char *leaves;

	(void)state;
	line_clock_set(&clock, MOMENT);
	leaves = strict(write_with(line_json, &line));
	assert_null(strstr(leaves, "text"));
	assert_null(strstr(leaves, "trunc"));
	assert_string_equal(write_with(line_text, &line),
	    "18:03:07.120 -    [] [      ] [    ]\n");
	record = (struct words){ .text = { text, 16 }, .name = "n",
	    .u64 = UINT64_MAX, .u32 = 1, .i64 = INT64_MAX, .yes = 1 };
	leaves = strict(write_with(line_json, &line));
	assert_non_null(strstr(leaves, "text=\"0123456789abcdef\"\n"
	    "name=\"n\"\nu64=18446744073709551615\nu32=1\n"
	    "i64=9223372036854775807\nyes=true\n"));
	assert_null(strstr(leaves, "trunc"));
	record.text.len = 17;
	leaves = strict(write_with(line_json, &line));
	assert_non_null(strstr(leaves, "text=\"0123456789abcdef\"\n"));
	assert_non_null(strstr(leaves, "yes=true\ntrunc=true\n"));
	assert_string_equal(write_with(line_text, &line),
	    "18:03:07.120 -    [0123456789abcdef...] [     n] "
	    "[18446744073709551615]!\n");
	record.text.len = 0;
	leaves = strict(write_with(line_json, &line));
	assert_non_null(strstr(leaves, "text=\"\"\n"));
	line.cap = 4;
	record.text.len = 5;
	leaves = strict(write_with(line_json, &line));
	assert_non_null(strstr(leaves, "text=\"0123\"\n"));
	line_plan_free(plan);
}

#define SPARE 512

/* In every size of memory: the whole line, or `full` and nothing behind.  JSON
 * wants some bytes to spare. */
static void
small_memory(void **state)
{
	struct line_plan *plan = compile(&frame_event);
	struct line_clock clock = { 0 };
	struct line line = { .plan = plan, .record = &frame,
	    .tunnel = &tunnel, .clock = &clock, .flow = 0 };
	size_t size, whole;
	struct json j;
	char *mem;
	int text;

	(void)state;
	line_clock_set(&clock, MOMENT);
	for (text = 0; text < 2; text++) {
		whole = strlen(write_with(text ? line_text : line_json,
		    &line));
		for (size = 0; size <= whole + SPARE; size++) {
			mem = malloc(size == 0 ? 1 : size);
			j = (struct json){ .at = mem, .end = mem + size };
			(text ? line_text : line_json)(&j, &line);
			assert_true(j.full || size >= whole);
			assert_false(j.full && size >= whole +
			    (text ? 0 : SPARE));
			assert_true(j.at <= j.end);
			assert_true(j.full || j.at == mem + whole);
			free(mem);
		}
	}
	line_plan_free(plan);
}

/* A client on a UNIX socket has no port, and no colon in front of it. */
static void
no_port(void **state)
{
	struct line_plan *plan = compile(&tunnel_event_open);
	struct frl_tunnel_open record = { "connect", "unix:/a", "unix", 0,
	    "example.com", 443 };
	struct line_clock clock = { 0 };
	struct line line = { .plan = plan, .record = &record,
	    .tunnel = &tunnel, .clock = &clock };

	(void)state;
	line_clock_set(&clock, MOMENT);
	assert_non_null(strstr(write_with(line_text, &line),
	    "open   unix -> example.com:443 (connect)\n"));
	record.client_port = 40000;
	assert_non_null(strstr(write_with(line_text, &line),
	    "open   unix:40000 -> example.com:443 (connect)\n"));
	line_plan_free(plan);
}

static void
check_text(const struct frl_event *event, const void *record,
    const char *want)
{
	struct line_plan *plan = compile(event);
	struct line_clock clock = { 0 };
	struct line line = { .plan = plan, .record = record,
	    .clock = &clock, .flow = -1 };

	line_clock_set(&clock, MOMENT);
	assert_string_equal(write_with(line_text, &line) +
	    strlen("18:03:07.120 -    "), want);
	line_plan_free(plan);
}

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

static const struct frl_event said_event = { .name = "test.said",
    .text = "close 1000 {text:\"} by {name}", .fields = word_fields,
    .record_size = sizeof(struct words) };

/* A sentence either way. */
static void
reload_is_told(void **state)
{
	struct proxy_reload record = { .generation = 2, .result = "serves",
	    .plugins = TEXT("http 0.1.0, raw 0.1.0") };

	(void)state;
	check_text(&proxy_event_reload, &record,
	    "reload serves: generation 2, http 0.1.0, raw 0.1.0\n");
	record.result = "failed";
	record.plugins.len = 0;
	record.errors = (struct frl_bytes)TEXT("a.yaml: 1 error");
	check_text(&proxy_event_reload, &record,
	    "reload failed: generation 2 goes on: \"a.yaml: 1 error\"\n");
}

/* No hole where something is absent. */
static void
quarantine_is_told(void **state)
{
	struct plugin_quarantined record = { .plugin = "x", .callback = "data",
	    .reason = TEXT("three faults in a minute") };
	struct plugin_error error = { .plugin = "x", .callback = "data",
	    .detail = TEXT("how") };

	(void)state;
	check_text(&plugin_event_quarantined, &record,
	    "plugin x quarantined: three faults in a minute\n");
	check_text(&plugin_event_error, &error,
	    "plugin x failed in data how\n");
	record.target = (struct frl_bytes)TEXT("a.example:80");
	check_text(&plugin_event_quarantined, &record,
	    "plugin x quarantined for a.example:80: three faults in a "
	    "minute\n");
}

/* What a peer says cannot be taken for what we say. */
static void
peers_words_are_quoted(void **state)
{
	struct words said = { .text = TEXT("bye by us"), .name = "client" };

	(void)state;
	check_text(&said_event, &said, "close 1000 \"bye by us\" by client\n");
	said.text = (struct frl_bytes)TEXT("\" by us \\");
	check_text(&said_event, &said,
	    "close 1000 \"\\x22 by us \\x5c\" by client\n");
	said.text = (struct frl_bytes)TEXT("\"");
	check_text(&said_event, &said, "close 1000 \"\\x22\" by client\n");
	/* Cut at 16 bytes, also where the last of them is a quote. */
	said.text = (struct frl_bytes)TEXT("0123456789abcde\"x");
	check_text(&said_event, &said,
	    "close 1000 \"0123456789abcde\\x22...\" by client\n");
	said.text = (struct frl_bytes)TEXT("\"123456789abcdefg");
	check_text(&said_event, &said,
	    "close 1000 \"\\x22123456789abcdef...\" by client\n");
	said.text.len = 0;
	check_text(&said_event, &said, "close 1000 by client\n");
	said.text.data = NULL;
	check_text(&said_event, &said, "close 1000 by client\n");
}

/* No colon, comma or space stands where what it leads to is absent. */
static void
no_stray_colon(void **state)
{
	struct frl_tunnel_refused refused = { TEXT("no"), .status = 403,
	    .plugin = "guard" };
	struct frl_tunnel_failed failed = { "l", "127.0.0.1", 1,
	    "bad_head", TEXT("no method"), 400, NULL, 0 };
	struct proxy_limit limit = { "tunnels", 3, 1, NULL };

	(void)state;
	check_text(&tunnel_event_refused, &refused,
	    "refused 403 guard: no\n");
	refused.plugin = NULL;
	check_text(&tunnel_event_refused, &refused, "refused 403 no\n");
	refused.status = 0;
	check_text(&tunnel_event_refused, &refused, "refused no\n");
	check_text(&tunnel_event_failed, &failed,
	    "failed 400 bad_head for client 127.0.0.1: no method\n");
	failed.detail = (struct frl_bytes){ NULL, 0 };
	check_text(&tunnel_event_failed, &failed,
	    "failed 400 bad_head for client 127.0.0.1\n");
	check_text(&proxy_event_limit, &limit,
	    "limits.tunnels is 3: 1 turned away\n");
	limit.client_addr = "127.0.0.1";
	check_text(&proxy_event_limit, &limit, "limits.tunnels is 3: "
	    "1 turned away, last client 127.0.0.1\n");
}

static void
parts_of_close(void **state)
{
	struct line_plan *close_plan = compile(&tunnel_event_close);
	struct line_plan *holes = compile(&hole_event);
	struct line_clock clock = { 0 };
	struct holes record = { { -1, 1, -1, 2, -1, -1, -1, -1, 3 } };
	struct frl_tunnel_close closing = { .inspector = "websocket",
	    .end = "client_fin", .closed_by = "client" };
	struct event_part part = { .plan = holes, .record = &record };
	struct line line = { .plan = close_plan, .record = &closing,
	    .tunnel = &tunnel, .parts = &part, .clock = &clock, .flow = -1 };

	(void)state;
	line_clock_set(&clock, MOMENT);
	assert_non_null(strstr(strict(write_with(line_json, &line)),
	    "closed_by=\"client\"\nx.a=1\nx.y.c=2\nh=3\n"));
	assert_non_null(strstr(write_with(line_text, &line),
	    " x.a=1 x.y.c=2 h=3\n"));
	assert_null(line_plan_clash(close_plan, holes));
	assert_string_equal(line_plan_clash(holes, holes), "a");
	line_plan_free(close_plan);
	line_plan_free(holes);
}

static void
own_tables(void **state)
{
	struct frl_tunnel_open open_record = { .mode = "connect",
	    .client_addr = "10.42.0.31", .client_port = 37494,
	    .server_name = "api.example.com", .server_port = 80 };
	struct line_clock clock = { 0 };
	struct line line = { .record = &open_record, .clock = &clock,
	    .tunnel = &tunnel, .flow = -1, .verdict = LINE_ALLOW };
	struct line_plan *plan;
	size_t i;

	(void)state;
	line_clock_set(&clock, MOMENT);
	for (i = 0; tunnel_events[i] != NULL; i++)
		line_plan_free(compile(tunnel_events[i]));
	assert_int_equal(i, 20);
	plan = compile(&tunnel_event_open);
	line.plan = plan;
	assert_non_null(strstr(write_with(line_json, &line),
	    "\"mode\":\"connect\",\"client\":{\"addr\":\"10.42.0.31\","
	    "\"port\":37494},\"server\":{\"name\":\"api.example.com\","
	    "\"port\":80},\"verdict\":\"allow\"}"));
	line_plan_free(plan);
}

static void
bad_tables(void **state)
{
	static const struct {
		const char *text;
		struct frl_field fields[3];
	} rows[] = {
		{ "no field name", { HOLE(0, "A"), END } },
		{ "no field name", { HOLE(0, ""), END } },
		{ "no field name", { HOLE(0, "a..b"), END } },
		{ "no field name", { HOLE(0, ".a"), END } },
		{ "no field name", { HOLE(0, "a."), END } },
		{ "no field name", { HOLE(0, "a\"b"), END } },
		{ "too deep", { HOLE(0, "a.b.c.d.e.f"), END } },
		{ "twice", { HOLE(0, "a"), HOLE(1, "a"), END } },
		{ "no object", { HOLE(0, "a"), HOLE(1, "a.b"), END } },
		{ "an object, too", { HOLE(0, "a.b"), HOLE(1, "a"), END } },
		{ "all lines have", { HOLE(0, "ts"), END } },
		{ "unknown type", { F(holes, "a", n[0], 6, 0, 0), END } },
		{ "in the record", { { "a", "", sizeof(struct holes), FRL_U64,
		    0, 0 }, END } },
		{ "in the record", { { "a", "", 4, FRL_U64, 0, 0 }, END } },
	};
	static const struct frl_field apart[] = { HOLE(0, "a.b"),
	    HOLE(1, "c"), HOLE(2, "a.d"), END };
	static const char *const texts[] = { "{nothing}", "{a", "{a:}",
	    "{a:x}", "{a:0}", "{a:123}", "{}", "{>>}" };
	struct frl_event event = { .name = "test.bad",
	    .record_size = sizeof(struct holes) };
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		event.fields = rows[i].fields;
		assert_null(line_compile(&event, "n", &err));
		assert_non_null(strstr(err.text, rows[i].text));
	}
	event.fields = apart;
	assert_null(line_compile(&event, "n", &err));
	assert_non_null(strstr(err.text, "stands apart"));
	event.fields = hole_fields;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		event.text = texts[i];
		assert_null(line_compile(&event, "n", &err));
		assert_non_null(strstr(err.text, "cannot understand"));
	}
	event.text = NULL;
	event.name = "nodot";
	assert_null(line_compile(&event, "n", &err));
	event.name = NULL;
	assert_null(line_compile(&event, "n", &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_line),
		cmocka_unit_test(clock_text),
		cmocka_unit_test(any_field_missing),
		cmocka_unit_test(hostile_strings),
		cmocka_unit_test(caps_and_absence),
		cmocka_unit_test(small_memory),
		cmocka_unit_test(parts_of_close),
		cmocka_unit_test(no_port),
		cmocka_unit_test(no_stray_colon),
		cmocka_unit_test(reload_is_told),
		cmocka_unit_test(quarantine_is_told),
		cmocka_unit_test(peers_words_are_quoted),
		cmocka_unit_test(own_tables),
		cmocka_unit_test(bad_tables),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
