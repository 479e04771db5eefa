/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options that config.h reads, prints and documents by. */
#ifndef SERVER_COMMON_CONFIG_OPTION_H
#define SERVER_COMMON_CONFIG_OPTION_H

#include <stdbool.h>

#include "protocol/json.h"

struct config_option {
	struct json_field field; /* of struct config; absent is the default of
	                            a number or an enum */
	const char *text;        /* default of a string */
	const char *unit;        /* of a number, for the manual page; or NULL */
	const char *at_most;     /* option that may not be less; or NULL */
	bool (*is_valid)(const char *value); /* of a string; or NULL */
	bool is_fixed;                       /* while the gateway serves */
	const char *help; /* a sentence, what is_valid wants included */
};

#define CONFIG_OPTIONS 42u

extern const struct config_option config_options[CONFIG_OPTIONS];

#endif
