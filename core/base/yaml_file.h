/* SPDX-License-Identifier: MIT */
/*
 * yaml_file -- a file as it was read.  For yaml and yaml_errors only.
 */
#ifndef BASE_YAML_FILE_H
#define BASE_YAML_FILE_H

#include "base/yaml.h"

struct yaml_file {
	char *name, *text;
	size_t len;
	bool has_root;
	struct yaml_node root;
};

#endif
