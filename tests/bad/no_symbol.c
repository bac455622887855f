/* SPDX-License-Identifier: MIT */
/* no_symbol -- exports no descriptor. */
#include <fairlead/inspector.h>

__attribute__((visibility("default"))) const int not_a_plugin = FRL_ABI_MAJOR;
