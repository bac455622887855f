/* SPDX-License-Identifier: MIT */
/*
 * schema -- the sections of the configuration file, each by its table.
 * Between config.c and the files that read sections; nobody else's.
 */
#ifndef APP_SCHEMA_H
#define APP_SCHEMA_H

#include "app/config.h"

/* A file that is being read into a config. */
struct schema {
	struct config *config;
	const struct yaml_file *file;
	const struct yaml_node *root;	/* what errors without a place of
					 * their own point at; never NULL */
	struct yaml_errors *errors;
};

/* Read the whole file; complains about all that is wrong. */
void schema_read(struct schema *s);

/* Free what schema_read allocated, but for the plugins. */
void schema_clear(struct config *config);

/* The items of a list under the root; complains when it is something else.
 * NULL: absent or wrong. */
const struct yaml_node *schema_list(struct schema *s, const char *key);

/* calloc that complains. */
void *schema_alloc(struct schema *s, size_t count, size_t size);

/* The value of a key where there is one, else the whole. */
const struct yaml_node *schema_place(const struct yaml_node *node,
    const char *key);

/* The ranges that are written at `node`, as many as there are texts;
 * complains of each that is none.  NULL without memory.  give: free. */
struct addr_range *schema_ranges(struct schema *s,
    const struct frl_strings *texts, const struct yaml_node *node);

/* Tell the operator "file:line:col: ..." of what is no error. */
void schema_warn(const struct schema *s, const struct yaml_node *node,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ... of inspectors that no tunnel will ever come to; when all is read. */
void schema_warn_idle(const struct schema *s);

/* `listen` */
void schema_listen(struct schema *s);

/* `plugins`: open them all, read their options. */
void schema_plugins(struct schema *s);

/* `upgrade`, and `undetected` with the name it has. */
void schema_upgrade(struct schema *s);
void schema_undetected(struct schema *s, const char *name);

/* The protocol inspector of that name for the value at `node`; complains and
 * gives NULL when there is none. */
struct plugin *schema_protocol(struct schema *s,
    const struct yaml_node *node, const char *name);

/* `limits` and `timeouts`, also the listeners' own; after these. */
void schema_limits(struct schema *s);

/* `security` */
void schema_security(struct schema *s);
void schema_security_clear(struct config *config);

/* `parents` */
void schema_parents(struct schema *s);

/* `resolver` */
void schema_resolver(struct schema *s);

/* `admin` */
void schema_admin(struct schema *s);

/* The table of all deadlines, for the documentation; then the rows of a
 * plugin's. */
void schema_print_timeouts(void);
void schema_print_plugin_timeouts(const char *name,
    const struct frl_option *options);

#endif
